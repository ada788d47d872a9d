import numpy as np
import pytest
from builders import CREATED, references, template
from builders import MODEL_ID as MODEL
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.template import Template


@pytest.mark.parametrize("count", [1, 2, 5, MAX_REFERENCES])
@pytest.mark.parametrize("depth", [0, 16])
def test_bytes_and_back(count, depth):
    rng = np.random.default_rng(count)
    its = references(count, depth=depth)
    spread = rng.uniform(size=(count, count, 4)).astype(np.float32)
    spread = (spread + spread.transpose(1, 0, 2)) * (1 - np.eye(count, dtype=np.float32)[..., None])
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
    for name in ("series", "sequence", "vector", "extent"):
        np.testing.assert_array_equal(getattr(after.references, name), getattr(before.references, name))
        assert getattr(after.references, name).dtype == getattr(before.references, name).dtype
    assert after.to_bytes() == before.to_bytes()


def test_of_the_pen_no_modality_is_written():
    data = template(count=1).to_bytes()
    assert (data[4:6], data[8:10]) == (b"\1\0", b"\0\0")
    assert b"pen" not in data
    assert Template.from_bytes(data).modality == "pen"


@pytest.mark.parametrize("modality", ["image", "p", "a_16_chars_long_"])
def test_another_modality_is_written_by_version_2(modality):
    before = template("Zoë", 2, modality=modality)
    data = before.to_bytes()
    assert data[4:6] == b"\2\0"
    after = Template.from_bytes(data)
    assert (after.user_id, after.modality) == ("Zoë", modality)
    assert after.to_bytes() == data
    for position in range(44):
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
def test_under_four_kilobytes_a_reference(count):
    assert len(template(count=count).to_bytes()) <= 4096 * count + 64


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
        Template.from_bytes(template(count=1).to_bytes()[:44] + data)


def test_numbers_that_are_not_finite_are_refused():
    its = references(2)
    broken = Template(
        user_id="a",
        model_id=MODEL,
        modality="pen",
        references=its,
        spread=np.full((2, 2, 4), np.nan, np.float32),
        created=CREATED,
    )
    with pytest.raises(MalformedTemplate, match="finite"):
        Template.from_bytes(broken.to_bytes())


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


def test_repr_shows_no_biometrics():
    assert repr(template()) == f"<Template of 'alice', 5 references, model {MODEL}>"
