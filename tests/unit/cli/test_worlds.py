"""Every command in worlds where something is missing, full or in the way: one line, the right exit code."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import template

from sigverify.audit import AuditLog, Event
from sigverify.cli.app import app, main
from sigverify.store import SqliteStore

HOSTILE = "bob [/admin] :smile: \x1b[31m\u202e"
SHOWN = r"bob [/admin] :smile: \x1b[31m\u202e"
LONG = "x" * 300
CSV = "x,y,time_ms,pen_down\n" + "".join(f"{n},{n * n % 97},{10 * n},1\n" for n in range(200))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a store and a signature."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "s.csv").write_text(CSV)
    with SqliteStore(folder / "store.db") as store:
        store.put(template(HOSTILE))
        with store.transaction() as records:
            AuditLog(store).append(records, Event.ENROLLED, HOSTILE)
            records.put("groups", HOSTILE, json.dumps(["staff [b]"]).encode())
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of it, in which the commands run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ended(monkeypatch, capsys):
    """Return a function that runs the command line: the exit code, stdout and stderr."""

    def ended(*arguments, **environment):
        monkeypatch.setattr(sys, "argv", ["sigverify", *map(str, arguments)])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return ended


COMMANDS = {
    "enroll": ("enroll", "-s", "STORE", "-u", "ann", "FILE"),
    "verify": ("verify", "-s", "STORE", "-u", "ann", "FILE"),
    "identify": ("identify", "-s", "STORE", "FILE"),
    "users": ("users", "-s", "STORE"),
    "forget": ("forget", "-s", "STORE", "-u", "ann"),
    "unlock": ("unlock", "-s", "STORE"),
    "groups show": ("groups", "show", "-s", "STORE", "-u", "ann"),
    "groups join": ("groups", "join", "-s", "STORE", "-u", "ann", "staff"),
    "store check": ("store", "check", "-s", "STORE"),
    "store rekey": ("store", "rekey", "-s", "STORE"),
    "store backup": ("store", "backup", "-s", "STORE", "FILE"),
    "store keygen": ("store", "keygen", "FILE"),
    "fleet init": ("fleet", "init", "-s", "STORE", "--roles"),
    "fleet admit": ("fleet", "admit", "-s", "STORE", "--kiosk", "one", "00"),
    "fleet revoke": ("fleet", "revoke", "-s", "STORE", "--kiosk", "one"),
    "fleet key": ("fleet", "key", "--key", "FILE"),
    "station sign": ("station", "sign", "-s", "STORE", "--station-key", "FILE"),
    "station new-key": ("station", "new-key", "FILE"),
    "audit show": ("audit", "show", "-s", "STORE"),
    "audit verify": ("audit", "verify", "-s", "STORE"),
    "kiosk": ("kiosk", "-s", "STORE", "--port", "0"),
    "serve": ("serve", "-s", "STORE", "--socket", "socket"),
    "info": ("info", "FILE"),
    "plot": ("plot", "FILE", "-o", "out.png"),
    "compare": ("compare", "FILE", "FILE"),
    "report compare": ("report", "compare", "FILE", "FILE"),
    "evaluate": ("evaluate", "-c", "svc2004-task1=FILE", "base"),
    "import": ("import", "FILE", "--to", "csv", "--out", "out"),
    "invent": ("invent", "--writers", "1", "--genuine", "1", "--out", "FILE"),
    "samples": ("samples", "--out", "FILE"),
    "convert": ("convert", "FILE", "-o", "out.sigmodel"),
    "calibrate": ("calibrate", "base", "--on", "folder=FILE", "-o", "out.sigmodel"),
    "model sign": ("model", "sign", "FILE", "-k", "FILE", "-r", "1"),
    "model verify": ("model", "verify", "FILE", "-t", "FILE"),
    "model keygen": ("model", "keygen", "-o", "FILE"),
}
NAMES = {
    "nothing there": ("nothing.db", "nothing.csv"),
    "an over-long name": (LONG, LONG),
    "a folder in the way": ("in the way", "in the way"),
    "a file for a folder": ("s.csv/store.db", "s.csv/file"),
    "another file": ("s.csv", "s.csv"),
}
FINE = {
    ("info", "another file"), ("import", "another file"), ("plot", "another file"),
    ("compare", "another file"),
    ("enroll", "nothing there"), ("store keygen", "nothing there"),
    ("station new-key", "nothing there"), ("model keygen", "nothing there"), ("model keygen", "another file"),
    ("invent", "nothing there"), ("invent", "a folder in the way"),
    ("samples", "nothing there"), ("samples", "a folder in the way"),
}  # fmt: skip
"""What works, or would."""


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("world", NAMES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_not_what_it_should_be(folder, ended, command, world, as_json):
    if (command, world) in FINE:
        pytest.skip("there is nothing wrong with it")
    (folder / "in the way").mkdir()
    store, file = NAMES[world]
    words = [each.replace("STORE", store).replace("FILE", file) for each in COMMANDS[command]]
    code, out, err = ended(*words, *(["--json"] if as_json else []))
    assert code in (2, 4), out + err
    if as_json:
        assert set(json.loads(out)) == {"error", "status", "message"}
    else:
        assert not out
        assert err.startswith("error: ")
        assert len(err.splitlines()) == 1
        assert len(err) < 1200
    assert not Path("nothing.db").exists(), "nothing is begun by a mistyped name"


def test_every_command_is_in_the_table():
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    names -= {"train", "demo", "reproduce", "native"}  # with tests of their own, as slow as they are
    names -= {"formats", "bench"}  # which have no file
    names -= {"doctor"}  # what is wrong is what it answers, and no error
    assert names <= set(COMMANDS)


READING = {
    "users": SHOWN,
    "audit show": SHOWN,
    "groups show": r"staff [b]",
    "store check": "sound",
    "info": "kind",
}


def reading(command):
    words = [each.replace("STORE", "store.db") for each in COMMANDS[command]]
    return [HOSTILE if each == "ann" else each.replace("FILE", "store.db") for each in words]


@pytest.mark.parametrize("command", READING)
@pytest.mark.usefixtures("folder")
def test_a_hostile_name_is_printed_as_it_is(ended, command):
    code, out, err = ended(*reading(command), COLUMNS="30")
    assert (code, err) == (0, "")
    assert READING[command] in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    if command == "users":
        assert out == f"{SHOWN}\n"
    if command == "audit show":
        assert len(out.splitlines()) == 2
        assert "T" in out
        assert "+00:00" in out


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("world", ["full", "closed", "broken", "ascii"])
@pytest.mark.usefixtures("folder")
def test_where_nothing_can_be_printed(command, extra, world):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    shell = {
        "full": '"$@" >/dev/full',
        "closed": '"$@" >&-',
        "broken": '{ "$@"; echo $? >rc; } | true; exit $(cat rc)',
        "ascii": '"$@"',
    }
    words = ["sh", "-c", shell[world], "sh", sys.executable, "-m", "sigverify.cli", *reading(command), *extra]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if world == "ascii":
        env |= {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C"}
    done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if world == "ascii":
        assert done.returncode == 0
    elif world != "broken":  # a pipe may take it all before it breaks
        assert done.returncode == 4
        assert done.stderr.startswith("error: cannot write to standard output")
    else:
        assert done.returncode in (0, 141)
        assert done.stderr == ""


def test_head_takes_what_it_wants_of_the_help():
    """A pipe that is closed before anything is written to it: it breaks for certain."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "sigverify.cli", "--help"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, env=env, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_looks_like_a_name_of_a_model_is_one(ended):
    assert "no such model" in ended("info", "bose")[2]


@pytest.mark.usefixtures("folder")
def test_a_stream_that_takes_nothing_for_errors_either(monkeypatch):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "argv", ["sigverify", "users", "-s", "store.db", "--json"])
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", Full())
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 4
