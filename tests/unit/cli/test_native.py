import shutil

import pytest

from sigverify.runtime.native.library import Library


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here (Debian: apt install gcc)")
def test_it_builds_a_library_that_loads(answer, tmp_path):
    code, content = answer("native", "--out", tmp_path / "its.so")
    assert (code, content["library"]) == (0, str(tmp_path / "its.so"))
    assert Library(tmp_path / "its.so").path == content["library"]
    assert list(tmp_path.iterdir()) == [tmp_path / "its.so"]


def test_a_compiler_that_is_not_there(run, tmp_path):
    (tmp_path / "its.so").write_text("the one before")
    code, printed = run("native", "--out", tmp_path / "its.so", "--compiler", "no-such-cc")
    assert code == 4
    assert "no C compiler 'no-such-cc' here" in printed
    assert (tmp_path / "its.so").read_text() == "the one before"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here (Debian: apt install gcc)")
def test_a_folder_that_is_not_there(run, tmp_path):
    code, printed = run("native", "--out", tmp_path / "none" / "its.so")
    assert code == 4
    assert "its.so" in printed
