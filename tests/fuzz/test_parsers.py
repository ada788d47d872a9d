"""Whatever bytes a parser is given, it returns what it promises or raises an error of ours."""

import contextlib
import hashlib
import struct
import zlib
from functools import lru_cache

import numpy as np
import pytest
from builders import CUES, model, signature, template
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st

from sigverify.audit import Anchor
from sigverify.errors import (
    ConfigError,
    FormatError,
    InvalidSignature,
    KeyUnavailable,
    MalformedTemplate,
    ModelError,
    StoreError,
    UntrustedModel,
)
from sigverify.formats import FORMATS, plain_csv, read_signature, signature_pad
from sigverify.formats.notes import Notes
from sigverify.manifest import Manifest
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.signature import MAX_COORDINATE, Signature
from sigverify.model_file import Model
from sigverify.policy.adaptation import State
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import Tries
from sigverify.policy.replay import Memory
from sigverify.protection.keys import Key
from sigverify.protection.signing import ModelSignature, ModelSigner, Trust, sign
from sigverify.template import Template

SMALL = signature(samples=12)
ROWS = [
    (round(x), round(y), round(time), round(100 * pressure), int(ink))
    for x, y, time, pressure, ink in zip(
        SMALL.x, SMALL.y, SMALL.time_ms, SMALL.pressure, SMALL.ink, strict=True
    )
]


def text(*lines):
    return "\n".join(lines).encode() + b"\n"


FILES = {
    "svc2004": [
        text("12", *(f"{x} {y} {t} {ink}" for x, y, t, _, ink in ROWS)),
        text("12", *(f"{x} {y} {t} {ink} 0 0 {p}" for x, y, t, p, ink in ROWS)),
    ],
    "susig": [
        text("X, Y, TStamp, Pres., EndPts", "DataSize: 12", *(f"{x} {y} {t} {p} 0" for x, y, t, p, _ in ROWS))
    ],
    "sigcomp": [text("NLDCC-001_001_001 12", *(f"{x} {y} {p} 1070 520" for x, y, _, p, _ in ROWS))],
    "csv": [plain_csv.encode(SMALL), b"Y;X;time_ms;pen_down\n" + b"1;2;3;true\n4;5;6;true\n" * 6],
    "signature_pad": [
        signature_pad.encode(SMALL),
        b'{"strokes": [[' + b",".join(b'{"x":%d,"y":1,"time":%d}' % (i, i) for i in range(9)) + b"]]}",
    ],
}
REFUSED = (FormatError, InvalidSignature)


def is_sound(its):
    """Say whether a signature keeps its promises; whatever else was read is a parser's mistake."""
    columns = [its.x, its.y, its.time_ms] + ([] if its.pressure is None else [its.pressure])
    return (
        all(column.shape == (len(its),) and np.isfinite(column).all() for column in columns)
        and its.ink.dtype == bool
        and max(np.abs(its.x).max(), np.abs(its.y).max()) <= MAX_COORDINATE
        and not its.x.flags.writeable
    )


@pytest.mark.parametrize("name", list(FILES))
def test_the_originals_are_good(name):
    for data in FILES[name]:
        assert is_sound(FORMATS[name].decode(data, Notes()).signature())


def decodes_or_refuses(name, data):
    with contextlib.suppress(*REFUSED):
        assert is_sound(FORMATS[name].decode(data, Notes()).signature())
    with contextlib.suppress(*REFUSED):
        assert is_sound(read_signature(data))


@given(damaged(FILES["svc2004"]))
def test_svc2004(data):
    decodes_or_refuses("svc2004", data)


@given(damaged(FILES["susig"]))
def test_susig(data):
    decodes_or_refuses("susig", data)


@given(damaged(FILES["sigcomp"]))
def test_sigcomp(data):
    decodes_or_refuses("sigcomp", data)


@given(damaged(FILES["csv"]))
def test_csv(data):
    decodes_or_refuses("csv", data)


@given(damaged(FILES["signature_pad"]))
def test_signature_pad(data):
    decodes_or_refuses("signature_pad", data)


@given(st.binary(max_size=400))
def test_any_bytes_as_a_signature(data):
    with contextlib.suppress(*REFUSED):
        assert is_sound(read_signature(data))


NUMBERS = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=2), st.complex_numbers()
)
COLUMN = st.one_of(
    st.lists(NUMBERS, max_size=20), st.lists(st.floats(-1e10, 1e10), min_size=8, max_size=9), NUMBERS
)


@given(COLUMN, COLUMN, COLUMN, COLUMN, COLUMN)
def test_any_arrays_as_a_signature(x, y, time_ms, pressure, pen_down):
    with contextlib.suppress(InvalidSignature):
        assert is_sound(Signature(x, y, time_ms, pressure, pen_down))


@given(st.lists(st.lists(st.one_of(st.lists(NUMBERS, max_size=5), NUMBERS), max_size=9), max_size=4))
def test_any_lists_as_strokes(strokes):
    with contextlib.suppress(InvalidSignature):
        assert is_sound(Signature.from_strokes(strokes))


TEMPLATES = [template("alice", 1).to_bytes(), template("å", 2, depth=0).to_bytes()]


@given(damaged(TEMPLATES))
def test_template(data):
    with contextlib.suppress(MalformedTemplate):
        assert Template.from_bytes(data).to_bytes() == data


@given(damaged([data[:80] for data in TEMPLATES]), st.sampled_from(TEMPLATES))
def test_template_whose_checksum_was_mended(head, original):
    data = (head + original[80:])[:-4]
    data = data[:10] + struct.pack("<I", len(data) + 4) + data[14:]
    data += struct.pack("<I", zlib.crc32(data))
    with contextlib.suppress(MalformedTemplate):
        its = Template.from_bytes(data)
        assert 1 <= len(its) <= 12
        assert np.isfinite(its.references.vector).all()


MODELS = [model().to_bytes(), model(name="å", sequence_shape=None).to_bytes()]


@given(damaged(MODELS))
def test_model(data):
    with contextlib.suppress(ModelError):
        assert Model.from_bytes(data).to_bytes() == data


@given(damaged([data[:-32] for data in MODELS]))
def test_model_whose_hash_was_mended(data):
    with contextlib.suppress(ModelError):
        its = Model.from_bytes(data + hashlib.sha256(data).digest())
        assert Manifest.from_json(its.manifest.to_json()) == its.manifest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
ROW = st.fixed_dictionaries({"weights": JSON, "bias": JSON, "thresholds": JSON})


@given(st.dictionaries(st.sampled_from(["1", "4", "5", "x", "-1"]), ROW | JSON, max_size=3))
def test_scoring(content):
    with contextlib.suppress(ModelError):
        assert Scoring.from_dict(CUES, content).row(1)


@lru_cache
def signer():
    return ModelSigner.generate()


@lru_cache
def signature_file():
    return sign(model(), signer(), version=7).to_bytes()


@given(st.deferred(lambda: damaged([signature_file()])))
def test_model_signature(data):
    trust = Trust(public_keys=(signer().public_key,))
    with contextlib.suppress(UntrustedModel):
        trust.check(model(), ModelSignature.from_bytes(data))
        assert data == signature_file()


@given(st.binary(max_size=80) | damaged([b"ab" * 32, b"A" * 43 + b"=", bytes(range(32))]))
def test_key(content):
    with contextlib.suppress(KeyUnavailable):
        assert repr(Key.parse(content)) == "<Key>"


@given(
    st.text(max_size=80) | st.builds("{}:{}".format, st.integers(), st.text("0123456789abcdef", max_size=70))
)
def test_anchor(line):
    with contextlib.suppress(ConfigError):
        assert Anchor.parse(str(Anchor.parse(line))) == Anchor.parse(line)


NOW = Instant(boot="b" * 36, boot_s=1.0, wall_s=2.0)
RECORDS = {
    Tries: Tries(failures=3.0, wait_s=30.0, last=NOW).to_bytes(),
    State: State(renewals=3, last=NOW).to_bytes(),
    Memory: Memory.from_bytes(None).to_bytes(),
}


@given(st.sampled_from(list(RECORDS)), st.data())
def test_records(kind, data):
    content = data.draw(damaged([RECORDS[kind]]) | st.binary(max_size=200))
    with contextlib.suppress(StoreError):
        found = kind.from_bytes(content)
        # A memory without outlines is read from records of two versions, and of any size of an outline.
        again = kind.from_bytes(found.to_bytes()).to_bytes() if kind is Memory else content
        assert found.to_bytes() == again


@pytest.mark.parametrize("content", [b"\1", b"\2\0", b"\2\5", b"\1" + bytes(81), b"\2\5" + bytes(86)])
def test_what_a_memory_is_read_from(content):
    found = Memory.from_bytes(content)
    assert Memory.from_bytes(found.to_bytes()) == found
