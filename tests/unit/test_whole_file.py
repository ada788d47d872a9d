import os
import stat

import pytest

from sigverify.whole_file import PRIVATE, is_draft, replacing, write_new, write_whole


def everything_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def _everybodys_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_everybodys_umask")
def test_it_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"before")
    write_whole(path, "after: ü")
    assert everything_in(tmp_path) == {"file": "after: ü".encode()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_whole(path, b"secret", mode=PRIVATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("write", [write_whole, write_new])
@pytest.mark.parametrize("wrong", [OSError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("at", [1, 2])
def test_whatever_interrupts_it_no_half_is_there(tmp_path, monkeypatch, write, wrong, at):
    path, calls = tmp_path / "file", []
    if write is write_whole:
        path.write_bytes(b"before")

    def fsync(_descriptor):
        calls.append(1)
        if len(calls) == at:
            raise wrong

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(wrong):
        write(path, b"after")
    before = {} if write is write_new else {"file": b"before"}
    assert everything_in(tmp_path) == (before if at == 1 else {"file": b"after"})


def test_it_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    synced = []

    def noted(file):
        synced.append((stat.S_ISDIR(os.fstat(file).st_mode), [each.name for each in tmp_path.iterdir()]))

    monkeypatch.setattr(os, "fsync", noted)
    write_whole(tmp_path / "file", b"content")
    (of_folder, (draft,)), last = synced
    assert not of_folder
    assert is_draft(tmp_path / draft)
    assert last == (True, ["file"])


def test_what_is_there_stays_where_it_must_not_be(tmp_path):
    path = tmp_path / "file"
    write_new(path, b"first")
    with pytest.raises(FileExistsError):
        write_new(path, b"second")
    assert everything_in(tmp_path) == {"file": b"first"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("plot.png", ".png"),
        ("PLOT.PNG", ".PNG"),
        ("epoch-00001.weights.h5", ".weights.h5"),
        ("of.mrs.jane.doe.1974.keras", ".keras"),
        ("signature", ""),
        ("x." + 240 * "y", ""),
        (255 * "x", ""),
    ],
)
def test_the_draft_is_named_so_that_a_library_knows_its_format(tmp_path, name, ends):
    with replacing(tmp_path / name) as draft:
        assert draft.parent == tmp_path
        assert draft.name.endswith(f".part{ends}")
        assert is_draft(draft)
        assert not is_draft(tmp_path / name)
        draft.write_bytes(b"content")
    assert everything_in(tmp_path) == {name: b"content"}


def test_a_draft_that_nobody_wrote(tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        pass
    assert everything_in(tmp_path) == {"file": b"before"}
