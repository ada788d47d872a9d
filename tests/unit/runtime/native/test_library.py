import gc
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.libsigverify.declare import declare
from sigverify import Model
from sigverify.errors import RuntimeUnavailable
from sigverify.modality.pen.features import FEATURES_VERSION as FEATURES
from sigverify.runtime.native import declarations
from sigverify.runtime.native import library as module
from sigverify.runtime.native.library import ABI, VARIABLE, Library


@pytest.fixture
def nothing_built(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(module, "PLACE", tmp_path / "libsigverify.so")
    return tmp_path / "libsigverify.so"


def test_declarations_are_those_of_the_header(tmp_path):
    declare(tmp_path / "declarations.py")
    committed = Path(declarations.__file__)  # `python -m firmware_bridge.libsigverify.declare` writes it anew
    assert (tmp_path / "declarations.py").read_text() == committed.read_text()


def test_the_one_named_is_taken(monkeypatch, library_path):
    monkeypatch.setenv(VARIABLE, str(library_path))
    assert Library.find().path == str(library_path)
    assert Library.find() is Library.find()


def test_the_one_built_beside_the_sdk_is_found(nothing_built, library_path):
    nothing_built.symlink_to(library_path)
    assert Library.find().path == str(nothing_built)


@pytest.mark.usefixtures("nothing_built")
def test_the_one_installed_is_asked_for_by_its_name(monkeypatch):
    asked = []
    monkeypatch.setattr(Library, "_load", asked.append)
    Library.find()
    assert asked == [f"libsigverify.so.{ABI}"]


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setenv(VARIABLE, "off")
    with pytest.raises(RuntimeUnavailable, match=f"switched off; received {VARIABLE}=off"):
        Library.find()


@pytest.mark.parametrize("content", [None, b"", b"\x7fELF, or so it says"])
def test_what_is_not_there_or_no_library_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "libsigverify.so").write_bytes(content)
    with pytest.raises(RuntimeUnavailable, match=r"does not load; received .*Build it: sigverify native"):
        Library(tmp_path / "libsigverify.so")


def says(abi, features):
    """C that answers what a library is asked first."""
    return f"int sv_abi(void) {{ return {abi}; }} int sv_features_version(void) {{ return {features}; }}"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            says(ABI + 1, FEATURES),
            f"expected interface {ABI}, features {FEATURES}; received {ABI + 1}, {FEATURES}. Build it anew",
        ),
        (says(ABI, FEATURES + 1), f"another version: .*received {ABI}, {FEATURES + 1}"),
        (says(ABI, FEATURES), r"older build: .*Build it anew"),
        ("int other(void) { return 0; }", "does not load"),
    ],
)
def test_a_library_of_another_version_is_refused(compiler, tmp_path, code, message):
    (tmp_path / "other.c").write_text(code)
    line = [compiler, "-shared", "-fPIC", "-o", tmp_path / "other.so", tmp_path / "other.c"]
    subprocess.run(line, check=True)
    with pytest.raises(RuntimeUnavailable, match=message):
        Library(tmp_path / "other.so")


def test_no_memory_is_a_memory_error(library):
    class Exhausted:
        def sv_abi(self):
            return module.NO_MEMORY

    its = Library.__new__(Library)
    its.ffi, its.functions = library.ffi, Exhausted()
    with pytest.raises(MemoryError, match="sv_abi"):
        its.call("sv_abi")


def test_what_was_opened_outlives_the_library_object(library_path):
    base = Model.read("base")
    library = Library(library_path)
    content = library.ffi.from_buffer(base.to_bytes())
    its = library.open("sv_model", content, len(content))
    del library, content
    gc.collect()
    del its  # closed by functions of a library that nobody else holds
    gc.collect()
