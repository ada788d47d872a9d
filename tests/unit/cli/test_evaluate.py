"""`sigverify evaluate`: what its table says, and whom it measures."""

import pytest

from sigverify.corpora import open_corpus
from sigverify.evaluation.protocol import REFERENCES

pytest.importorskip("sklearn")
pytest.importorskip("dtaidistance")

SPEC = "synthetic:writers=4,genuine=5,skilled=3,seed=900"
FAST = ("--draws", 2, "--corpus", SPEC)


def test_the_table_has_intervals_and_says_where_trials_are_few(run):
    code, printed = run("evaluate", "--baseline", "dtw", *FAST)
    assert code == 0
    assert "Measured: all 4 writers, none of whom the model has seen" in printed
    assert "95 % confidence interval by bootstrap over writers" in printed
    assert printed.count("*") == 2 * 3 + 1  # two rates of three numbers of references, and what it means
    assert "*: fewer forgeries than 3 / FMR" in printed


def test_without_a_number_of_references_those_that_the_corpus_allows(answer):
    code, said = answer("evaluate", "--baseline", "dtw", *FAST)
    tried = [condition["references"] for condition in said["reports"][0]["conditions"]]
    assert (code, tried) == (0, [count for count in REFERENCES if count < 5])


def test_a_corpus_that_the_model_was_trained_on(answer, run):
    # base was trained on others of that name: nobody knows which of these it has seen.
    what = ("evaluate", "base", "--corpus", "synthetic:writers=3,genuine=4,skilled=2,seed=11", "--draws", 1)
    code, printed = run(*what)
    assert (code, "nobody knows on whom" in printed, "--all-writers" in printed) == (4, True, True)
    code, said = answer(*what, "--all-writers", "--references", 1)
    assert (code, said["reports"][0]["selection"]["choice"]) == (0, "all")
    code, printed = run(*what[:3], "synthetic:writers=3,genuine=4,skilled=2,seed=12", "--draws", 1)
    assert (code, "the model's scores were fitted on all of synthetic-12" in printed) == (4, True)


def test_writers_of_a_split_or_a_list(answer, run, tmp_path):
    split, names = tmp_path / "split.toml", tmp_path / "names.txt"
    _, said = answer("corpus", "split", SPEC, "--held-out", 0.5, "--out", split)
    names.write_text("\n".join(said["train"]))
    for file, expected in ((split, "held_out"), (names, "train")):
        code, found = answer("evaluate", "--baseline", "dtw", *FAST, "--writers", file)
        report = found["reports"][0]
        assert (code, report["selection"]["choice"], report["selection"]["left_out"]) == (0, "named", 2)
        assert report["corpus_fingerprint"] == open_corpus(SPEC).select(said[expected]).fingerprint
    code, printed = run(
        "evaluate", "--baseline", "dtw", "--corpus", "synthetic:writers=2", "--writers", split
    )
    assert (code, "the split is of none of these corpora" in printed) == (4, True)


def test_a_model_of_another_kind_of_capture(run):
    code, printed = run("evaluate", "base-image", *FAST)
    assert code == 4
    assert "corpora of another kind of capture; expected image, which the model base-image takes" in printed
    assert "received pen" in printed
