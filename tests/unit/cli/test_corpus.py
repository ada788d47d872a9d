"""`sigverify corpus`: check, export, split."""

import json

import pytest

from sigverify.corpora import open_corpus
from sigverify.corpora.folder import write_folder
from sigverify.formats import FORMATS

pytest.importorskip("sklearn")

SPEC = "synthetic:writers=3,genuine=5,skilled=3"


@pytest.fixture
def people(tmp_path):
    write_folder(open_corpus(SPEC), tmp_path / "people")
    return tmp_path / "people"


def spoil(people):
    (people / "000000" / "genuine" / "001.csv").write_text("hello")
    return people


def test_nothing_wrong(run, answer, people, tmp_path):
    style = tmp_path / "own.css"
    style.write_text("body { font-family: serif; }")
    code, printed = run("corpus", "check", people, "--style", style)
    assert (code, "expected --out" in printed) == (4, True)
    code, printed = run("corpus", "check", people, "--out", tmp_path / "report", "--style", style)
    assert code == 0
    assert "Corpus synthetic-0" in printed
    assert "genuine signatures  15; of one writer 5 · 5 · 5" in printed
    assert "Nothing is wrong with it: 0 errors" in printed
    assert f"The page: {tmp_path / 'report' / 'check.html'}" in printed
    assert style.read_text() in (tmp_path / "report" / "check.html").read_text()
    code, said = answer("corpus", "check", SPEC)
    assert (code, said["ok"], said["page"]) == (0, True, None)
    assert said["fingerprint"] == json.loads((tmp_path / "report" / "check.json").read_text())["fingerprint"]


def test_something_wrong(run, answer, people):
    spoil(people)
    code, printed = run("corpus", "check", people)
    assert code == 3
    assert "error  Files that cannot be read. Of the first: 000000/genuine/001.csv of corpus" in printed
    assert "Something is wrong with it: 1 error," in printed
    code, said = answer("corpus", "check", f"folder={people}")
    assert (code, said["ok"]) == (3, False)
    assert said["findings"][0]["samples"] == ["000000/genuine/001.csv"]
    assert "hello" not in json.dumps(said)


def test_the_page_needs_nothing_beside_it_and_replaces_an_older_one_alone(run, people, tmp_path):
    out = tmp_path / "report"
    for _ in range(2):
        assert run("corpus", "check", spoil(people), "--out", out)[0] == 3
    page = (out / "check.html").read_text()
    assert "000000/genuine/001.csv" in page
    assert page.count("<svg") == 1 + 3 * 3  # a histogram; of each writer the oddest beside two others
    assert not any(word in page for word in ("<script", 'src="http', "href=", "nan", "None"))
    assert sorted(path.name for path in out.iterdir()) == ["check.html", "check.json"]
    code, printed = run("corpus", "check", people, "--out", people)
    assert (code, "the place for the report is taken" in printed) == (4, True)


def test_what_leaks(run, answer, people, tmp_path):
    assert run("corpus", "split", f"folder={people}", "--out", tmp_path / "split.toml")[0] == 0
    assert answer("corpus", "check", people, "--against", tmp_path / "split.toml")[0] == 0
    code, said = answer("corpus", "check", people, "--against", "synthetic:writers=2,genuine=5,skilled=3")
    assert (code, said["against"]) == (3, "synthetic-0")
    assert {each["token"] for each in said["findings"] if each["severity"] == "error"} == {"leak"}


def test_a_split(run, answer, tmp_path):
    out = tmp_path / "split.toml"
    code, said = answer("corpus", "split", SPEC, "--held-out", 0.34, "--seed", 1, "--out", out)
    assert code == 0
    assert (len(said["train"]), len(said["held_out"]), said["corpus"]) == (2, 1, "synthetic-0")
    code, printed = run("corpus", "split", SPEC, "--out", out)
    assert f"2 writers of synthetic-0 to train on, 1 held out. Use it as --writers {out}" in printed
    code, printed = run("corpus", "split", SPEC, "--out", tmp_path / "split.txt")
    assert (code, "a split file has another ending" in printed) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["split.toml"]


@pytest.mark.parametrize(
    ("spec", "form", "suffix"),
    [
        *((SPEC, each.name, each.suffixes[0]) for each in FORMATS.values() if each.encode is not None),
        ("rendered:synthetic:writers=2,genuine=2", "csv", ".png"),
    ],
)
def test_an_export(answer, tmp_path, spec, form, suffix):
    out = tmp_path / "people"
    code, said = answer("corpus", "export", spec, "--out", out, "--format", form)
    assert (code, said["may_be_handed_on"]) == (0, True)
    assert {path.suffix for path in out.glob("*/*/*")} == {suffix}
    assert [each.key for each in open_corpus(f"folder={out}").samples] == [
        each.key for each in open_corpus(spec).samples
    ]


def test_what_an_export_lost_is_said(run, answer, people, tmp_path):
    spec = f"folder={people}"
    assert answer("corpus", "export", spec, "--out", tmp_path / "1")[1]["lost"] == {}
    code, said = answer("corpus", "export", spec, "--out", tmp_path / "2", "--format", "deepsigndb")
    assert (code, list(said["lost"])) == (0, ["lifts without hover or pressure"])
    number = said["lost"]["lifts without hover or pressure"]
    assert number == said["signatures"]
    code, printed = run("corpus", "export", spec, "--out", tmp_path / "3", "--format", "deepsigndb")
    assert f"\n  lifts without hover or pressure: {number}" in printed


def test_an_export_of_what_may_not_be_handed_on(run, people, tmp_path):
    about = people / "corpus.toml"
    about.write_text('name = "ours"\nlicence_note = "for research alone"\nforgers = "students"\n')
    code, printed = run("corpus", "export", f"folder={people}", "--out", tmp_path / "copy")
    assert code == 0
    assert "for research alone. Do not hand it on unless you know that you may" in printed
    assert (tmp_path / "copy" / "corpus.toml").read_text() == about.read_text()


def test_an_export_that_is_refused_leaves_nothing(run, people, tmp_path):
    for arguments, message in (
        (("--out", tmp_path / "new", "--format", "pdf"), "unknown format; expected deepsigndb, svc2004"),
        (("--out", tmp_path / "new", "--format", "fpg"), "read only; expected deepsigndb, svc2004"),
        (("--out", people), "is in use"),
    ):
        code, printed = run("corpus", "export", SPEC, *arguments)
        assert (code, message in printed) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


def test_training_and_calibration_keep_to_a_split_of_their_own_corpus_alone(run, tmp_path):
    pytest.importorskip("tensorflow")
    split = tmp_path / "split.toml"
    assert run("corpus", "split", SPEC, "--out", split)[0] == 0
    other = "synthetic:writers=3,genuine=5,skilled=3,seed=1"
    for command in (("train", "--corpus", other), ("convert", "base", "--calibrate-on", other)):
        code, printed = run(*command, "--writers", split, "--out", tmp_path / "new")
        assert (code, "the split is of none of these corpora; expected synthetic-0" in printed) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["split.toml"]
