import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from builders import CREATED, CUES, references, template
from builders import MODEL_ID as MODEL
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.matching.cues import EXTENT
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.template import Template

STRANGERS = Strangers(whole=NormalFit(mean=-8.0, deviation=1.5), reduced=NormalFit(mean=-7.5, deviation=2.0))


@pytest.mark.parametrize("count", [1, 2, 5, MAX_REFERENCES])
@pytest.mark.parametrize("depth", [0, 16])
def test_bytes_and_back(count, depth):
    rng = np.random.default_rng(count)
    its = references(count, depth=depth)
    spread = np.tril(rng.uniform(size=(4, count, count)), -1).astype(np.float32).transpose(1, 2, 0)
    # The third cue is signed.
    spread = spread + spread.transpose(1, 0, 2) * np.array([1, 1, -1, 1], np.float32)
    before = Template(
        user_id="Zoë ✍",
        model_id=MODEL,
        modality="pen",
        references=its,
        spread=spread,
        created=CREATED,
    )
    after = Template.from_bytes(before.to_bytes())
    assert (after.user_id, after.model_id, after.created) == ("Zoë ✍", MODEL, CREATED)
    np.testing.assert_array_equal(after.spread, spread)
    for name in ("series", "detail", "sequence", "vector", "extent"):
        np.testing.assert_array_equal(getattr(after.references, name), getattr(before.references, name))
        assert getattr(after.references, name).dtype == getattr(before.references, name).dtype
    assert after.to_bytes() == before.to_bytes()


def test_layout():
    """Raise `VERSION` before you change this."""
    its = replace(template("Zoë", 2), strangers=STRANGERS)
    data = its.to_bytes()
    fields = struct.unpack_from("<4sHHHIHHHHHHHHq8s", data)
    signed = 0b11 << CUES.index(EXTENT) << 8
    created = 1709209815250
    assert fields == (
        b"SIGT", 4, 2, 3 | 0x80 | signed, len(data), 256, 7, 5, 128, 16, 64, len(CUES), 4, created,
        bytes.fromhex(MODEL),
    )  # fmt: skip
    assert data[46:53] == "Zoëpen".encode()
    below = its.spread[1, 0].astype("<f4").tobytes()
    rest = its.references
    assert data[53:69] == np.array([-8, 1.5, -7.5, 2], "<f4").tobytes()
    assert data[69 : 69 + len(below)] == below
    assert data[69 + len(below) : -4] == b"".join(
        [
            rest.extent.tobytes(),
            rest.series.tobytes(),
            rest.detail.tobytes(),
            rest.sequence.tobytes(),
            rest.vector.astype("<f2").tobytes(),
        ]
    )
    assert data[-4:] == zlib.crc32(data[:-4]).to_bytes(4, "little")


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5])
def test_another_version_says_so_and_what_to_do(version):
    data = bytearray(template(count=1).to_bytes())
    data[4] = version
    message = rf"template of another version; expected 4; received {version}\. Enroll again"
    with pytest.raises(MalformedTemplate, match=message):
        Template.from_bytes(bytes(data))


@pytest.mark.parametrize("modality", ["image", "p", "a_16_chars_long_"])
def test_of_another_modality(modality):
    before = template("Zoë", 2, modality=modality)
    data = before.to_bytes()
    after = Template.from_bytes(data)
    assert (after.user_id, after.modality) == ("Zoë", modality)
    assert after.to_bytes() == data
    for position in range(46):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(MalformedTemplate):
                Template.from_bytes(bytes(damaged))


@pytest.mark.parametrize("modality", ["", "Pen", "1st", "a_17_chars_long__", "pen\n", "pén"])
def test_what_names_no_modality(modality):
    with pytest.raises(MalformedTemplate, match="modality"):
        template(modality=modality)


@pytest.mark.parametrize("count", [1, 5, 12])
@pytest.mark.parametrize(("depth", "most"), [(0, 2750), (16, 4800)])
def test_size_a_reference(count, depth, most):
    """Without local vectors, as a model with a pair network has none, and with 16 of them."""
    assert len(template(count=count, depth=depth).to_bytes()) <= most * count + 64


def test_every_truncation_and_trailing_data_is_refused():
    data = template(count=1).to_bytes()
    for end in [*range(200), *range(200, len(data), 97), len(data) - 1]:
        with pytest.raises(MalformedTemplate):
            Template.from_bytes(data[:end])
    with pytest.raises(MalformedTemplate, match="trailing"):
        Template.from_bytes(data + b"\0")


def test_every_flipped_bit_of_the_header_is_refused():
    data = template(count=1).to_bytes()
    for position in range(60):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(MalformedTemplate):
                Template.from_bytes(bytes(damaged))


@given(st.binary(max_size=300))
def test_garbage_never_reads_as_a_template(data):
    with pytest.raises(MalformedTemplate):
        Template.from_bytes(data)


@given(st.binary(max_size=300))
def test_garbage_behind_a_right_header_never_crashes(data):
    with pytest.raises(MalformedTemplate):
        Template.from_bytes(template(count=1).to_bytes()[:46] + data)


def test_numbers_that_are_not_finite_are_refused():
    data = template(count=2).to_bytes()
    for bad in (b"\0\0\xc0\x7f", b"\0\0\x80\xff"):  # NaN, -infinity: the first distance
        broken = data[:54] + bad + data[58:-4]
        with pytest.raises(MalformedTemplate, match="finite"):
            Template.from_bytes(broken + zlib.crc32(broken).to_bytes(4, "little"))


@pytest.mark.parametrize("user_id", ["", "a" * 257, "a\0b", 7, None, "\ud800"])
def test_impossible_user_ids(user_id):
    with pytest.raises(ConfigError, match="user id"):
        template(user_id)


@pytest.mark.parametrize("user_id", ["a", "a" * 256, " ", "名前", "../../etc/passwd", "'; DROP TABLE"])
def test_odd_but_possible_user_ids(user_id):
    assert Template.from_bytes(template(user_id, 1).to_bytes()).user_id == user_id


def test_parts_that_do_not_fit():
    its = references(2)
    with pytest.raises(MalformedTemplate, match=r"\(2, 2, k\)"):
        Template(
            user_id="a",
            model_id=MODEL,
            modality="pen",
            references=its,
            spread=np.zeros((1, 1, 4), np.float32),
            created=CREATED,
        )
    with pytest.raises(MalformedTemplate, match="16 hex digits"):
        template(model_id="base")


@pytest.mark.parametrize("strangers", [None, STRANGERS])
def test_how_near_strangers_come_is_kept(strangers):
    its = replace(template(count=3), strangers=strangers)
    after = Template.from_bytes(its.to_bytes())
    assert after.strangers == strangers
    assert after.to_bytes() == its.to_bytes()
    assert len(its.to_bytes()) == len(template(count=3).to_bytes()) + (16 if strangers else 0)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 61, -61])
def test_strangers_that_cannot_be_are_no_template(place, value):
    """They would lower a threshold, or raise it beyond everybody."""
    data = replace(template("Zoë", 2), strangers=STRANGERS).to_bytes()
    at = 53 + 4 * place
    broken = data[:at] + np.array(value, "<f4").tobytes() + data[at + 4 : -4]
    with pytest.raises(MalformedTemplate, match="log odds of strangers that cannot be"):
        Template.from_bytes(broken + zlib.crc32(broken).to_bytes(4, "little"))


def test_repr_shows_no_biometrics():
    assert repr(template()) == f"<Template of 'alice', 5 references, model {MODEL}>"


def test_a_vector_is_one_that_float16_can_hold():
    its = template(count=2)
    vector = its.references.vector.copy()
    vector[1, 3] = 1e6
    with pytest.raises(MalformedTemplate, match="finite"):
        replace(its, references=replace(its.references, vector=vector))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["vector", "extent", "spread"])
def test_numbers_that_are_not_finite_are_no_template(part, value):
    """A score of NaN is neither below a threshold nor above."""
    its = template(count=3)
    data = (its.spread if part == "spread" else getattr(its.references, part)).copy()
    data[-1] = value
    changes = {part: data} if part == "spread" else {"references": replace(its.references, **{part: data})}
    with pytest.raises(MalformedTemplate, match="finite"):
        replace(its, **changes)


@pytest.mark.parametrize("extent", [0.0, -1.0])
def test_an_extent_is_above_0(extent):
    its = template(count=2)
    extents = np.array([700.0, extent], np.float32)
    with pytest.raises(MalformedTemplate, match="extent that is no size"):
        replace(its, references=replace(its.references, extent=extents))
