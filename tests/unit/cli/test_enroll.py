"""`sigverify enroll`: what it says of an enrollment beside the figures."""

import pytest
from builders import signature, to_csv

from sigverify.corpora import open_corpus

PEOPLE = 12


@pytest.fixture
def mixed(tmp_path):
    """Files of signatures that lie as far apart as those of a dozen people."""
    corpus = open_corpus(f"synthetic:writers={2 * PEOPLE},genuine=1,skilled=0,seed=78")
    captures = [corpus.genuine(writer)[0].capture for writer in corpus.writers]
    sensed = [each for each in captures if each.pressure is not None][:PEOPLE]
    return [to_csv(tmp_path / f"{number}.csv", each) for number, each in enumerate(sensed)]


@pytest.mark.parametrize(
    ("language", "words"), [("C", "more strangers match"), ("de_DE.UTF-8", "mehr Fremde passen")]
)
def test_too_many_strangers_are_a_warning_and_no_refusal(run, mixed, tmp_path, language, words):
    store = ("-s", tmp_path / "kiosk.db", "-u", "alice", "--quality", "record")
    code, printed = run("enroll", *store, *mixed, LC_ALL=language)
    assert code == 0
    assert words in " ".join(printed.split())


def test_the_warning_is_a_token_for_programs(answer, mixed, tmp_path):
    store = ("-s", tmp_path / "kiosk.db", "-u", "alice", "--quality", "record")
    code, made = answer("enroll", *store, *mixed)
    assert (code, made["cautions"]) == (0, ["many_strangers"])
    assert made["strangers"] > 0.25


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--runtime", "none"), "no such runtime"),
        (("--quality", "perfect"), "unknown way to screen"),
        (("--user", ""), "user"),
        (("--image-model", "base"), "no model of pictures"),
        (("--stations", "nowhere"), "nowhere"),
    ],
)
def test_what_is_refused_leaves_no_store(run, tmp_path, wrong, said):
    file = to_csv(tmp_path / "1.csv", signature(0))
    code, printed = run("enroll", "-s", tmp_path / "kiosk.db", "-u", "alice", *wrong, file)
    assert (code, said in printed) == (4, True), printed
    code, printed = run("enroll", "-s", tmp_path / "kiosk.db", "-u", "alice", file, file)
    assert (code, "a copy" in printed) == (4, True)
    assert [each.name for each in tmp_path.iterdir()] == ["1.csv"]
