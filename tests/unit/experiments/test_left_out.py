"""A whole experiment on a handful of made-up writers, with a toy network in place of a trained one."""

import json
from dataclasses import replace

import pytest
from builders import CUES, signature
from toy_networks import keras_network, write_run

from sigverify.corpora import Corpus, Kind, Sample
from sigverify.errors import ConfigError, SplitLeak
from sigverify.evaluation.results import to_markdown
from sigverify.experiments.cache import CachedCalibration
from sigverify.experiments.left_out import Experiment, Network, open_real
from sigverify.matching.cues import PAIR

pytestmark = pytest.mark.usefixtures("core_in_c")


def stand_in(name, *, writers=3, genuine=7, skilled=3, first=0):
    """A corpus of scrawls under the name of a public one."""
    samples = [
        Sample(f"{writer:02d}", kind, number, signature(first + writer, number, noise=noise))
        for writer in range(writers)
        for kind, numbers, noise in (
            (Kind.GENUINE, range(genuine), 0.02),
            (Kind.SKILLED, range(50, 50 + skilled), 0.2),
        )
        for number in numbers
    ]
    return Corpus(name, tuple(samples), "made up")


@pytest.fixture(scope="module")
def corpora():
    return {
        # From 15 on: the toy network's training signatures are of the first 15.
        "svc2004-task1": stand_in("svc2004-task1", writers=2, first=15),
        "svc2004-task2": stand_in("svc2004-task2", first=20),
        "susig-blind": stand_in("susig-blind", writers=10, first=40),
    }


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    write_run(run, keras_network(width=8))
    return [Network.open(run)]


def experiment(out, corpora, networks, **changes):
    settings = {"leave_out": ["svc2004-task2"], "references": (1, 5, 10), "draws": 2} | changes
    return Experiment(out=out, corpora=corpora, networks=networks, **settings)


@pytest.fixture
def few_draws(monkeypatch):
    """Draw less often than a real experiment, whose numbers are to be good ones."""
    monkeypatch.setattr("converter.fitting.DRAWS", 1)
    for module in ("summary", "results"):
        monkeypatch.setattr(f"sigverify.evaluation.{module}.REPLICATES", 20)


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_a_corpus_left_out(tmp_path, corpora, networks):
    done = []
    made = experiment(tmp_path, corpora, networks, report_done=lambda *row: done.append(row))
    rows = list(made.rows())
    assert {row.corpus for row in rows} == {"svc2004-task2"}
    assert {row.references for row in rows} == {1, 5}  # of seven signatures ten cannot be references
    found = {(row.system, row.calibrated_on) for row in rows}
    both, unrelated = ("susig-blind", "svc2004-task1"), ("susig-blind",)
    assert found == {
        ("DTW baseline", ()),
        *((system, seen) for system in ("int8", "float32") for seen in (both, unrelated, ("toy",))),
    }
    assert all(row.trained_on == (() if "DTW" in row.system else ("synthetic",)) for row in rows)
    assert len(done) == 1 + 2 * 3
    assert to_markdown(rows).count("\n| int8 | synthetic | susig-blind, svc2004-task1 |") == 2

    done.clear()
    again = list(made.rows())
    assert [row.to_dict() for row in again] == [row.to_dict() for row in rows]
    assert all(seconds == 0 for _, seconds in done)

    longer = replace(made, draws=3, networks=())
    assert {row.draws for row in longer.rows()} == {3}
    assert done[-1][1] > 0


def test_the_calibration_never_sees_what_is_left_out(tmp_path, corpora):
    made = experiment(tmp_path, corpora, ())
    for name in corpora:
        assert all(name not in calibration for calibration in made.calibrations(name))
    assert made.calibrations("susig-blind") == [("svc2004-task1", "svc2004-task2"), ()]
    alone = experiment(tmp_path, {"svc2004-task2": corpora["svc2004-task2"]}, ())
    assert alone.calibrations("svc2004-task2") == [()]


@pytest.mark.slow
def test_a_network_that_has_seen_a_corpus_is_refused(tmp_path, corpora, networks):
    provenance = networks[0].path / "provenance.json"
    before = provenance.read_text()
    provenance.write_text(json.dumps({**json.loads(before), "trained_on": ["susig-blind"]}))
    try:
        with pytest.raises(SplitLeak, match="susig-blind"):
            experiment(tmp_path, corpora, networks)
    finally:
        provenance.write_text(before)


def test_a_corpus_that_is_not_there_cannot_be_left_out(tmp_path, corpora):
    with pytest.raises(ConfigError, match="not there"):
        experiment(tmp_path, corpora, (), leave_out=["sigcomp2009"])


def test_the_same_fit_is_done_once(monkeypatch):
    import numpy as np
    from builders import references

    calls = []
    monkeypatch.setattr("converter.calibration.calibrate", lambda *given: calls.append(given) or len(calls))
    its = references(4)
    labels = (), np.array(["a", "a", "b", "b"]), np.ones(4, bool), CUES
    fit = CachedCalibration()
    assert [fit([its[i] for i in range(4)], *labels) for _ in range(2)] == [1, 1]
    assert fit([its[i] for i in (1, 0, 2, 3)], *labels) == 2
    # Another detail is another embedding; what a pair network says is in none, so it is fitted each time.
    its.detail[0] += 1
    assert fit([its[i] for i in range(4)], *labels) == 3
    paired = *labels[:-1], (*CUES, PAIR)
    assert [fit([its[i] for i in range(4)], *paired) for _ in range(2)] == [4, 5]


def write_svc2004(folder, corpus):
    folder.mkdir()
    for sample in corpus.samples:
        number = sample.number + 1 if sample.kind is Kind.GENUINE else sample.number - 29
        its = sample.capture
        rows = [f"{x:.0f} {y:.0f} {t:.0f} 1" for x, y, t in zip(its.x, its.y, its.time_ms, strict=True)]
        name = f"U{int(sample.writer) + 1}S{number}.TXT"
        (folder / name).write_text("\n".join([str(len(rows)), *rows]) + "\n")


def test_corpora_are_found_by_the_names_of_their_files(tmp_path):
    (tmp_path / "notes.txt").write_text("not a corpus")
    with pytest.raises(ConfigError, match="no corpora"):
        open_real(tmp_path)
    write_svc2004(tmp_path / "SVC2004_Task1", stand_in("any"))
    found = open_real(tmp_path, writers=2)
    assert list(found) == ["svc2004-task1"]
    assert (found["svc2004-task1"].name, len(found["svc2004-task1"].writers)) == ("svc2004-task1", 2)
    (tmp_path / "svc2004-task1.zip").write_bytes(b"")
    with pytest.raises(ConfigError, match="twice"):
        open_real(tmp_path)
