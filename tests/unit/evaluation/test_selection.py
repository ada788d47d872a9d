"""Which writers of a corpus a model has seen, by what its manifest says."""

from dataclasses import replace

import pytest

from sigverify.corpora import Corpus, Kind, open_corpus, split_writers
from sigverify.corpora.split_file import Side, SplitFile
from sigverify.errors import SplitLeak
from sigverify.evaluation.selection import Choice, Selection, select_unseen, traced_fingerprint


@pytest.fixture(scope="module")
def people():
    return open_corpus("synthetic:writers=10,genuine=2,skilled=1,seed=7")


def record(corpus, *, seed=3, fraction=0.4, **changed):
    """What training writes of a corpus, see `training.run.provenance`."""
    genuine = sum(sample.kind is Kind.GENUINE for sample in corpus.samples)
    return {
        "name": corpus.name,
        "fingerprint": traced_fingerprint(corpus),
        "writers": len(corpus.writers),
        "genuine": genuine,
        "skilled": len(corpus) - genuine,
        "split": {"seed": seed, "fraction": fraction},
    } | changed


def trained(*records, calibrated_on=(), signatures=0):
    return {
        "trained_on": [each["name"] for each in records],
        "corpora": list(records),
        "conversion": {"calibrated_on": list(calibrated_on), "calibration_signatures": signatures},
    }


def test_the_fingerprint_is_that_of_training(people):
    pytest.importorskip("keras")
    from sigverify.training.data.trace_set import TraceSet

    assert traced_fingerprint(people) == TraceSet.from_corpus(people).fingerprint
    pictures = open_corpus("rendered:synthetic:writers=2,genuine=1,skilled=1")
    assert traced_fingerprint(pictures) == TraceSet.from_corpus(pictures).fingerprint


@pytest.fixture(scope="module")
def others():
    return open_corpus("synthetic:writers=2,genuine=1,skilled=1,seed=1")


def test_who_has_seen_nothing_measures_all(people, others):
    for provenance in (None, trained(record(others))):
        ((corpus, selection),) = select_unseen([people], provenance)
        assert corpus.samples == people.samples
        assert selection == Selection(choice=Choice.UNSEEN, writers=10, known=True)
        assert selection.words() == "all 10 writers, none of whom the model has seen, by its record"


def test_what_nobody_knows_is_not_said(people, others, tmp_path):
    path = tmp_path / "names"
    path.write_text("\n".join(people.writers[:4]))
    by_name_alone = {"trained_on": ["synthetic-1"], "corpora": []}
    bare = {"trained_on": ["synthetic-1"], "corpora": [{"name": "synthetic-1"}]}
    unknown = trained(record(others))
    unknown["trained_on"].append("unknown origin")
    for provenance in ({}, by_name_alone, bare, unknown):
        ((_, selection),) = select_unseen([people], provenance)
        assert selection == Selection(choice=Choice.UNSEEN, writers=10)
        assert selection.words() == "all 10 writers; nobody knows whether the model has seen them"
        ((_, selection),) = select_unseen([people], provenance, writers=path)
        said = "the 4 writers of 10 that the file names; nobody knows whether the model has seen them"
        assert selection.words() == said
    started = trained(record(people))
    started["trained_on"].insert(0, "unknown origin")
    ((_, selection),) = select_unseen([people], started)
    assert selection.words() == (
        "the 4 writers of 10 that were held out of training; nobody knows what the model had seen before that"
    )


@pytest.mark.parametrize("calibrated", [False, True])
def test_of_what_was_trained_on_those_held_out_are_measured(people, calibrated):
    provenance = trained(record(people), calibrated_on=[people.name] if calibrated else ())
    ((corpus, selection),) = select_unseen([people], provenance)
    assert corpus.writers == split_writers(people, 0.4, 3)[1].writers
    assert selection == Selection(
        choice=Choice.HELD_OUT, writers=4, left_out=6, calibrated=calibrated, known=True
    )
    assert ("fitted on them" in selection.words()) is calibrated


def test_under_another_name_it_is_known_by_its_signatures(people):
    renamed = replace(people, name="others")
    ((corpus, selection),) = select_unseen([renamed], trained(record(people)))
    assert (corpus.writers, selection.choice) == (split_writers(people, 0.4, 3)[1].writers, Choice.HELD_OUT)


def test_every_run_behind_a_model_counts(people):
    first, second = record(people, seed=3), record(people, seed=4)
    ((corpus, _),) = select_unseen([people], trained(first, second))
    held = [set(split_writers(people, 0.4, seed)[1].writers) for seed in (3, 4)]
    assert set(corpus.writers) == held[0] & held[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": "00"}, "nobody knows on whom"),
        ({"writers": 11}, "nobody knows on whom"),
        ({"split": {"seed": 0, "fraction": 0}}, "trained on writers of synthetic-7 that are to be measured"),
        ({"split": None}, "trained on writers of synthetic-7 that are to be measured"),
    ],
)
def test_where_nobody_is_left_or_known_it_is_refused(people, changes, message):
    provenance = trained(record(people) | changes)
    with pytest.raises(SplitLeak, match=f"{message}.*--all-writers"):
        select_unseen([people], provenance)
    ((corpus, selection),) = select_unseen([people], provenance, all_writers=True)
    assert (len(corpus.writers), selection.choice) == (10, Choice.ALL)


def test_a_name_without_a_record_is_refused(people):
    with pytest.raises(SplitLeak, match="nobody knows on whom"):
        select_unseen([people], {"trained_on": [people.name]})


def test_what_scores_were_fitted_on_is_refused(people):
    provenance = trained(calibrated_on=[people.name], signatures=len(people))
    with pytest.raises(SplitLeak, match="the model's scores were fitted on all of synthetic-7"):
        select_unseen([people], provenance)
    assert select_unseen([people], provenance, all_writers=True)[0][1].calibrated


def test_a_split_that_training_kept_to(people, tmp_path):
    path = tmp_path / "split.toml"
    split = SplitFile.of(people, fraction=0.3, seed=1)
    split.write(path)
    given = split.select(people, Side.TRAIN)
    # Training holds out some of what it is given; nobody of the other side was among them.
    # Its scores are fitted on them, and not on those of the other side either.
    provenance = trained(record(given), calibrated_on=[people.name])
    ((corpus, selection),) = select_unseen([people], provenance, writers=path)
    assert corpus.writers == split.held_out
    assert selection == Selection(choice=Choice.NAMED, writers=3, left_out=7, known=True)
    with pytest.raises(SplitLeak, match=r"that are to be measured.*received [123] of 3 seen"):
        select_unseen([people], trained(record(people, fraction=0.1, seed=6)), writers=path)


def test_a_split_that_calibration_kept_to(people, tmp_path):
    path = tmp_path / "split.toml"
    split = SplitFile.of(people, fraction=0.3)
    split.write(path)
    for side, fitted in ((Side.TRAIN, False), (Side.HELD_OUT, True)):
        signatures = len(split.select(people, side))
        provenance = trained(calibrated_on=[people.name], signatures=signatures)
        assert select_unseen([people], provenance, writers=path)[0][1].calibrated is fitted
    several = trained(calibrated_on=[people.name, "another"], signatures=100)
    assert select_unseen([people], several, writers=path)[0][1].calibrated  # nobody knows


def fitted_on(*corpora):
    records = [{key: value for key, value in record(each).items() if key != "split"} for each in corpora]
    provenance = trained(calibrated_on=[each.name for each in corpora])
    provenance["conversion"]["calibration_corpora"] = records
    return provenance


def test_several_corpora_that_calibration_named_by_their_fingerprints(people, tmp_path):
    path = tmp_path / "split.toml"
    split = SplitFile.of(people, fraction=0.3)
    split.write(path)
    other = open_corpus("synthetic:writers=3,genuine=1,skilled=0,seed=9")
    for side, fitted in ((Side.TRAIN, False), (Side.HELD_OUT, True)):
        provenance = fitted_on(other, split.select(people, side))
        assert select_unseen([people], provenance, writers=path)[0][1].calibrated is fitted
        assert not select_unseen([replace(other, name="else")], fitted_on(people))[0][1].calibrated
        with pytest.raises(SplitLeak, match=r"scores were fitted on all of synthetic-7"):
            select_unseen([people], provenance)  # without the split nobody knows who it was
    with pytest.raises(SplitLeak, match="scores were fitted on all of renamed"):
        select_unseen([replace(people, name="renamed")], fitted_on(other, people))


def test_a_list_of_names(people, tmp_path):
    rest, held_out = split_writers(people, 0.4, 3)
    path = tmp_path / "writers.txt"
    path.write_text("\n".join(held_out.writers[:2]))
    ((corpus, selection),) = select_unseen([people], trained(record(people)), writers=path)
    assert (corpus.writers, selection.choice) == (held_out.writers[:2], Choice.NAMED)
    path.write_text("\n".join([held_out.writers[0], rest.writers[0]]))
    with pytest.raises(SplitLeak, match="received 1 of 2 seen"):
        select_unseen([people], trained(record(people)), writers=path)
    ((corpus, selection),) = select_unseen([people], trained(record(people)), writers=path, all_writers=True)
    assert (len(corpus.writers), selection.seen) == (2, 1)
    assert "it was trained on 1" in selection.words()


def test_several_corpora_each_by_itself(people):
    other = open_corpus("synthetic:writers=2,genuine=2,skilled=0,seed=9")
    found = select_unseen([people, other], trained(record(people)))
    assert [(len(corpus.writers), selection.choice) for corpus, selection in found] == [
        (4, Choice.HELD_OUT),
        (2, Choice.UNSEEN),
    ]
    assert isinstance(found[0][0], Corpus)
