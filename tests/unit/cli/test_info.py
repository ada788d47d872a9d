"""`sigverify info` of a signature."""

import os
import threading

import pytest

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
