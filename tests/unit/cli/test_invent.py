"""`sigverify invent`: people for those who have no corpus."""

import pytest

from sigverify.corpora import open_corpus
from sigverify.corpora.synthetic.generate import LICENCE_NOTE

FEW = ("--writers", 2, "--genuine", 2, "--skilled", 1)


@pytest.mark.parametrize(
    ("options", "spec", "suffix"), [((), "", ".csv"), (("--pictures",), "rendered:", ".png")]
)
def test_what_is_written_is_the_corpus_of_those_settings(answer, tmp_path, options, spec, suffix):
    out = tmp_path / "people"
    code, said = answer("invent", "--out", out, *FEW, "--seed", 3, *options)
    written, invented = (
        open_corpus(f"folder={out}"),
        open_corpus(f"{spec}synthetic:writers=2,genuine=2,skilled=1,seed=3"),
    )
    assert written.samples == invented.samples
    assert (written.name, written.licence_note) == (invented.name, LICENCE_NOTE)
    assert (code, said) == (
        0,
        {
            "folder": str(out),
            "name": invented.name,
            "writers": 2,
            "genuine": 4,
            "skilled": 2,
            "fingerprint": invented.fingerprint,
        },
    )
    assert {path.suffix for path in out.glob("*/*/*")} == {suffix}


def test_it_says_what_to_do_with_them_and_goes_into_an_empty_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people").mkdir()
    code, printed = run("invent", "--out", "people", *FEW)
    assert code == 0
    assert "Wrote 6 signatures of 2 invented people to people: 2 genuine and 1 forged of each" in printed
    assert "--corpus folder=people" in printed


def test_nothing_is_written_over(run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, printed = run("invent", "--out", tmp_path, *FEW)
    assert code == 4
    assert "is in use; expected a new folder, or an empty one" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_settings_out_of_range_leave_nothing_behind(run, tmp_path):
    code, printed = run("invent", "--out", tmp_path / "new", "--writers", 100_000_000)
    assert code == 4
    assert "writers is out of range" in printed
    assert not (tmp_path / "new").exists()
