"""Files that are damaged, hostile, or of another edition: refused by field and byte, and explained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdi_records import EXTENDED, FORCE_AND_TIP, HEAD, MINIMAL, of

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import iso19794_7, read_signature
from sigverify.modality.pen.signature import MAX_SAMPLES


@pytest.mark.parametrize("text", [MINIMAL, EXTENDED, FORCE_AND_TIP], ids=["minimal", "extended", "force"])
@pytest.mark.parametrize("strict", [True, False])
def test_every_cut_is_refused_by_field_and_byte_and_explained(text, strict):
    whole = of(text)
    for length in range(len(whole)):
        with pytest.raises(FormatError, match=r"^byte \d+: .*: cut off"):
            iso19794_7.decode(whole[:length], strict=strict)
        fields = iso19794_7.explain(whole[:length])
        assert fields[-1].problem.startswith("cut off: expected ")
        assert fields[-1].value is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "81 00 00 80 CF A0 00 00 00 00 00", "byte 8: channel bitmap: no position; .*; received x, t"),
        (HEAD + "00 00 00 00 00 00 00", "no position; expected x and y; received no channels"),
        (HEAD + "C0 80 04 04 04 00 00 FF FF FF", "byte 15: number of points: points of no bytes"),
        (HEAD + "C1 00 00 00 00 00 00 FF FF FF 00 00", "byte 18: points: cut off; expected 100663290 bytes"),
        (EXTENDED.replace("00 03 61", "FF FF 61"), "byte 40: extended data: cut off; .* received 3"),
        ("53 44 49 00 20 32 30 00 00 00 00 63 00 01 00", "byte 4: version: an edition .* received ' 20'"),
        ("53 44 49 00 FF FE 30 00", "an edition that is not read"),
        ("53 44 49 20 20 31 30 00", "byte 0: format identifier: another"),
    ],
)  # fmt: skip
def test_what_is_refused_even_where_reading_is_lenient(text, message):
    for strict in (True, False):
        with pytest.raises(FormatError, match=message):
            iso19794_7.decode(of(text), strict=strict)
    assert any(field.problem for field in iso19794_7.explain(of(text)))


def test_points_are_counted_before_they_are_read():
    count = MAX_SAMPLES + 1
    data = of(HEAD + "C1 00 00 00 00 00 00") + count.to_bytes(3, "big") + bytes(6 * count)
    with pytest.raises(InvalidSignature, match="too many"):
        iso19794_7.decode(data)
    assert iso19794_7.explain(data)[-1].problem.startswith("too many samples")


def test_the_smallest_scaling_divides_by_no_zero():
    found = iso19794_7.decode(of(MINIMAL.replace("80 CF A0", "80 00 00")), strict=True)
    assert found.time_ms().tolist() == [0, 10 * 65536 * 1000, 65535 * 65536 * 1000]


def test_no_points_are_a_recording_and_no_signature():
    found = iso19794_7.decode(of(HEAD + "C1 60 00 00 80 CF A0 00 00 00 00 00 00 00"), strict=True)
    assert len(found) == 0
    with pytest.raises(InvalidSignature, match="too few samples"):
        found.signature()
    assert [field.value for field in iso19794_7.explain(iso19794_7.encode(read_signature_of_eight()))][
        -1
    ] == "0 to 70"


def read_signature_of_eight():
    return read_signature(b"x,y,time_ms\n" + b"".join(b"%d,%d,%d\n" % (n, n, 10 * n) for n in range(8)))


def test_a_later_edition_is_explained_as_far_as_it_is_known():
    fields = iso19794_7.explain(of("53 44 49 00 30 32 30 00 00 00 00 0F 00 02 01"))
    assert [(field.name, field.offset, field.value) for field in fields] == [
        ("format identifier", 0, "SDI"),
        ("version", 4, "020"),
        ("length of the record", 8, 15),
        ("number of representations", 12, 2),
        ("certification flag", 14, 1),
    ]
    assert [field.problem for field in fields] == ["", "only the edition of 2007 is read", "", "", ""]


def test_each_field_is_explained():
    fields = iso19794_7.explain(of(EXTENDED))
    assert [(field.offset, field.name, field.value) for field in fields] == [
        (0, "format identifier", "SDI"),
        (4, "version", " 10"),
        (8, "channel bitmap", "0xc100"),
        (10, "x preamble", "0x00"),
        (11, "y preamble", "0x00"),
        (12, "t preamble", "0x80"),
        (13, "t scaling", 1000.0),
        (15, "reserved byte", 0),
        (16, "body bitmap", "0x80"),
        (17, "number of points", 3),
        (20, "x values", "-1 to 1"),
        (20, "y values", "-2 to 300"),
        (20, "t values", "0 to 65535"),
        (38, "length of extended data", 3),
        (40, "extended data", "3 bytes"),
    ]
    assert all(field.meaning and not field.problem for field in fields)


def test_more_records_and_what_is_behind_them_are_explained():
    fields = iso19794_7.explain(of(MINIMAL) + of(EXTENDED) + b"rest")
    assert [field.offset for field in fields if field.name.endswith("format identifier")] == [0, 38]
    assert (fields[-1].name, fields[-1].offset) == ("end", 81)
    many = iso19794_7.explain(of(MINIMAL) * 150)
    assert many[-1].problem == "1900 bytes behind the last record that is explained"


@given(st.binary(max_size=300))
def test_any_bytes_give_a_recording_or_an_error_of_ours(tail):
    for data in (tail, b"SDI\0 10\0" + tail, of(MINIMAL)[:20] + tail, of(MINIMAL)[:8] + b"\xff\xff" + tail):
        assert isinstance(iso19794_7.explain(data), list)
        for strict in (True, False):
            try:
                found = iso19794_7.read_all(data, strict=strict)
            except (FormatError, InvalidSignature):
                continue
            assert all(len(each) == len(each.ink) for each in found)
