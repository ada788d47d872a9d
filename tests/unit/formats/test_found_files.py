"""The files that paths name, before anything of them is believed."""

import errno
import os
import zipfile
from pathlib import PurePosixPath

import pytest

from sigverify.errors import FormatError
from sigverify.formats import limits
from sigverify.formats.found_files import found_files


@pytest.fixture
def people(tmp_path):
    for name in ("alice/genuine/1.csv", "alice/genuine/2.csv", "bob/1.csv", ".git/x", "__MACOSX/._1.csv"):
        (tmp_path / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "people" / name).write_text(name)
    return tmp_path / "people"


def test_a_folder_that_cannot_be_listed(people, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(FormatError, match=r"cannot list .*people"), found_files([people]):
        pass


def test_names_are_below_the_root(people):
    with found_files([people / "alice", people / "bob"]) as files:
        assert {file.name.parts[0] for file in files} == {"alice", "bob"}
        assert not any(file.named for file in files)
    with found_files([people / "alice/genuine/1.csv"]) as files:
        assert [(file.name, file.named) for file in files] == [(PurePosixPath("1.csv"), True)]


def test_content_is_read_when_it_is_wanted(people):
    with found_files([people]) as files:
        assert [str(file.name) for file in files] == [
            "alice/genuine/1.csv",
            "alice/genuine/2.csv",
            "bob/1.csv",
        ]
        (people / "bob/1.csv").write_text("changed")
        assert files[-1].read() == b"changed"


def test_no_paths_are_no_files():
    with found_files([]) as files:
        assert files == []


def packed(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def test_a_zip_file_is_a_folder_of_its_name(people, tmp_path):
    archive = packed(tmp_path / "more.zip", "carol/1.csv", "__MACOSX/carol/._1.csv", "empty/")
    with found_files([archive, people / "bob"]) as files:
        assert [(str(file.name), file.path) for file in files] == [
            ("more/carol/1.csv", f"{archive}/carol/1.csv"),
            ("people/bob/1.csv", f"{people}/bob/1.csv"),
        ]
        assert files[0].read() == b"carol/1.csv"


@pytest.mark.parametrize("name", ["../../1.csv", "/1.csv", "./1.csv", "a/../../1.csv"])
def test_no_member_leads_out(tmp_path, name):
    with found_files([packed(tmp_path / "x.zip", name)]) as files:
        assert files[0].name.name == "1.csv"
        assert ".." not in files[0].name.parts
        assert not files[0].name.is_absolute()


def test_a_large_member_is_refused_unread(tmp_path, monkeypatch):
    archive = packed(tmp_path / "x.zip", "1.csv")
    monkeypatch.setattr(limits, "MAX_BYTES", 3)
    with found_files([archive]) as files, pytest.raises(FormatError, match=r"1\.csv is too large"):
        files[0].read()


def test_a_zip_file_without_its_list_is_refused(tmp_path):
    archive = packed(tmp_path / "x.zip", "1.csv", "2.csv")
    data = archive.read_bytes()
    at = data.index(b"PK\1\2")
    archive.write_bytes(data[:at] + b"XXXX" + data[at + 4 :])
    with (
        pytest.raises(FormatError, match=r"cannot open .*; expected a whole zip file"),
        found_files([archive]),
    ):
        pass


@pytest.mark.parametrize("path", ["absent.csv", "x" * 300, "a\0b"])
def test_nothing_there(path, tmp_path):
    with pytest.raises((FormatError, ValueError)) as raised, found_files([tmp_path / path]):
        pass
    assert isinstance(raised.value, FormatError), raised.value
