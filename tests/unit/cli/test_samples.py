"""`sigverify samples`: files that the first commands work with, as the README writes them."""

from pathlib import Path

import pytest

from sigverify.experiments.samples import ABOUT, PEOPLE, write_samples
from sigverify.formats import read_capture


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    out = tmp_path_factory.mktemp("samples") / "samples"
    write_samples(out)
    return out


def references(samples, person):
    return [samples / f"{person}-{number}.csv" for number in range(1, 6)]


def test_a_handful_of_each_kind(answer, tmp_path):
    out = tmp_path / "samples"
    code, said = answer("samples", "--out", out)
    assert (code, said["folder"]) == (0, str(out))
    names = sorted(path.name for path in out.iterdir())
    assert said["files"] == [str(out / name) for name in names]
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]
    for person in PEOPLE:
        assert {f"{person}-{number}.csv" for number in range(1, 7)} <= set(names)
        assert {f"forged-{person}-{number}.csv" for number in (1, 2)} <= set(names)
    kinds = {type(read_capture(path)).__name__ for path in out.iterdir() if path.suffix != ".txt"}
    assert kinds == {"Signature", "SignatureImage"}
    assert sum(path.stat().st_size for path in out.iterdir()) < 300_000


def test_they_are_always_the_same(samples, tmp_path):
    again = write_samples(tmp_path / "again")
    assert [path.read_bytes() for path in again if path.suffix == ".csv"] == [
        path.read_bytes() for path in sorted(samples.glob("*.csv"))
    ]


def test_nothing_is_overwritten_and_nothing_else_is_in_the_way(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    code, printed = run("samples", "--out", ".")
    assert code == 0
    assert "alice and bob, who do not exist" in printed
    assert "--user alice alice-[1-5].csv" in printed
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "bob-1.csv").unlink()
    code, printed = run("samples", "--out", ".")
    assert (code, "alice-1.csv already" in printed) == (4, True)
    (tmp_path / "bob-1.csv").write_bytes(before["bob-1.csv"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_takes_nothing_gets_nothing(run, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert run("samples", "--out", tmp_path / "file")[0] == 4
    assert run("samples", "--out", tmp_path / "file" / "samples")[0] == 4
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("person", PEOPLE)
def test_the_model_that_ships_is_right_about_all_strokes(run, samples, tmp_path, person):
    """As the samples' own README says."""
    store = ("--store", tmp_path / "kiosk.db", "--user", person)
    assert run("enroll", *store, *references(samples, person))[0] == 0
    assert run("verify", *store, samples / f"{person}-6.csv")[0] == 0
    other = next(each for each in PEOPLE if each != person)
    for name in (f"forged-{person}-1", f"forged-{person}-2", f"{other}-1"):
        assert run("verify", *store, samples / f"{name}.csv")[0] == 3, name


def test_and_about_the_pictures(run, samples):
    one = samples / "alice-1.png"
    assert run("compare", samples / "alice-2.png", one)[0] == 0
    assert run("compare", samples / "forged-alice-1.png", one)[0] == 3


@pytest.mark.parametrize(
    ("locale", "why", "hint"),
    [
        ("C", "nobody signs twice the same", "only trying out? show another recording"),
        ("de_DE.UTF-8", "niemand unterschreibt zweimal gleich", "nur zum Ausprobieren?"),
    ],
)
def test_the_same_file_again_is_a_copy_and_what_to_do_is_said(run, samples, tmp_path, locale, why, hint):
    store = ("--store", tmp_path / "kiosk.db", "--user", "alice")
    run("enroll", *store, *references(samples, "alice"))
    shown = ("verify", *store, samples / "alice-6.csv")
    assert run(*shown)[0] == 0
    code, printed = run(*shown, LC_ALL=locale)
    assert code == 3
    assert why in printed
    assert hint in printed
    assert "--no-replay-check" in printed
    assert run(*shown, "--no-replay-check")[0] == 0


def test_their_readme_names_files_that_are_there(samples):
    text = (samples / ABOUT).read_text("utf-8")
    named = {word for word in text.split() if word.startswith(str(samples)) and "[" not in word}
    assert named
    assert all(Path(each).is_file() for each in named)
