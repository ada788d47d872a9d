"""Many files of many formats, written as one."""

import errno
import os
import zipfile
from pathlib import Path

import pytest

from sigverify import whole_file
from sigverify.errors import FormatError, SigverifyError, UnknownFormat
from sigverify.formats import conversion, read_signature
from sigverify.formats.conversion import convert_files

COUNT = 12
CSV = "x,y,time_ms,pressure,azimuth,pen_down\n" + "".join(
    f"{3 * n},{n * n % 17},{10 * n},{200 + n},{n},{int(n > 0)}\n" for n in range(COUNT)
)
SVC = f"{COUNT}\n" + "".join(f"{3 * n} {n * n % 17} {10 * n} {int(n > 0)}\n" for n in range(COUNT))


def write(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def there(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def people(tmp_path):
    content = {
        "people/alice/genuine/1.csv": CSV,
        "people/alice/genuine/2.TXT": SVC,
        "people/bob/skilled/1.csv": CSV,
        "people/bob/skilled/broken.csv": CSV[:-9] + "\n",
        "people/readme.md": "hello",
        "people/.hidden.csv": CSV,
    }
    return write(tmp_path, content) / "people"


def test_a_tree_stays_a_tree_and_the_rest_goes_on(people, tmp_path):
    seen = []
    done = convert_files(
        [people], "signature_pad", tmp_path / "out", progress=lambda *step: seen.append(step)
    )
    assert there(tmp_path / "out") == ["alice/genuine/1.json", "alice/genuine/2.json", "bob/skilled/1.json"]
    assert [each.format for each in done.converted] == ["csv", "svc2004", "csv"]
    assert [Path(each.source).name for each in done.failed] == ["broken.csv"]
    assert "line 13: a row of" in str(done.failed[0].error)
    assert [Path(each.source).name for each in done.left_out] == ["readme.md"]
    assert seen == [("converting", step, 5) for step in range(1, 6)]
    same = read_signature(people / "alice/genuine/1.csv")
    assert read_signature(tmp_path / "out/alice/genuine/1.json") == same


def test_what_is_lost_is_said_of_each_and_of_all(people, tmp_path):
    done = convert_files([people], "signature_pad", tmp_path / "out")
    first, second, _ = done.converted
    assert "azimuth" in first.lost
    assert "azimuth" not in second.lost
    assert done.lost["azimuth"] == 2
    assert set(done.lost) == {"azimuth"}
    content = done.to_dict()
    assert content["lost"] == done.lost
    assert content["failed"][0]["error"] == "FormatError"
    assert content["converted"][0]["notes"] == [{"kind": "ignored", "names": ["azimuth"]}]


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (["people/alice/genuine/1.csv"], ["1.csv"]),
        (["people/alice", "people/bob/skilled/1.csv"], ["alice/genuine/1.csv", "alice/genuine/2.csv",
                                                        "bob/skilled/1.csv"]),
        (["people/alice/genuine/1.csv", "people/alice/genuine/2.TXT"], ["1.csv", "2.csv"]),
        (["people/alice/../alice/genuine"], ["1.csv", "2.csv"]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("people")
def test_folders_below_the_common_root_are_kept(chosen, names, tmp_path):
    convert_files([tmp_path / each for each in chosen], "csv", tmp_path / "out")
    assert there(tmp_path / "out") == names


def test_zip_files_are_read_as_folders(people, tmp_path):
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        for path in people.rglob("*.csv"):
            archive.write(path, path.relative_to(people))
        archive.writestr("../../outside.csv", CSV)
        archive.writestr("/absolute.csv", CSV)
        archive.writestr("..", "nothing")
    done = convert_files([tmp_path / "people.zip"], "csv", tmp_path / "deep/er/out")
    assert there(tmp_path / "deep") == [
        f"er/out/{name}"
        for name in ("absolute.csv", "alice/genuine/1.csv", "bob/skilled/1.csv", "outside.csv")
    ]
    assert [each.source for each in done.failed] == [f"{tmp_path}/people.zip/bob/skilled/broken.csv"]
    (tmp_path / "people.zip").rename(tmp_path / "packed.zip")
    convert_files([tmp_path / "packed.zip", people / "alice"], "csv", tmp_path / "both")
    assert {"packed/alice/genuine/1.csv", "people/alice/genuine/2.csv"} <= set(there(tmp_path / "both"))


def test_damaged_zip_is_named(tmp_path, people):
    whole = tmp_path / "people.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(people / "alice/genuine/1.csv", "1.csv")
        archive.write(people / "alice/genuine/2.TXT", "2.TXT")
    data = bytearray(whole.read_bytes())
    data[45:60] = bytes(15)  # in the first member
    whole.write_bytes(data)
    done = convert_files([whole], "csv", tmp_path / "out")
    assert [Path(each.target).name for each in done.converted] == ["2.csv"]
    assert "cannot read '1.csv'; expected a whole" in str(done.failed[0].error)


def test_numbers_behind_a_point_stay_in_the_name(tmp_path):
    write(tmp_path, {"in/s.001": CSV, "in/s.002": CSV, "in/Zoë\u0308 König 王.csv": CSV})
    convert_files([tmp_path / "in"], "csv", tmp_path / "out")
    assert there(tmp_path / "out") == sorted(["s.001.csv", "s.002.csv", "Zoë\u0308 König 王.csv"])


class TestRefusedBeforeAnythingIsWritten:
    def refused(self, tmp_path, paths, *, error=FormatError, match, to="csv", **options):
        before = there(tmp_path)
        with pytest.raises(error, match=match):
            convert_files(paths, to, tmp_path / "out", **options)
        assert there(tmp_path) == before
        assert (tmp_path / "out").exists() == any(name.startswith("out/") for name in before)

    def test_two_of_one_name(self, tmp_path):
        write(tmp_path, {"in/1.csv": CSV, "in/1.TXT": SVC, "in/2.csv": CSV})
        self.refused(tmp_path, [tmp_path / "in"], match=r"2 files would be written as '1\.csv'")

    def test_one_file_twice(self, tmp_path):
        file = write(tmp_path, {"in/1.csv": CSV}) / "in/1.csv"
        self.refused(tmp_path, [file, file], match="2 files would be written")

    def test_a_note_beside_a_signature_is_no_second(self, tmp_path):
        write(tmp_path, {"in/1.csv": CSV, "in/1.md": "hello", "out/2.csv": "mine"})
        assert len(convert_files([tmp_path / "in"], "csv", tmp_path / "out").converted) == 1

    def test_what_is_there(self, people, tmp_path):
        write(tmp_path, {"out/bob/skilled/1.csv": "mine"})
        match = "nothing is written over .* received 1: .*out/bob/skilled/1.csv. .*overwrite"
        self.refused(tmp_path, [people], match=match)
        assert (tmp_path / "out/bob/skilled/1.csv").read_text() == "mine"
        convert_files([people], "csv", tmp_path / "out", overwrite=True)
        assert read_signature(tmp_path / "out/bob/skilled/1.csv")

    @pytest.mark.parametrize(
        ("to", "match"),
        [("xml", "unknown format"), ("jsignature", r"read only; expected .*csv.*signature_pad")],
    )
    def test_a_format_that_is_not_written(self, people, tmp_path, to, match):
        self.refused(tmp_path, [people], to=to, match=match)

    def test_nothing_there(self, people, tmp_path):
        self.refused(tmp_path, [people, tmp_path / "absent"], match="nothing at .*absent")
        (tmp_path / "empty").mkdir()
        self.refused(tmp_path, [tmp_path / "empty"], match="no files there")

    def test_no_signatures(self, tmp_path):
        write(tmp_path, {"in/a.md": "hello", "in/b.md": "hello"})
        self.refused(tmp_path, [tmp_path / "in"], error=UnknownFormat, match="none of 2 files is a signature")
        self.refused(tmp_path, [tmp_path / "in/a.md"], error=UnknownFormat, match=r"in/a.md: not a signature")

    def test_one_damaged_file_is_an_error_and_no_report(self, people, tmp_path):
        self.refused(tmp_path, [people / "bob/skilled/broken.csv"], match="broken.csv: line 13")


def test_a_full_disk_leaves_whole_files(people, tmp_path, monkeypatch):
    sizes = iter([10_000, 10_000, 40, 10_000])

    def full(path, data, _mode):
        room = next(sizes)
        path.write_bytes(data[:room])
        if len(data) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(whole_file, "_create", full)
    match = "cannot write .*bob/skilled/1.json.*No space left.* 2 of 5 files are written, each of them whole"
    with pytest.raises(SigverifyError, match=match):
        convert_files([people], "signature_pad", tmp_path / "out")
    assert there(tmp_path / "out") == ["alice/genuine/1.json", "alice/genuine/2.json"]
    assert all(read_signature(tmp_path / "out" / name) for name in there(tmp_path / "out"))


def test_a_folder_that_cannot_be_written(people, tmp_path, monkeypatch):
    (tmp_path / "out").write_text("a file")
    for folder in ("out", "out/deep/er"):
        with pytest.raises(FormatError, match=r"nothing can be written to .*out"):
            convert_files([people], "csv", tmp_path / folder)
    assert (tmp_path / "out").read_text() == "a file"

    def read_only(path, _data, _mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(whole_file, "_create", read_only)
    with pytest.raises(SigverifyError, match=r"Permission denied.* 0 of 5 files"):
        convert_files([people], "csv", tmp_path / "locked")


class TestLinks:
    def test_loops_end(self, people, tmp_path):
        (people / "alice/again").symlink_to(people)
        (people / "self").symlink_to(people / "self")
        done = convert_files([people], "csv", tmp_path / "out")
        assert len(done.converted) == 3
        failed = {Path(each.source).name: str(each.error) for each in done.failed}
        assert "Too many levels" in failed["self"]

    def test_what_they_lead_to_is_read_under_their_own_names(self, people, tmp_path):
        (tmp_path / "view").mkdir()
        (tmp_path / "view/ann").symlink_to(people / "alice")
        (tmp_path / "view/gone.csv").symlink_to(tmp_path / "nowhere.csv")
        done = convert_files([tmp_path / "view"], "csv", tmp_path / "out")
        assert there(tmp_path / "out") == ["ann/genuine/1.csv", "ann/genuine/2.csv"]
        assert "No such file" in str(done.failed[0].error)

    def test_a_pipe_in_a_folder_is_left_alone(self, people, tmp_path):
        os.mkfifo(people / "pipe")
        assert len(convert_files([people], "csv", tmp_path / "out").converted) == 3


def test_a_pipe_that_is_named_is_read_once(tmp_path):
    read, write_end = os.pipe()
    os.write(write_end, CSV.encode())
    os.close(write_end)
    done = convert_files([f"/dev/fd/{read}"], "signature_pad", tmp_path / "out")
    os.close(read)
    assert there(tmp_path / "out") == [f"{read}.json"]
    assert done.converted[0].format == "csv"


def test_temporary_names_are_gone_after_an_interrupt(people, tmp_path, monkeypatch):
    def interrupted(_, __):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion.Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert_files([people], "csv", tmp_path / "out")
    assert there(tmp_path / "out") == []
