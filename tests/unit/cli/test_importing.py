"""`sigverify import` and `sigverify formats`."""

import json

import pytest

from sigverify.formats import FORMATS, read_signature

CSV = "x,y,time_ms,azimuth,pen_down\n" + "".join(
    f"{3 * n},{n * n % 17},{10 * n},7,{int(n > 0)}\n" for n in range(12)
)


@pytest.fixture
def people(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"ann/1.csv": CSV, "ann/2.csv": CSV[:-9], "bob/1.csv": CSV, "note.md": "hello"}.items():
        (tmp_path / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "people" / name).write_text(text)
    return tmp_path / "people"


@pytest.mark.usefixtures("people")
def test_good_and_bad_files_together(answer, run, tmp_path):
    code, said = answer("import", "people", "--to", "signature_pad", "--out", "out")
    assert code == 4
    assert [each["target"] for each in said["converted"]] == ["out/ann/1.json", "out/bob/1.json"]
    assert said["failed"][0]["source"] == "people/ann/2.csv"
    assert said["left_out"][0]["source"] == "people/note.md"
    assert said["lost"]["azimuth"] == 2
    assert read_signature(tmp_path / "out/bob/1.json") == read_signature(tmp_path / "people/bob/1.csv")
    code, printed = run("import", "people", "--to", "csv", "--out", "again")
    assert code == 4
    lines = printed.splitlines()
    assert lines[0] == "Converted 2 of 3 signature files to csv in again."
    assert "cannot say" not in printed, "there is nothing of that kind in them"
    assert any(line.startswith("  people/ann/2.csv: line 13: ") for line in lines)
    assert any(line.startswith("  people/note.md: not a signature file") for line in lines)


def test_what_was_noticed_is_said(people, run):
    (people / "bob/2.json").write_text(json.dumps(json.dumps([{"x": n, "y": n, "t": n} for n in range(9)])))
    (people / "bob/3.csv").write_text(CSV.replace("time_ms", "time_s"))
    _, printed = run("import", "people/bob", "--to", "csv", "--out", "out")
    lines = printed.splitlines()
    assert "  unpacked from a JSON string: 1" in lines
    assert "  converted to milliseconds: time_s: 1" in lines
    assert "ignored" not in printed, "it is in what was written"


@pytest.mark.usefixtures("people")
def test_all_went_well(run, answer):
    assert run("import", "people/ann/1.csv", "people/bob", "--to", "csv", "--out", "out")[0] == 0
    code, said = answer("import", "people/bob", "--to", "csv", "--out", "out")
    assert (code, said["converted"][0]["target"]) == (0, "out/1.csv")


@pytest.mark.usefixtures("people")
def test_nothing_is_written_over_unless_told(answer, run, tmp_path):
    arguments = ("import", "people/bob", "--to", "csv", "--out", "out")
    assert answer(*arguments)[0] == 0
    code, said = answer(*arguments)
    assert (code, said["error"]) == (4, "FormatError")
    assert "--overwrite" in said["message"]
    assert run(*arguments, "--overwrite")[0] == 0
    assert [path.name for path in tmp_path.glob("out/*")] == ["1.csv"]


def test_many_refusals_are_counted(people, run):
    for number in range(30):
        (people / f"{number}.csv").write_text(CSV[:-9])
    _, printed = run("import", "people", "--to", "csv", "--out", "out")
    assert "  and 11 more, see --json" in printed


def test_a_hostile_name_is_printed_as_it_is(people, run):
    (people / "\x1b[31mred\u202e.csv").write_text(CSV[:-9])
    _, printed = run("import", "people", "--to", "csv", "--out", "out", PYTHONUTF8="1")
    assert r"\x1b[31mred\u202e.csv: line 13" in printed
    assert "\x1b" not in printed


def test_formats_are_listed(run, answer):
    code, said = answer("formats")
    assert code == 0
    assert [each["name"] for each in said["formats"]] == list(FORMATS)
    csv = next(each for each in said["formats"] if each["name"] == "csv")
    assert csv["written"]
    assert csv["keeps"][:4] == ["x", "y", "z", "time"]
    susig = next(each for each in said["formats"] if each["name"] == "susig")
    assert (susig["written"], susig["keeps"]) == (False, [])
    code, printed = run("formats")
    assert code == 0
    assert all(name in printed for name in FORMATS)
    assert json.dumps(said, allow_nan=False)


def test_a_corpus_keeps_its_terms(answer, run, tmp_path):
    assert run("invent", "--out", tmp_path / "people", "--writers", 2, "--genuine", 2, "--skilled", 0)[0] == 0
    code, said = answer("import", tmp_path / "people", "--to", "inkml", "--out", tmp_path / "out")
    assert (code, said["about"], said["left_out"]) == (0, str(tmp_path / "out" / "corpus.toml"), [])
    code, printed = run("import", tmp_path / "people", "--to", "csv", "--out", tmp_path / "more")
    assert code == 0
    assert "What the corpus says of itself, its terms too, stands in " in printed
