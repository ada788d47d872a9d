"""`sigverify info` of a signature."""

import os
import re
import threading

import pytest
from builders import template

from sigverify.formats import iso19794_7, read_recording
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore

TABLE = b"x;y;time_s;azimuth\n" + b"".join(b"%d,5;%d;0,%02d;7\n" % (n, n * n, n) for n in range(12))


def test_what_was_noticed_is_shown(answer, run, tmp_path):
    path = tmp_path / "alice.csv"
    path.write_bytes(TABLE)
    code, content = answer("info", path)
    assert code == 0
    assert content["format"] == "csv"
    assert content["duration_ms"] == 110
    assert content["notes"] == [
        {"kind": "decimal_comma", "names": []},
        {"kind": "time_converted", "names": ["time_s"]},
        {"kind": "ignored", "names": ["azimuth"]},
    ]
    assert "ignored: azimuth" in run("info", path)[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes of a name on this system")
def test_a_pipe_is_read_once(answer, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TABLE,), daemon=True)
    writer.start()
    assert answer("info", pipe)[1]["samples"] == 12
    writer.join(10)
    assert not writer.is_alive()


@pytest.mark.parametrize("name", ["absent.csv", "a" * 300, "."])
def test_what_cannot_be_read_is_an_error_of_one_line(run, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed = run("info", name)
    assert code == 4
    assert printed.startswith("error: ")
    assert "Traceback" not in printed


def test_fields_of_a_binary_file_are_explained(answer, run, tmp_path):
    path = tmp_path / "alice.sdi"
    path.write_bytes(iso19794_7.encode(read_recording(TABLE)))
    code, content = answer("info", path)
    assert (code, content["format"], content["samples"]) == (0, "iso19794_7", 12)
    assert content["channels"]["time"] == {"unit": "s", "per_unit": 1000.0, "low": None, "high": None}
    assert content["facts"]["edition"] == 2007
    assert content["fields"][0] == {
        "name": "format identifier",
        "value": "SDI",
        "meaning": "a signature in ISO/IEC 19794-7",
        "offset": 0,
        "problem": "",
    }
    printed = run("info", path)[1]
    assert re.search(
        r"^ +\d+ +t scaling +1000\.0 +counts that make 1 s \(E = 25, F = 1952\)", printed, re.MULTILINE
    )
    assert "time (1000 a s)" in printed


def test_a_damaged_file_is_described_as_far_as_it_goes(answer, run, tmp_path):
    path = tmp_path / "cut.sdi"
    path.write_bytes(iso19794_7.encode(read_recording(TABLE))[:40])
    code, content = answer("info", path)
    assert (code, content["kind"], content["format"]) == (4, "signature", "iso19794_7")
    assert (content["error"], content["status"]) == ("FormatError", 11)
    assert content["message"].startswith("byte ")
    assert content["fields"][-1]["problem"].startswith("cut off")
    code, printed = run("info", path)
    assert code == 4
    assert "cannot be read" in printed
    assert "channel bitmap" in printed


def test_a_file_that_is_no_signature_is_described(answer, run, tmp_path):
    path = tmp_path / "short.csv"
    path.write_bytes(b"x,y,time_ms\n1,2,3\n4,5,6\n")
    code, content = answer("info", path)
    assert (code, content["error"], content["samples"]) == (4, "InvalidSignature", 2)
    assert set(content["channels"]) == {"x", "y", "time"}
    assert "no signature" in run("info", path)[1]


def test_the_models_of_a_store_are_no_code(run, tmp_path):
    with SqliteStore(tmp_path / "its.db", key=Key(bytes(range(32)))) as store:
        store.put(template("alice", 2, model_id="0123456789abcdef"))
    (tmp_path / "its.key").write_text(bytes(range(32)).hex())
    (tmp_path / "its.key").chmod(0o600)
    code, printed = run("info", tmp_path / "its.db", "--key", tmp_path / "its.key")
    assert code == 0, printed
    assert re.search(r"^models +pen: 0123456789abcdef$", printed, re.MULTILINE)
