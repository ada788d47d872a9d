import dataclasses

import numpy as np
import pytest
from builders import model, references

from sigverify.errors import MalformedModel
from sigverify.matching.cohort import MOST, pack, unpack
from sigverify.model_file import Model

PERSON = 4 + 256 * 7 + 128 * 5 + 128 * 16 + 64 * 2
SHAPES = {"series": (256, 7), "detail": (128, 5), "sequence": (128, 16), "vector": (64,)}


@pytest.mark.parametrize("people", [2, 12])
def test_bytes_and_back(people):
    its = references(people)
    packed = pack(its)
    assert len(packed) == people * PERSON
    after = unpack(packed, SHAPES)
    for field in dataclasses.fields(its):
        np.testing.assert_array_equal(getattr(after, field.name), getattr(its, field.name))
    assert pack(after) == packed


def test_of_a_model_without_local_vectors():
    its = references(3, depth=0)
    shapes = SHAPES | {"sequence": (1, 0)}
    assert pack(unpack(pack(its), shapes)) == pack(its)


def test_a_model_reads_its_own():
    its = dataclasses.replace(model(), cohort=pack(references(2)))
    assert len(its.people) == 2
    assert Model.from_bytes(its.to_bytes()) == its
    assert its.id != model().id
    assert model().people is None


def altered(place, content):
    data = bytearray(pack(references(2)))
    data[place : place + len(content)] = content
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pack(references(2))[:-1], "another size"),
        (pack(references(1)), "2 to 256 people"),
        (bytes(PERSON * (MOST + 1)), "2 to 256 people"),
        (pack(references(2, depth=0)), "another size"),
        (altered(0, b"\0\0\0\0"), "impossible numbers"),
        (altered(0, b"\0\0\xc0\x7f"), "impossible numbers"),  # NaN
        (altered(0, b"\0\0\x80\x7f"), "impossible numbers"),  # infinite
        (altered(0, b"\0\0\x80\xbf"), "impossible numbers"),  # -1
        (altered(4, b"\x80"), "impossible numbers"),  # -128
        (altered(PERSON - 2, b"\0\x7e"), "impossible numbers"),  # NaN
    ],
)
def test_what_is_no_cohort_is_no_model(content, message):
    with pytest.raises(MalformedModel, match=message):
        dataclasses.replace(model(), cohort=content)
