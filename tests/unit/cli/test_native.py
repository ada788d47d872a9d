import shutil

import pytest

from sigverify.runtime.native.library import Library


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here (Debian: apt install gcc)")
def test_it_builds_a_library_that_loads(answer, tmp_path):
    code, content = answer("native", "--out", tmp_path / "its.so")
    assert (code, content["library"]) == (0, str(tmp_path / "its.so"))
    assert Library(tmp_path / "its.so").path == content["library"]
    assert list(tmp_path.iterdir()) == [tmp_path / "its.so"]
    assert answer("native", "--out", tmp_path / "its.so")[0] == 0, "its own is replaced"


def test_a_compiler_that_is_not_there(run, tmp_path):
    (tmp_path / "its.so").write_bytes(b"\x7fELF, the one before")
    code, printed = run("native", "--out", tmp_path / "its.so", "--compiler", "no-such-cc")
    assert code == 4
    assert "no C compiler 'no-such-cc' here" in printed
    assert (tmp_path / "its.so").read_bytes() == b"\x7fELF, the one before"


@pytest.mark.parametrize("compiler", ["", "''", "cc 'x"])
def test_a_compiler_that_is_no_command(run, tmp_path, compiler):
    code, printed = run("native", "--out", tmp_path / "its.so", "--compiler", compiler)
    assert code == 4
    assert "the compiler is no command; expected such as cc; received" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here (Debian: apt install gcc)")
def test_a_folder_that_is_not_there(run, tmp_path):
    code, printed = run("native", "--out", tmp_path / "none" / "its.so")
    assert code == 4
    assert "none cannot be written to" in printed
