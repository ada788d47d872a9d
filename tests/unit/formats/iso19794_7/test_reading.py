"""The full format, read from bytes that were put together by hand."""

import numpy as np
import pytest
from sdi_records import BODY_OF_3, EXTENDED, FORCE_AND_TIP, HEAD, MINIMAL, of

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import Quantity, iso19794_7, read_recording
from sigverify.formats.iso19794_7 import Signs
from sigverify.formats.iso19794_7.cursor import Cursor
from sigverify.formats.notes import NoteKind, Notes


def read(text, **how):
    return iso19794_7.decode(of(text), strict=True, **how)


def values(recording, quantity):
    return recording[quantity].tolist()


def noted(recording):
    return {note.kind: note.names for note in recording.notes}


def test_x_y_and_t():
    found = read(MINIMAL)
    assert set(found.channels) == {Quantity.X, Quantity.Y, Quantity.TIME}
    assert values(found, Quantity.X) == [-1, 0, 1]
    assert values(found, Quantity.Y) == [2, -2, 300]
    assert values(found, Quantity.TIME) == [0, 10, 65535]
    assert found.time_ms().tolist() == [0, 10, 65535]
    assert found.channels[Quantity.X].unit == ""
    assert (found.channels[Quantity.TIME].unit, found.channels[Quantity.TIME].per_unit) == ("s", 1000)
    assert found.ink.all()
    assert (found.format, found.facts, found.notes) == ("iso19794_7", {"version": "10", "edition": 2007}, ())
    assert read_recording(of(MINIMAL)).format == "iso19794_7"


def test_all_that_a_description_can_say():
    text = (
        HEAD
        + """
C1 00
F8            x: scaling, min, max, mean and std
EB 89         E = 29, F = 905: (1 + 905/2048) * 2^13 = 11812 a metre: 300 to the inch
7C 18         min: 31768 - 32768 = -1000
83 E8         max: 33768 - 32768 = 1000
80 05         mean: 5
00 07         std: 7, which has no sign
60            y: min and max
00 00         -32768
FF FF         32767
E0            t: scaling, min and max, of which time has no sign
CF A0
00 00
FF FF
"""
        + BODY_OF_3
        + "80 01 80 02 00 01 80 03 80 04 00 02 80 05 80 06 00 03"
    )
    record = iso19794_7.read_record(Cursor(of(text), strict=True))
    x, y, t = record.descriptions
    assert (x.scaling, x.low, x.high, x.mean, x.deviation) == (11812, -1000, 1000, 5, 7)
    assert (y.scaling, y.low, y.high, y.mean, y.deviation) == (None, -32768, 32767, None, None)
    assert (t.low, t.high) == (0, 65535)
    assert record.to_bytes() == of(text)
    channel = read(text).channels[Quantity.X]
    assert (channel.unit, channel.per_unit, channel.low, channel.high) == ("m", 11812, -1000, 1000)
    np.testing.assert_allclose(channel.in_units * 1000 / 25.4 * 300, [1, 3, 5], rtol=1e-4)


def test_all_channels_in_their_order_and_size():
    text = (
        HEAD
        + "FF FF "
        + "00 " * 16
        + """
00            reserved
00 00 00 01   one point
80 01         x 1
80 02         y 2
00 03         z 3, without a sign
80 04         vx 4
80 05         vy 5
80 06         ax 6
80 07         ay 7
00 08         t 8
00 09         dt 9
00 0A         f 10
01            s 1, one byte
80 0C         tx 12
80 0D         ty 13
00 0E         az 14
00 0F         el 15
00 10         r 16
"""
    )
    found = read(text)
    assert list(found.channels)[-1] is Quantity.TIME
    assert [values(found, quantity) for quantity in Quantity] == [
        [number] for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 1, 12, 13, 14, 15, 16)
    ]
    assert noted(found)[NoteKind.IGNORED] == ("dt",)


def test_a_constant_step_makes_time_and_is_in_no_point():
    text = (
        HEAD
        + """
C0 80         x, y, dt
00 00
84 BC 80      dt: scaling and constant; E = 23, F = 1152: (1 + 1152/2048) * 2^7 = 200 a second
"""
        + BODY_OF_3
        + "80 01 80 02 80 03 80 04 80 05 80 06"
    )
    found = read(text)
    assert values(found, Quantity.X) == [1, 3, 5]
    assert found.time_ms().tolist() == [0, 5, 10]
    assert found.rate_hz == 200


def test_steps_add_up_to_time():
    text = HEAD + "C0 80 00 00 80 CF A0" + BODY_OF_3 + "80 00 80 00 00 07 80 00 80 00 00 05 80 00 80 00 00 0A"
    assert read(text).time_ms().tolist() == [0, 5, 15]


def test_a_constant_channel_is_its_mean_or_its_only_limit():
    start = HEAD + "C1 40 00 00 80 CF A0 "
    points = BODY_OF_3 + "80 00 80 00 00 00 80 00 80 00 00 01 80 00 80 00 00 02"
    for described, expected in (("14 00 63", 99), ("64 00 63 00 63", 99), ("04", 1)):
        assert values(read(start + described + points), Quantity.PRESSURE) == [expected] * 3


def test_a_line_that_was_taken_out_is_said_to_be_lost():
    found = read(MINIMAL.replace("00            x: nothing more", "02            x: without its line"))
    assert noted(found) == {NoteKind.LINEAR_REMOVED: ("x",)}
    assert values(found, Quantity.X) == [-1, 0, 1]


def test_time_without_its_line_is_no_time():
    found = read(MINIMAL.replace("80 CF A0", "82 CF A0"))
    assert Quantity.TIME not in found.channels
    with pytest.raises(InvalidSignature, match="does not say when"):
        found.signature()


def test_the_switch_says_where_ink_runs():
    found = read(FORCE_AND_TIP)
    assert found.ink.tolist() == [False, True, False, False, True, True]
    assert values(found, Quantity.TIP) == [1, 1, 0, 1, 1, 1]
    assert values(found, Quantity.PRESSURE) == [5, 5, 0, 0, 5, 5]
    assert found.channels[Quantity.PRESSURE].unit == "N"


def test_without_a_switch_force_says_where_ink_runs():
    text = FORCE_AND_TIP.replace("C1 60", "C1 40").replace("\n00            s", "")
    text = "\n".join(line.replace(" 01   ", "   ").replace(" 00   in", "   in") for line in text.splitlines())
    assert read(text).ink.tolist() == [False, True, False, False, False, True]


def test_extended_data_are_kept_and_counted():
    assert iso19794_7.read_record(Cursor(of(EXTENDED), strict=True)).extended_data == b"abc"
    assert read(EXTENDED).facts["extended_data_bytes"] == 3


def test_records_one_behind_the_other():
    data = of(EXTENDED) + of(FORCE_AND_TIP)
    found = iso19794_7.read_all(data, strict=True)
    assert [len(each) for each in found] == [3, 6]
    assert [len(each) for each in iso19794_7.read_all(of(MINIMAL))] == [3]
    first = iso19794_7.decode(data)
    assert (len(first), noted(first)) == (3, {NoteKind.MORE_RECORDINGS: ("1",)})
    with pytest.raises(FormatError, match=r"byte 43: end: .* received 78 more bytes"):
        iso19794_7.decode(data, strict=True)
    with pytest.raises(FormatError, match="byte 0: format identifier: cut off"):
        iso19794_7.read_all(b"")
    with pytest.raises(FormatError, match="byte 38000: end: too many records; expected at most 1000"):
        iso19794_7.read_all(of(MINIMAL) * 1001)


def test_time_without_a_scaling_is_read_as_milliseconds_and_said():
    found = read(MINIMAL.replace("80 CF A0      t: scaling; E", "00            t; E"))
    assert found.time_ms().tolist() == [0, 10, 65535]
    assert noted(found) == {NoteKind.TIME_ASSUMED: ("t",)}


# ------------------------------------------------------------------------------------------------ signs
TWOS = HEAD + "C1 00 00 00 80 CF A0" + BODY_OF_3 + "FF FF 00 07 00 00 00 00 00 08 00 01 00 01 00 09 00 02"
"""x -1, 0, 1 and y 7, 8, 9 in two's complement."""


def test_twos_complement_is_told_by_jumps_that_no_hand_makes():
    found = iso19794_7.decode(of(TWOS))
    assert values(found, Quantity.X) == [-1, 0, 1]
    assert values(found, Quantity.Y) == [7, 8, 9]
    assert noted(found) == {NoteKind.TWOS_COMPLEMENT: ()}
    assert values(read(TWOS), Quantity.X) == [32767, -32768, -32767], "which is what the standard says"
    assert values(read(TWOS, signs=Signs.TWOS_COMPLEMENT), Quantity.X) == [-1, 0, 1]


def test_twos_complement_is_told_by_limits_that_make_sense_in_no_other_way():
    limits = TWOS.replace("C1 00 00 00", "C1 00 60 FF 00 01 00 00").replace("00 00 00 08", "00 02 00 08")
    limits = limits.replace("FF FF 00 07", "00 05 00 07")
    found = iso19794_7.decode(of(limits))
    assert values(found, Quantity.X) == [5, 2, 1]
    assert (found.channels[Quantity.X].low, found.channels[Quantity.X].high) == (-256, 256)


def test_what_makes_sense_as_the_standard_has_it_is_read_so():
    positive = TWOS.replace("FF FF", "00 02")
    assert values(iso19794_7.decode(of(positive)), Quantity.X) == [-32766, -32768, -32767]
    assert not noted(iso19794_7.decode(of(positive)))


# ----------------------------------------------------------------------------------------- strict, lenient
def changed(text, line, to):
    """Return the text with another beginning of the line whose meaning begins so."""
    (old,) = (each for each in text.splitlines() if each.split("   ")[-1].strip().startswith(line))
    return text.replace(old, f"{to}   {line}")


DEVIATIONS = {
    "version": (changed(MINIMAL, '" 10"', "30 31 30 00"), "version", 4),
    "no time": (HEAD + "C0 40 00 00 00" + BODY_OF_3 + "80 00 80 00 00 01 80 01 80 00 00 01 80 02 80 00 00 01",
                "channel bitmap", 8),
    "reserved bit": (changed(MINIMAL, "x: nothing", "01"), "x preamble", 10),
    "reserved byte": (changed(MINIMAL, "reserved", "07"), "reserved byte", 15),
    "max below min": (changed(MINIMAL, "x: nothing", "60 80 05 80 04"), "x max", 13),
    "beyond max": (changed(MINIMAL, "x: nothing", "20 80 00"), "x values", 40),
    "body bitmap": (changed(MINIMAL, "no extended", "40"), "body bitmap", 16),
    "the other bit for extended data": (changed(EXTENDED, "extended", "01"), "body bitmap", 16),
    "a switch of more than 1": (FORCE_AND_TIP.replace("01   touches\n", "FF   touches\n"), "s values", 78),
    "bytes behind the end": (MINIMAL + "\n00 00", "end", 38),
    "constant channels in the points": (
        HEAD + "C0 80 00 00 84 BC 80" + BODY_OF_3 + "80 00 80 00 00 01 80 01 80 00 00 01 80 02 80 00 00 01",
        "points", 20,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_is_an_error_where_reading_is_strict_and_else_noted(name):
    text, field, byte = DEVIATIONS[name]
    with pytest.raises(
        FormatError, match=rf"^byte {byte}: {field}: not as the standard has it; expected "
    ) as raised:
        read(text)
    assert "received" in str(raised.value)
    notes = Notes()
    found = iso19794_7.decode(of(text), notes)
    assert NoteKind.DEVIATION in noted(found)
    assert found.notes == tuple(notes.noted)
    assert values(found, Quantity.X)[1] - values(found, Quantity.X)[0] == 1
    assert any(field.problem for field in iso19794_7.explain(of(text)))


def test_extended_data_behind_the_other_bit_are_read():
    text = EXTENDED.replace("80            ext", "01            ext")
    assert iso19794_7.decode(of(text)).facts["extended_data_bytes"] == 3
    assert (
        "extended_data_bytes"
        not in iso19794_7.decode(of(MINIMAL.replace("00            no", "01            no"))).facts
    )


def test_constant_channels_in_the_points_are_read_where_only_that_fits():
    found = iso19794_7.decode(of(DEVIATIONS["constant channels in the points"][0]))
    assert values(found, Quantity.X) == [0, 1, 2]
    assert found.time_ms().tolist() == [0, 5, 10]


def test_limits_that_contradict_each_other_are_not_used():
    channel = iso19794_7.decode(of(DEVIATIONS["max below min"][0])).channels[Quantity.X]
    assert (channel.low, channel.high) == (None, None)
