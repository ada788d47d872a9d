import os
import stat

import pytest

from sigverify.errors import StoreError
from sigverify.protection.private_file import overwrite_private, wipe, write_private


def test_only_its_owner_may_read_it_also_where_others_could(tmp_path):
    path = tmp_path / "alice.template"
    path.write_bytes(b"before")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write_private(path, b"after")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_private(tmp_path / "folder", b"content")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_its_name_is_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_private(tmp_path / "counter", b"1\n")
    assert synced == [False, True], "the content, and then the folder"


@pytest.mark.parametrize("length", [0, 5, 900])
def test_overwriting_leaves_nothing_of_what_was_there(tmp_path, length):
    path = tmp_path / "file"
    path.write_bytes(b"old" * 100)
    node = path.stat().st_ino
    overwrite_private(path, [b"n" * length, b"!"], sync=True)
    assert path.read_bytes() == b"n" * length + b"!"
    assert path.stat().st_ino == node
    overwrite_private(tmp_path / "new", [b"x"], sync=False)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_what_is_longer_is_zeros_before_it_is_cut_off(tmp_path, monkeypatch):
    path, seen = tmp_path / "file", []
    path.write_bytes(b"old" * 100)
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_bytes()))
    overwrite_private(path, [b"new"], sync=False)
    wipe(path)
    assert seen == [b"new" + bytes(297), bytes(3)]
    assert not path.exists()
    wipe(path)


def test_no_other_file_is_overwritten(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    link, hard = tmp_path / "link", tmp_path / "hard"
    link.symlink_to(precious)
    hard.hardlink_to(precious)
    for path in (link, hard):
        with pytest.raises(OSError, match=r"name|links"):
            overwrite_private(path, [b"x"], sync=False)
    with pytest.raises(OSError, match="own name"):
        wipe(hard)
    wipe(link)
    assert not link.is_symlink()
    assert precious.read_bytes() == b"mine"
