import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import StoreError
from sigverify.matching.embedding import Embedding
from sigverify.modality.pen.features import features
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature
from sigverify.policy.replay import Memory, Role, Sketch, Sketcher, _hadamard

SKETCHER = Sketcher(b"s" * 32)


def dynamics(its):
    inputs = features(its)[np.newaxis]
    return Embedding.from_floats(PEN.series(inputs)[0], PEN.detail(inputs)[0], None, np.ones(1), 1.0).series


def sketch(its, sketcher=SKETCHER):
    return sketcher.sketch(sketcher.digest(PEN.fingerprint(its)), dynamics(its))


def differing(one, other):
    return (int.from_bytes(one.bits, "big") ^ int.from_bytes(other.bits, "big")).bit_count()


@pytest.mark.parametrize("size", [1, 2, 8, 16, 512])
def test_the_transform_is_the_matrix_of_walsh_and_hadamard(size):
    matrix = np.array([[1]])
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    values = np.random.default_rng(0).integers(-260_096, 260_097, size)
    transformed = _hadamard(values.astype(np.float64))
    np.testing.assert_array_equal(transformed.astype(np.int64), matrix @ values)
    np.testing.assert_array_equal(transformed, np.rint(transformed))


def test_bits_differ_as_the_angle_says():
    """Each sign differs with probability angle / pi. Source: Charikar, 2002. 512 bits: ± 4 sigma."""
    rng = np.random.default_rng(0)
    one = rng.integers(-100, 101, (256, 7)).astype(np.int8)
    other = np.clip(one * 0.7 + rng.integers(-60, 61, (256, 7)), -127, 127).astype(np.int8)
    pooled = [each.astype(float).reshape(64, 4, 7).sum(axis=1).ravel() for each in (one, other)]
    cosine = np.dot(*pooled) / np.prod([np.linalg.norm(each) for each in pooled])
    expected = 512 * np.arccos(cosine) / np.pi
    sketchers = [Sketcher(bytes([key]) * 32) for key in range(20)]
    pairs = [[Sketch(digest=b"", bits=its._bits(each)) for each in (one, other)] for its in sketchers]
    got = np.mean([differing(*pair) for pair in pairs])
    assert got == pytest.approx(expected, abs=4 * np.sqrt(512 * 0.25 / 20))


def test_a_copy_is_found_exact_moved_and_disturbed():
    its = signature(0)
    rng = np.random.default_rng(0)
    copies = [
        Signature(its.x, its.y, its.time_ms, its.pressure, its.pen_down),
        Signature(its.x + 5, its.y - 3, its.time_ms + 1e7, its.pressure, its.pen_down),
        Signature(
            its.x + 0.3 * rng.normal(size=len(its)), its.y, its.time_ms + 0.3, its.pressure, its.pen_down
        ),
    ]
    for copy in copies:
        assert sketch(copy).is_of(sketch(its), PEN.copy_bits)
    assert sketch(copies[0]).digest == sketch(its).digest
    assert sketch(copies[2]).digest != sketch(its).digest


def test_another_signing_and_another_writer_are_no_copies():
    for other in (signature(0, 1), signature(0, 2), signature(1, 0)):
        assert not sketch(other).is_of(sketch(signature(0)), PEN.copy_bits)
    assert differing(sketch(signature(1)), sketch(signature(0))) > 150


def test_sketches_of_two_secrets_tell_nothing_about_each_other():
    one, other = (sketch(signature(0), Sketcher(key * 32)) for key in (b"a", b"b"))
    assert one.digest != other.digest
    assert 180 < differing(one, other) < 332
    names = [Sketcher(key * 32).bucket("alice") for key in (b"a", b"b")]
    assert names[0] != names[1]
    assert all(len(name) == 2 for name in names)


def test_pressure_or_none():
    its = signature(0)
    flat = Signature(its.x, its.y, its.time_ms, None, its.pen_down)
    assert sketch(flat).digest != sketch(its).digest


def entry(number):
    return Sketch(
        digest=number.to_bytes(16, "big"), bits=(number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(64, "big")
    )


def test_the_memory_forgets_refused_ones_first_and_references_never():
    memory = Memory().with_([entry(1), entry(2)], Role.REFERENCE, limit=3)
    memory = memory.with_([entry(3)], Role.ACCEPTED, limit=3)
    for number in range(10, 30):
        memory = memory.with_([entry(number)], Role.REFUSED, limit=3)
    roles = [role for role, _ in memory.entries]
    assert roles == [Role.REFERENCE, Role.REFERENCE, Role.ACCEPTED, Role.REFUSED, Role.REFUSED]
    assert [kept.digest[-1] for _, kept in memory.entries] == [1, 2, 3, 28, 29]
    for number in range(40, 44):
        memory = memory.with_([entry(number)], Role.ACCEPTED, limit=3)
    assert [kept.digest[-1] for _, kept in memory.entries] == [1, 2, 41, 42, 43]


def test_references_that_were_replaced_are_still_remembered():
    memory = Memory().with_([entry(1)], Role.REFERENCE, limit=2).retired()
    memory = memory.with_([entry(2)], Role.REFERENCE, limit=2)
    assert [role for role, _ in memory.entries] == [Role.ACCEPTED, Role.REFERENCE]
    assert memory.has(entry(1), PEN.copy_bits)


@given(st.lists(st.tuples(st.sampled_from(Role), st.integers(0, 2**60), st.booleans()), max_size=8))
def test_packing(entries):
    packed = [
        (role, entry(number)._replace(outline=b"along" if known else b"")) for role, number, known in entries
    ]
    memory = Memory.of(packed)
    assert list(memory.entries) == packed
    assert memory.outlines == [b"along" for *_, known in entries if known]
    assert Memory.from_bytes(memory.to_bytes()) == memory


@given(st.binary(max_size=200))
def test_bytes_that_are_no_memory(content):
    try:
        memory = Memory.from_bytes(content)
    except StoreError:
        return
    assert Memory.from_bytes(memory.to_bytes()) == memory


def test_records_without_outlines_are_read_as_they_are():
    kept = entry(3)
    memory = Memory.from_bytes(b"\1" + bytes([Role.ACCEPTED]) + kept.digest + kept.bits)
    assert memory == Memory.of([(Role.ACCEPTED, kept)])
    mixed = memory.with_([kept._replace(outline=b"ab")], Role.ACCEPTED, limit=9)
    assert Memory.from_bytes(mixed.to_bytes()) == mixed
    assert mixed.outlines == [b"ab"]


def test_of_what_was_refused_no_outline_is_kept():
    its = entry(3)._replace(outline=b"ab")
    assert Memory().with_([its], Role.REFUSED, limit=9).outlines == []
    assert Memory().with_([its], Role.ACCEPTED, limit=9).outlines == [b"ab"]


def test_no_memory_is_an_empty_one():
    assert Memory.from_bytes(None) == Memory()
    assert PEN.copy_bits < 33
