"""One signature as everyday tools write it: read back the same, or one line that says what to do."""

import contextlib
import csv
import io
import itertools
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.formats import plain_csv, read_recording, read_signature, signature_pad
from sigverify.formats.notes import NoteKind
from sigverify.modality.pen.signature import Signature

COUNT = 16
INK = np.array([0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1], np.bool_)
SIGNATURE = Signature(
    x=[10.5 + 3 * n for n in range(COUNT)],
    y=[20.25 + n * n for n in range(COUNT)],
    time_ms=[8000.0 + 8 * n for n in range(COUNT)],
    pressure=[0.25 + n / 32 for n in range(COUNT)],
    pen_down=INK,
)
UNITS = {"ms": 1, "s": 1000, "us": 1e-3, "ns": 1e-6}


def rows(signature=SIGNATURE, unit="ms"):
    return [
        [repr(x), repr(y), repr(time / UNITS[unit]), repr(pressure), str(int(ink))]
        for x, y, time, pressure, ink in zip(
            signature.x.tolist(), signature.y.tolist(), signature.time_ms.tolist(),
            signature.pressure.tolist(), signature.ink.tolist(), strict=True,
        )
    ]  # fmt: skip


def noted(data):
    return {note.kind: note.names for note in read_recording(data).notes}


TIME_NAMES = {
    "ms": ["t", "time", "timestamp", "timeStamp", "time_ms", "Time (ms)", "t[ms]", "time_milliseconds"],
    "s": ["time_s", "t_s", "Time (s)", "time_seconds", "timestamp_sec"],
    "us": ["time_us", "t_us", "time (µs)", "timestamp_us", "time_microseconds"],
    "ns": ["time_ns", "t_ns", "timestamp_ns", "time_nanoseconds"],
}


@st.composite
def tables(draw):
    """One signature as a table in one of the ways that tools write."""
    unit = draw(st.sampled_from(list(UNITS)))
    names = [
        draw(st.sampled_from(["x", "X"])),
        draw(st.sampled_from(["y", "Y"])),
        draw(st.sampled_from(TIME_NAMES[unit])),
        draw(st.sampled_from(["p", "P", "pressure", "Pressure", "force"])),
        draw(
            st.sampled_from(
                ["pen_down", "Pen Down", "penDown", "pen_status", "status", "button", "PenStatus"]
            )
        ),
    ]
    cells = rows(unit=unit)
    delimiter = draw(st.sampled_from([",", ";", "\t", " "]))
    if delimiter == " ":
        names = [name.replace(" ", "_") for name in names]
    if delimiter != "," and draw(st.booleans()):
        cells = [[cell.replace(".", ",") for cell in row] for row in cells]
    for extra in draw(
        st.lists(st.sampled_from(["azimuth", "altitude", "tilt_x", "FingerArea"]), unique=True)
    ):
        names, cells = [*names, extra], [[*row, "77"] for row in cells]
    order = draw(st.permutations(range(len(names))))
    names, cells = [names[n] for n in order], [[row[n] for n in order] for row in cells]
    if delimiter != " " and draw(st.booleans()):  # row names, as R and pandas write them
        first = draw(st.integers(0, 1))
        names, cells = ["", *names], [[str(n), *row] for n, row in enumerate(cells, first)]
    quoting = (
        draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])) if delimiter != "," else csv.QUOTE_MINIMAL
    )
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(cells)
    lines = text.getvalue().splitlines()
    if delimiter != " " and draw(st.booleans()):
        lines = [line + delimiter for line in lines]
    for _ in range(draw(st.integers(0, 3))):
        blank = draw(st.sampled_from(["", "   ", "# Tablet 3, 2026", "% x y", "// exported", "#"]))
        lines.insert(draw(st.integers(0, len(lines))), blank)
    content = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    return content.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])))


def assert_same(read):
    assert np.allclose(read.time_ms, SIGNATURE.time_ms, rtol=1e-12)
    assert read == Signature(read.x, read.y, read.time_ms, read.pressure, read.ink)
    for name in ("x", "y", "pressure", "ink"):
        assert getattr(read, name).tolist() == getattr(SIGNATURE, name).tolist()


@given(tables())
def test_every_way_to_write_a_table_reads_back_the_same(data):
    recording = read_recording(data)
    assert recording.format == "csv"
    assert_same(recording.signature())


@st.composite
def documents(draw):
    """One signature as JSON in one of the ways that applications write."""
    unit = draw(st.sampled_from(list(UNITS)))
    time = draw(st.sampled_from([name for name in TIME_NAMES[unit] if "(" not in name]))
    pressure = draw(st.sampled_from(["p", "pressure", "force"]))
    points = [
        {"x": float(x), "y": float(y), time: float(t), pressure: float(p), "tiltX": 3}
        for x, y, t, p, _ in rows(unit=unit)
    ]
    starts = [*np.flatnonzero(~INK).tolist(), COUNT]
    groups = [points[first:last] for first, last in itertools.pairwise(starts)]
    form = draw(st.sampled_from(["groups", "lists", "columns of groups", "flat", "one group", "columns"]))
    if form == "groups":
        content = [{"penColor": "black", "points": group} for group in groups]
    elif form == "columns of groups":
        content = [{name: [point[name] for point in group] for name in points[0]} for group in groups]
    else:
        flagged = [point | {"pen_down": bool(ink)} for point, ink in zip(points, INK, strict=True)]
        content = {
            "lists": groups,
            "flat": flagged,
            "one group": {"points": flagged},
            "columns": {name: [point[name] for point in flagged] for name in flagged[0]},
        }[form]
    if draw(st.booleans()) and form != "one group":
        content = {"user": "alice", draw(st.sampled_from(["strokes", "data", "signature"])): content}
    text = json.dumps(content, indent=draw(st.sampled_from([None, 1])))
    for _ in range(draw(st.integers(0, 2))):
        text = json.dumps(text)
    text = draw(st.sampled_from(["", "\n\n", " "])) + text
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])))


@given(documents())
def test_every_way_to_write_json_reads_back_the_same(data):
    recording = read_recording(data)
    assert recording.format == "signature_pad"
    assert_same(recording.signature())


def test_what_was_noticed_is_said():
    text = "x;y;time_s;azimuth;p\n" + "\n".join(
        f"{n},5;{n};{n / 100:.2f};7;{n - 2}".replace(".", ",") for n in range(12)
    )
    notes = noted(text.encode("utf-16"))
    assert notes == {
        NoteKind.ENCODING: ("UTF-16",),
        NoteKind.DECIMAL_COMMA: (),
        NoteKind.TIME_CONVERTED: ("time_s",),
        NoteKind.IGNORED: ("azimuth",),
        NoteKind.NEGATIVE_PRESSURE: ("2",),
    }
    words = [note.words() for note in read_recording(text.encode()).notes]
    assert words[-2:] == ["ignored: azimuth", "negative pressure read as hover, samples: 2"]
    assert noted(json.dumps(signature_pad.encode(SIGNATURE).decode()).encode()) == {NoteKind.UNWRAPPED: ()}
    assert noted(plain_csv.encode(SIGNATURE)) == {}


@pytest.mark.parametrize("gap", ["", "NA", "NaN", "null", "None"])
def test_missing_pressure_in_a_table(gap):
    cells = rows()
    cells[4][3] = gap
    data = "\n".join(
        ",".join(row) for row in [["x", "y", "time_ms", "pressure", "pen_down"], *cells]
    ).encode()
    assert read_signature(data).pressure[4] == SIGNATURE.pressure[4]  # the neighbors' mean, as it is a line
    assert noted(data) == {NoteKind.PRESSURE_INTERPOLATED: ("1",)}
    for row in cells[2:9]:
        row[3] = gap
    data = "\n".join(
        ",".join(row) for row in [["x", "y", "time_ms", "pressure", "pen_down"], *cells]
    ).encode()
    assert read_signature(data).pressure is None
    assert noted(data) == {NoteKind.PRESSURE_DROPPED: ("7",)}


@pytest.mark.parametrize("lacking", [{"pressure": None}, {}])
def test_missing_pressure_in_json(lacking):
    groups = json.loads(signature_pad.encode(SIGNATURE))
    point = groups[0]["points"][3]
    groups[0]["points"][3] = {name: point[name] for name in ("x", "y", "time")} | lacking
    assert signature_pad.from_groups(groups).pressure[3] == SIGNATURE.pressure[3]


def test_negative_pressure_is_hover():
    cells = rows()
    for row in cells[6:9]:
        row[3] = "-1"
    lines = [["x", "y", "t", "P"], *(row[:4] for row in cells)]
    read = read_signature("\n".join(",".join(row) for row in lines).encode())
    assert np.flatnonzero(~read.ink).tolist() == [0, 6, 7, 8, 9]
    assert read.pressure.min() == 0


@pytest.mark.parametrize("zone", ["Z", "+02:00", ""])
@pytest.mark.parametrize("between", ["T", " "])
def test_iso_stamps(zone, between):
    start = datetime(2026, 1, 31, 23, 59, 59, 950_000, UTC)
    stamps = [(start + timedelta(milliseconds=8 * n)).isoformat(between)[:26] + zone for n in range(COUNT)]
    lines = ["x,y,time", *(f"{n},{n * n},{stamp}" for n, stamp in enumerate(stamps))]
    points = [{"x": n, "y": n * n, "timestamp": stamp} for n, stamp in enumerate(stamps)]
    for data in ("\n".join(lines).encode(), json.dumps([points]).encode()):
        assert read_signature(data).time_ms.tolist() == [8.0 * n for n in range(COUNT)]
        assert NoteKind.STAMPS in noted(data)
    foul = "\n".join([*lines, f"1,1,{stamps[0][:10]}, "]).encode()
    with pytest.raises(FormatError, match=r"ISO 8601|a row of"):
        read_signature(foul)


def test_stroke_numbers_part_strokes():
    lines = ["x,y,t,stroke_id", *(f"{n},{n * n},{8 * n},{'ab'[n > 7]}" for n in range(COUNT))]
    assert np.flatnonzero(~read_signature("\n".join(lines).encode()).ink).tolist() == [0, 8]


def test_a_status_that_means_touch_and_one_that_marks_first_samples():
    touch = [0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0]
    lines = ["x,y,t,pen_status", *(f"{n},{n * n},{8 * n},{flag}" for n, flag in enumerate(touch))]
    read = read_signature("\n".join(lines).encode())
    assert np.flatnonzero(read.ink).tolist() == [3, 4, 5, 6, 10, 11, 12, 13]
    lines = [
        "x,y,t,button",
        *(f"{n},{n * n},{8 * n},{2 * int(n > 3) + int(ink)}" for n, ink in enumerate(INK)),
    ]
    assert read_signature("\n".join(lines).encode()).ink.tolist() == INK.tolist()


def test_numpy_savetxt_writes_its_header_as_a_comment():
    text = io.StringIO()
    np.savetxt(text, np.c_[SIGNATURE.x, SIGNATURE.y, SIGNATURE.time_ms], header="x y time_ms")
    assert read_signature(text.getvalue().encode()).x.tolist() == SIGNATURE.x.tolist()


ROWS = [(n, n * n, 8 * n) for n in range(COUNT)]


@pytest.mark.parametrize(
    "data",
    [
        "x|y|t\n" + "\n".join("{}|{}|{}".format(*row) for row in ROWS),
        '"x" ,"y" ,"t"\n' + "\n".join('"{}" ,"{}" ,"{}"'.format(*row) for row in ROWS),
        "x,y,t,,,\n" + "\n".join("{},{},{},,,".format(*row) for row in ROWS) + "\n,,,,,\n",
        "Unnamed: 0,x,y,t\n" + "\n".join("{0},{0},{1},{2}".format(*row) for row in ROWS),
        "x,y,time\n" + "\n".join("{},{},10:00:00.{:03d}".format(*row) for row in ROWS),
        "x,y,t,Größe\n" + "\n".join("{},{},{},1".format(*row) for row in ROWS),
        "\n".join(json.dumps(dict(zip("xyt", row, strict=True))) for row in ROWS),
        json.dumps({"data": {"signature": {"points": [dict(zip("xyt", row, strict=True)) for row in ROWS]}}}),
        json.dumps([[dict(zip("xyt", row, strict=True)) | {"button": -1} for row in ROWS]]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_more_of_what_occurs(data, encoding):
    read = read_signature(data.encode(encoding))
    assert list(zip(read.x, read.y, read.time_ms, strict=True)) == ROWS
    assert read.stroke_count == 1


def test_row_names_without_a_header():
    lines = ['"x" "y" "t"', *(f'"{n + 1}" {n} {n * n} {8 * n}' for n in range(COUNT))]  # R's write.table
    assert read_signature("\n".join(lines).encode()).x.tolist() == list(range(COUNT))


def test_blank_lines_before_every_format():
    for data in (
        b"\n \n9\n" + b"".join(b"%d %d %d 1\n" % (n, n, n) for n in range(9)),
        b"\n\r\n\r\n" + plain_csv.encode(SIGNATURE),
    ):
        assert len(read_signature(data)) in (9, COUNT)


def test_sep_of_excel():
    assert (
        read_signature(b"sep=;\nx;y;t\n" + b"".join(b"%d;%d;%d\n" % (n, n, n) for n in range(9))).duration_ms
        == 8
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"10,0,5.5,7\n18,2,6.5,8\n", "a table of 4 columns without a header; .* x,y,time_ms,pressure"),
        (b"1.5 2\n2.5 3\n", "a table of 2 columns without a header"),
        (b"1.5\t2\t3\n2.5\t3\t4\n", "a table of 3 columns without a header"),
        (b"x,y,p\n1,2,3\n", "line 1: no column time_ms; .* received x, y, p. .*time_s"),
        (b"x,time\n1,2\n", "line 1: no column y"),
        (b"x,y,t,status\n" + b"1,2,3,7\n" * 9, "line 2: status out of range; expected 0 or 1"),
        (b"x,y,t\n1,,3\n", "line 2: not a number"),
        (b"# a\n\nx,y,t\n# b\n1,2,3\n1,2\n", "line 6: a row of 2 columns"),
        (b'[{"x": 1, "y": 2}]', "stroke 1, point 1: time is not a number; .* Keys found: x, y"),
        (b'{"x": [1, 2], "y": [1], "t": [1, 2]}', "columns of different lengths; received x: 2, y: 1, t: 2"),
        (b'{"shape": [], "pen": 1}', "not groups of points; .* an object with the keys shape, pen"),
        (b'{"strokes": "[[]]"}', "the strokes are text; .* Hand in the list itself"),
        (b'[{"points": "[]"}]', "stroke 1: no points; .* Hand in the list itself"),
        ("x,y".encode("utf-16")[:-1], "not whole UTF-16 text"),
    ],
)
def test_refused_in_one_line(data, message):
    with pytest.raises(FormatError, match=message) as raised:
        read_signature(data)
    assert "\n" not in str(raised.value)


FOREIGN = {
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a JPEG picture": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(40),
    "a GIF picture": b"GIF89a" + bytes(40),
    "a BMP picture": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0" + bytes(40),
    "a TIFF picture": b"MM\0*\0\0\0\x08" + bytes(40),
    "a WebP picture": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(40),
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\n",
    "an SVG drawing": b'"<svg xmlns=\\"x\\"><path/></svg>"',
    "a zip archive": b"PK\3\4\x14\0" + bytes(40),
    "a gzip archive": b"\x1f\x8b\x08\0" + bytes(40),
    "a PNG picture in base64": b"iVBORw0KGgoAAAANSUhEUgAA",
    "base64": b"W3sicG9pbnRzIjogW3sieCI6IDEsICJ5IjogMiwgInRpbWUiOiAzfV19XQ==",
    "a picture as a data URL": b"data:image/png;base64,iVBORw0KGgo=",
    "a web page": b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>",
    "XML": b'<?xml version="1.0"?><signature><point x="1"/></signature>',
    "a Wacom signature": b"FSS\x01" + bytes(40),
    "Ink Serialized Format": b"\0\x85\x01" + bytes(133),
    "a Python pickle": b"\x80\x04\x95\x10" + bytes(40),
    "a numpy file": b"\x93NUMPY\x01\0" + bytes(40),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_else_people_hand_in_is_named(name, tmp_path):
    path = tmp_path / "signature.csv"
    path.write_bytes(FOREIGN[name])
    for source in (FOREIGN[name], path):
        with pytest.raises(UnknownFormat, match="this is ") as raised:
            read_signature(source)
        assert name in str(raised.value)


@pytest.mark.parametrize("data", [FOREIGN["a picture as a data URL"], FOREIGN["a web page"]])
def test_text_that_is_no_recording_is_named_in_a_json_string_and_in_utf_16(data):
    for foreign in (json.dumps(data.decode()).encode(), data.decode().encode("utf-16")):
        with pytest.raises(UnknownFormat, match="this is "):
            read_signature(foreign)


@pytest.mark.parametrize(
    "data", [plain_csv.encode(SIGNATURE), signature_pad.encode(SIGNATURE), b"9\n1 2 3 1\n"]
)
def test_the_text_of_a_recording_is_no_path_and_is_not_repeated(data):
    with pytest.raises(FormatError, match="this is the text of a signature") as raised:
        read_signature(data.decode())
    assert len(str(raised.value)) < 120


def test_a_file_of_a_name_like_text_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "{1,2,3}").write_bytes(plain_csv.encode(SIGNATURE))
    assert read_signature("{1,2,3}") == SIGNATURE


@pytest.mark.parametrize("path", ["a" * 300, "/".join(["a" * 200] * 30), "absent/" + "a" * 90])
def test_a_path_in_a_message_is_bounded(path):
    with pytest.raises(FormatError, match="cannot read") as raised:
        read_signature(path)
    assert len(str(raised.value)) < 400


@given(st.sampled_from(list(FOREIGN.values())), st.integers(0, 60), st.binary(max_size=20))
def test_half_of_something_else_is_a_typed_error(data, cut, more):
    with contextlib.suppress(FormatError, InvalidSignature):
        read_signature(data[:cut] + more)
