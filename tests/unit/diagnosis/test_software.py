import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import sigverify
from sigverify.diagnosis import State, software
from sigverify.errors import RuntimeUnavailable
from sigverify.runtime.interpreters import Runtime


def raising(error, cause=None):
    def refuse(*_):
        raise error from cause

    return refuse


GONE = RuntimeUnavailable("nothing here", hint="pip install ai-edge-litert")


def test_runtime():
    finding = software.runtime()
    assert finding.state is not State.BAD
    assert "auto takes" in finding.found


def test_the_runtime_of_last_resort(monkeypatch):
    monkeypatch.setattr(software, "choose", lambda _: (Runtime.TENSORFLOW, None))
    finding = software.runtime()
    assert finding.state is State.WARN
    assert "ai-edge-litert" in finding.todo


def test_no_runtime(monkeypatch):
    monkeypatch.setattr(software, "choose", raising(GONE))
    assert software.runtime().state is State.BAD
    assert software.runtime().todo == "pip install ai-edge-litert"
    assert software.edge_tpu().state is State.OK


@pytest.mark.parametrize(
    ("load", "state", "said"),
    [
        (lambda _: object(), State.OK, "answers"),
        (raising(RuntimeUnavailable("x"), OSError("no file")), State.OK, "not installed"),
        (raising(RuntimeUnavailable("no Edge TPU answers"), ValueError("x")), State.WARN, "no Edge TPU"),
    ],
    ids=["there", "no library", "no device"],
)
def test_edge_tpu(monkeypatch, load, state, said):
    monkeypatch.setattr(software, "choose", lambda _: (Runtime.EDGETPU, None))
    monkeypatch.setattr(software, "load_edgetpu", load)
    finding = software.edge_tpu()
    assert finding.state is state
    assert said in finding.found


def test_native_that_is_here(monkeypatch):
    library = SimpleNamespace(path="/lib/libsigverify.so.3")
    monkeypatch.setattr(software.Library, "find", lambda: library)
    finding = software.native()
    assert finding.state is State.OK
    assert "/lib/libsigverify.so.3" in finding.found
    assert f"interface {software.ABI}" in finding.found


def test_native_that_is_switched_off(monkeypatch):
    monkeypatch.setenv("SIGVERIFY_NATIVE", "off")
    assert software.native().state is State.OK
    assert "switched off" in software.native().found


def test_native_that_is_named_and_does_not_load(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGVERIFY_NATIVE", str(tmp_path / "none.so"))
    finding = software.native()
    assert finding.state is State.WARN
    assert "does not load" in finding.found
    assert "SIGVERIFY_NATIVE" in finding.todo


@pytest.mark.parametrize(
    ("writable", "compiler", "todo"),
    [
        (True, "/usr/bin/cc", "with /usr/bin/cc"),
        (True, None, "apt install gcc"),
        (False, "/usr/bin/cc", "--out FILE"),
    ],
    ids=["can be built", "no compiler", "not writable"],
)
def test_native_that_is_not_built(monkeypatch, tmp_path, writable, compiler, todo):
    monkeypatch.delenv("SIGVERIFY_NATIVE", raising=False)
    monkeypatch.setattr(software.Library, "find", raising(GONE))
    monkeypatch.setattr(software.Library, "is_expected", lambda: False)
    monkeypatch.setattr(software, "PLACE", tmp_path / "libsigverify.so")
    monkeypatch.setattr(shutil, "which", lambda _: compiler)
    monkeypatch.setattr("os.access", lambda *_: writable)
    finding = software.native()
    assert finding.state is State.WARN
    assert "not built" in finding.found
    assert todo in finding.todo


def test_extras(monkeypatch):
    monkeypatch.setattr(software, "_is_there", lambda module: module != "usearch")
    finding = software.extras()
    assert finding.state is State.OK
    assert finding.found.endswith("not installed: search")
    assert "pip install 'sigverify[search]'" in finding.todo
    monkeypatch.setattr(software, "_is_there", lambda _: True)
    assert software.extras().todo == ""


def test_the_extras_are_those_of_the_project():
    project = Path(sigverify.__file__).parents[1] / "pyproject.toml"
    extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
    assert set(software.EXTRAS) == set(extras) - {"dev", "docs", "packages", "train-cpu"}
    for name, modules in software.EXTRAS.items():
        own = [each for each in extras[name] if not each.startswith("sigverify[")]
        brought = own + extras["evaluate"][1:] * (name == "train")
        assert len(modules) == len(brought), name
