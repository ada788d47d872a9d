import contextlib
import struct
import zipfile

import pytest

from sigverify.corpora.files import corpus_files
from sigverify.errors import CorpusError

CONTENT = {"Task1/U1S1.TXT": b"one " * 50, "Task1/U1S2.TXT": b"two", "readme.txt": b"three"}
HIDDEN = {".DS_Store": b"", "__MACOSX/._U1S1.TXT": b"junk", "Task1/.cache/x": b""}


@pytest.fixture
def folder(tmp_path):
    for name, data in (CONTENT | HIDDEN).items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "folder"


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.mkdir("Task1")
        for name, data in reversed((CONTENT | HIDDEN).items()):
            file.writestr(name, data)
    return tmp_path / "corpus.zip"


def test_folder_and_zip_give_the_same_in_order(folder, archive):
    for source in (folder, archive, str(archive)):
        assert [(str(name), data) for name, data in corpus_files(source)] == sorted(CONTENT.items())


def test_nothing_there(tmp_path):
    with pytest.raises(CorpusError, match=r"no corpus at .*expected a folder or a zip file"):
        list(corpus_files(tmp_path / "absent"))


@pytest.mark.parametrize("keep", [0, 10, 100, -1])
def test_truncated_zip(archive, keep):
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(CorpusError, match=r"cannot open .*expected a whole zip file"):
        list(corpus_files(archive))


def test_every_flipped_byte_of_stored_content_is_noticed(tmp_path):
    path = tmp_path / "stored.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("U1S1.TXT", CONTENT["Task1/U1S1.TXT"])
    whole = path.read_bytes()
    start = whole.index(b"one ")
    for index in range(start, start + len(CONTENT["Task1/U1S1.TXT"])):
        damaged = bytearray(whole)
        damaged[index] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(CorpusError, match=r"stored\.zip: cannot read 'U1S1\.TXT'; .*received Bad CRC"):
            list(corpus_files(path))


def test_no_flipped_byte_anywhere_escapes_as_another_error(archive):
    whole = archive.read_bytes()
    for index in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[index] ^= 0xFF
        archive.write_bytes(damaged)
        with contextlib.suppress(CorpusError):
            list(corpus_files(archive))


def test_encrypted_member(archive):
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<H", data, at + 8, 1)
        at = data.find(b"PK\x01\x02", at + 1)
    archive.write_bytes(data)
    with pytest.raises(CorpusError, match="unencrypted"):
        list(corpus_files(archive))


def test_members_and_files_too_large_are_refused(folder, archive, monkeypatch):
    monkeypatch.setattr("sigverify.formats.limits.MAX_BYTES", 100)
    for source in (folder, archive):
        with pytest.raises(CorpusError, match=r"Task1/U1S1\.TXT.* too large"):
            list(corpus_files(source))
