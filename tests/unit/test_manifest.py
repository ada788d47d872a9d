"""A manifest with a number that no network, scoring or device has: one typed error, in Python and in C."""

import json
import math
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from native_core import NativeModel
from native_manifests import ABSENT, canonical, manifest, packed

from sigverify import Model
from sigverify.errors import MalformedModel, ModelError
from sigverify.manifest import Manifest

BASE = Model.read("base")
TEXT = BASE.manifest.to_json()
CONTENT = json.loads(TEXT)
DIGITS_400 = int("9" * 400)


def paths(value, here=()):
    """Yield the path of every number, outermost first."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield here
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from paths(each, (*here, key))


NUMBERS = tuple(paths(CONTENT))
"""Where the numbers of the model that ships stand: some 500."""


def changed(path, value):
    """Return the manifest with another value at that path, as JSON."""
    content = deepcopy(CONTENT)
    at = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return canonical(content)


def text_with(path, literal):
    """Return the manifest with any text in place of the number at that path."""
    return changed(path, "HERE").replace(b'"HERE"', literal)


def file_of(text):
    return packed(text, BASE.network, BASE.pair_network)


def verdict(read, data):
    """Return the class of error that a reader ends in, None where it takes the model."""
    try:
        read(data)
    except ModelError as error:
        return type(error)
    return None


def in_c(library):
    return lambda data: NativeModel(library, data)


ROW, REDUCED = ("scoring", "5"), ("scoring", "reduced", "5")
RATE = (*ROW, "thresholds", "skilled", 1, 0)
THRESHOLD = (*ROW, "thresholds", "random", 1, 1)


@pytest.mark.parametrize("row", [ROW, REDUCED])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("bias",), DIGITS_400),
        (("bias",), -1e300),
        (("bias",), 3),
        (("weights", 0), DIGITS_400),
        (("weights", 2), 1e308),
        (("weights", 2), -1.1e6),
        (("weights", 2), True),
        (("weights", 2), None),
        (("weights", 2), "1.5"),
        (("weights",), []),
        (("thresholds",), {}),
        (("thresholds", "skilled"), []),
        (("thresholds", "random"), []),
        (("thresholds", "random"), [[0.1, 0.5]] * 33),
        (("thresholds", "skilled"), [[0.1, 0.5], [0.1, 0.6]]),
        (("thresholds", "skilled"), [[0.01, 0.5], [0.1, 0.6]]),
        (("thresholds", "skilled"), [[0.1, 0.5], [0.01, 0.4]]),
        (("thresholds", "skilled"), [[0.1, 0.5, 0.5]]),
        (("thresholds", "skilled"), [[0.1]]),
        (("thresholds", "skilled", 0, 0), DIGITS_400),
        (("thresholds", "skilled", 0, 0), 1.0),
        (("thresholds", "skilled", 0, 0), 1.5),
        (("thresholds", "skilled", 5, 0), 0.0),
        (("thresholds", "skilled", 5, 0), -0.001),
        (("thresholds", "skilled", 5, 0), 5e-324),
        (("thresholds", "random", 0, 1), 0.0),
        (("thresholds", "random", 0, 1), -0.5),
        (("thresholds", "random", 5, 1), 1.0),
        (("thresholds", "random", 5, 1), 1.5),
        (("thresholds", "random", 5, 1), 1e300),
        (("thresholds", "random"), ABSENT),
    ],
)
def test_of_a_scoring(library, row, path, value):
    if value is ABSENT:  # this row alone has no thresholds for strangers
        value, path = {"skilled": [[0.1, 0.5]]}, path[:-1]
    data = file_of(changed((*row, *path), value))
    assert verdict(Model.from_bytes, data) is MalformedModel
    assert verdict(in_c(library), data) is MalformedModel


@pytest.mark.parametrize(
    "literal",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"0." + b"1" * 400,
        b"9" * 400,
        b"9" * 5000,
        b"0x1p-2",
        b"+0.5",
    ],
)
@pytest.mark.parametrize(
    "path", [(*ROW, "bias"), RATE, THRESHOLD, ("parity", "eer"), ("tensors", "input", "scale")]
)
def test_of_a_literal(library, path, literal):
    """What JSON or a double cannot hold, wherever it stands."""
    data = file_of(text_with(path, literal))
    assert verdict(Model.from_bytes, data) is MalformedModel
    assert verdict(in_c(library), data) is MalformedModel


@pytest.mark.parametrize(
    "key", [b"0", b"13", b"-1", b"05", b"+5", b" 5", b"5.0", b"5_0", b"9" * 400, "٥".encode(), b"five", b""]
)
@pytest.mark.parametrize("place", [b'"5":{"bias"', b'"reduced":{"1":{"bias"'])
def test_of_references(library, place, key):
    """Rows are for 1 to 12 references, written as that."""
    known = b"1" if b"reduced" in place else b"5"
    data = file_of(TEXT.replace(place, place.replace(b'"%s":{"bias"' % known, b'"%s":{"bias"' % key), 1))
    assert verdict(Model.from_bytes, data) is MalformedModel
    assert verdict(in_c(library), data) is MalformedModel


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"bias":', b'"bias":0.5,"bias":'),
        (b'"5":{"bias"', b'"4":{"bias"'),  # two rows for 4
        (b'"file_version":4', b'"file_version":4,"file_version":4'),
        (b'"parity":{', b'"parity":{"eer":0.1,'),
        (b'"tensors":{"input":{', b'"tensors":{"input":{"position":0,'),
        (b'"reduced":{', b'"reduced":{},"reduced":{'),
        (b'"skilled":[[', b'"skilled":[[0.5,0.1]],"skilled":[['),
    ],
)
def test_of_doubled_keys(library, before, after):
    """Of two equal keys one reader would take the first, another one the last."""
    assert before in TEXT
    data = file_of(TEXT.replace(before, after, 1))
    assert verdict(Model.from_bytes, data) is MalformedModel
    assert verdict(in_c(library), data) is MalformedModel


@pytest.mark.parametrize("value", [{}, {"1": ABSENT}, {"reduced": CONTENT["scoring"]["reduced"]}])
def test_of_no_rows(library, value):
    """No rows for whole comparisons, or an empty set of reduced ones."""
    scoring = {"1": CONTENT["scoring"]["1"], "reduced": {}} if "1" in value else value
    data = file_of(changed(("scoring",), scoring))
    expected = None if value == {} else MalformedModel  # nothing at all: nothing was fitted
    assert verdict(Model.from_bytes, data) is expected
    assert verdict(in_c(library), data) is expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("vector_size",), 0),
        (("vector_size",), -64),
        (("vector_size",), 1 << 21),
        (("vector_size",), DIGITS_400),
        (("vector_size",), 64.0),
        (("input_shape", 0), -256),
        (("input_shape", 0), DIGITS_400),
        (("input_shape",), []),
        (("features_version",), -3),
        (("features_version",), DIGITS_400),
        (("sequence_shape",), [0, 0]),
        (("sequence_shape",), [-2, 16]),
        (("sequence_shape",), [DIGITS_400, 16]),
        (("tensors", "input", "position"), -1),
        (("tensors", "input", "position"), 16),
        (("tensors", "input", "scale"), -0.5),
        (("tensors", "input", "scale"), 0.0),
        (("tensors", "input", "scale"), 1e-300),
        (("tensors", "input", "scale"), 1e300),
        (("tensors", "vector", "zero_point"), 256),
        (("tensors", "vector", "zero_point"), -129),
        (("tensors", "vector", "zero_point"), 0.5),
        (("tensors", "vector", "shape"), []),
        (("tensors", "vector", "shape"), [1, -64]),
        (("tensors", "vector", "shape"), [1, 1 << 31]),
        (("tensors", "vector"), {}),
        (("tensors", "pair_input", "shape"), 7),
        (("tensors",), {"vector": CONTENT["tensors"]["vector"]}),
    ],
)
def test_of_shapes_and_tensors(library, path, value):
    data = file_of(changed(path, value))
    assert verdict(Model.from_bytes, data) is MalformedModel
    assert verdict(in_c(library), data) is MalformedModel


@pytest.mark.parametrize(
    "scores", [{}, {"1": {"weights": [DIGITS_400], "bias": 0.0, "thresholds": {"skilled": [[0.1, 0.5]]}}}]
)
def test_no_other_error_than_the_typed_one(scores):
    """An integer of 400 digits ended in an OverflowError."""
    with pytest.raises(MalformedModel):
        Manifest.from_json(changed(("scoring",), scores | {"2": None}))


def test_what_could_not_be_read_is_not_written():
    for value in (DIGITS_400, 10**5000, {1: 1, "1": 2}):
        with pytest.raises(MalformedModel, match="parity"):
            replace(BASE.manifest, parity={"value": value})


LITERALS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: repr(value).encode()),
    st.integers(-(10**70), 10**70).map(lambda value: str(value).encode()),
    st.sampled_from(
        [b"0", b"-0", b"-0.0", b"1.0", b"0.5", b"1e-05", b"NaN", b"1e999", b"9" * 400, b"null", b"[]"]
    ),
)


def test_the_model_has_all_kinds_of_numbers():
    assert {path[0] for path in NUMBERS} >= {"scoring", "tensors", "parity", "provenance", "vector_size"}
    assert len(NUMBERS) > 400
    assert math.prod(CONTENT["input_shape"]) == 3072


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(NUMBERS), LITERALS)
@example(RATE, b"-0.0")
@example(("vector_size",), b"4096")
def test_property_python_and_c_say_the_same(library, path, literal):
    """Whatever stands in place of one number of a real manifest: taken by both, or refused by both alike."""
    data = file_of(text_with(path, literal))
    assert verdict(Model.from_bytes, data) == verdict(in_c(library), data)
    assert manifest(data) == text_with(path, literal)
