from dataclasses import replace

import numpy as np
import pytest

from sigverify import Impostor, Policy, Signature
from sigverify.corpora import open_corpus
from sigverify.evaluation import SdkSystem, TrialKind, evaluate
from sigverify.evaluation.protocol import STANDARD
from sigverify.manifest import UNFITTED
from sigverify.matcher import Matcher
from sigverify.matching.cohort import pack
from sigverify.matching.embedding import References
from sigverify.matching.scoring import Scoring
from sigverify.model_file import Model
from sigverify.policy.profile import Profile
from sigverify.verifier import Verifier


@pytest.fixture(scope="module")
def model():
    """The networks that ship, not fitted: to convert others would take TensorFlow."""
    base = Model.read("base")
    scoring = Scoring.default(base.manifest.cues)
    return Model(
        manifest=replace(base.manifest, scoring=scoring), network=base.network, pair_network=base.pair_network
    )


def test_scores_are_those_that_the_device_gives(model, make):
    corpus = make(writers=3, genuine=6, skilled=2)
    report = evaluate(SdkSystem(Matcher.open(model)), corpus, references=(1, 4), draws=1)
    for references in (1, 4):
        with Verifier.open(":memory:", model=model) as verifier:
            for writer in corpus.writers:
                drawn, _ = STANDARD.draw(writer, 6, references, 0)
                its = [corpus.genuine(writer)[index].capture for index in drawn]
                verifier.enroll(writer, its, quality="record")
            for kind in TrialKind:
                rows = report.trials.select(references=references, kind=kind, draw=0)
                assert len(rows)
                for row in rows:
                    writer, author = (corpus.writers[row[name]] for name in ("writer", "probe_writer"))
                    samples = corpus.skilled(author) if kind is TrialKind.SKILLED else corpus.genuine(author)
                    probe = next(sample for sample in samples if sample.number == row["probe"])
                    assert row["score"] == pytest.approx(verifier.score(writer, probe.capture), abs=1e-6)


@pytest.mark.parametrize("cohorted", [False, True])
def test_devices_with_and_without_a_sensor_are_decided_about_each_by_its_thresholds(model, cohorted):
    """In one corpus: the report shows one table, and decides as the SDK does."""
    its = open_corpus("synthetic:writers=6,genuine=5,skilled=3,seed=81")
    sensed = its.writers[::2]
    samples = [
        # Of some people all signatures lack pressure, of the others those of one number.
        replace(each, capture=with_pressure(each.capture, sensed=each.writer in sensed and each.number != 2))
        for each in its.samples
    ]
    corpus = replace(its, samples=tuple(samples))
    rates = [profile.fmr for profile in Profile]
    # Far apart: by the wrong ones most trials are decided otherwise.
    tables = [tuple(zip(rates, values, strict=True)) for values in ([0.5, 0.6, 0.7], [1e-4, 1e-3, 0.01])]
    whole, reduced = (dict.fromkeys(Impostor, table) for table in tables)
    rows = {count: replace(row, thresholds=whole) for count, row in model.manifest.scoring.rows.items()}
    less = {count: replace(row, thresholds=reduced) for count, row in rows.items()}
    scoring = replace(model.manifest.scoring, rows=rows, reduced=less, calibrated=True)
    fitted = replace(model, manifest=replace(model.manifest, scoring=scoring))
    if cohorted:
        matcher = Matcher.open(model)
        people = [matcher.embed(each.capture) for each in open_corpus(COHORT).samples]
        fitted = replace(fitted, cohort=pack(References.stack(people[:6])))
    report = evaluate(SdkSystem(Matcher.open(fitted)), corpus, references=(3,), draws=1)
    condition, moved = report.condition(3), 0
    for impostor, column in ((Impostor.SKILLED, "decided"), (Impostor.RANDOM, "limited")):
        policy = replace(Policy.unguarded(), impostor=impostor)
        accepted = {(kind, rate): [] for kind in TrialKind for rate in rates}
        with Verifier.open(":memory:", model=fitted, policy=policy) as verifier:
            for writer in corpus.writers:
                drawn, _ = STANDARD.draw(writer, 5, 3, 0)
                captures = [corpus.genuine(writer)[k].capture for k in drawn]
                verifier.enroll(writer, captures, quality="record")
            for (kind, rate), its_decisions in accepted.items():
                for row in report.trials.select(references=3, kind=kind, draw=0):
                    writer, author = (corpus.writers[row[name]] for name in ("writer", "probe_writer"))
                    tried = corpus.skilled(author) if kind is TrialKind.SKILLED else corpus.genuine(author)
                    probe = next(each for each in tried if each.number == row["probe"])
                    decision = verifier.verify(writer, probe.capture, fmr=rate)
                    assert row["score"] == pytest.approx(decision.score, abs=1e-6)
                    assert decision.accepted == (row[column] >= dict(tables[0])[rate])
                    its_decisions.append(decision.accepted)
                    moved += decision.accepted != (row["score"] >= dict(tables[0])[rate])
        for point in condition.impostors[TrialKind(impostor.value)].promised:
            genuine, others = (
                accepted[kind, point.fmr] for kind in (TrialKind.GENUINE, TrialKind(impostor.value))
            )
            assert point.fnmr_found == pytest.approx(1 - sum(genuine) / len(genuine))
            assert point.fmr_found == pytest.approx(sum(others) / len(others))
        if impostor is Impostor.SKILLED:
            for point in condition.profiles:
                refused = 1 - np.mean(accepted[TrialKind.GENUINE, point.profile.fmr])
                assert point.genuine_refused.found == pytest.approx(refused)
                for kind, share in point.accepted.items():
                    assert share.found == pytest.approx(np.mean(accepted[kind, point.profile.fmr]))
    assert moved, "nobody of whom it could go wrong"


@pytest.mark.parametrize("sensed", [True, False])
def test_strangers_are_decided_about_as_the_device_decides(model, sensed):
    """Also by people's own thresholds, which a cohort near to them has raised."""
    its = open_corpus("synthetic:writers=6,genuine=5,skilled=0,seed=81")
    samples = [
        replace(each, capture=with_pressure(each.capture, sensed=sensed or each.number == 1))
        for each in its.samples
    ]
    corpus = replace(its, samples=tuple(samples))
    matcher = Matcher.open(model)
    people = References.stack(
        [
            matcher.embed(each.capture)
            for each in open_corpus(COHORT).samples
            if each.capture.pressure is not None
        ]
    )
    low = {Impostor.RANDOM: ((0.1, 1e-6), (0.01, 1e-5)), Impostor.SKILLED: ((0.1, 0.5), (0.01, 0.9))}
    rows = {count: replace(row, thresholds=low) for count, row in model.manifest.scoring.rows.items()}
    scoring = replace(model.manifest.scoring, rows=rows, calibrated=True)
    cohorted = replace(model, manifest=replace(model.manifest, scoring=scoring), cohort=pack(people))
    report = evaluate(SdkSystem(Matcher.open(cohorted)), corpus, references=(3,), draws=1)
    raised = 0
    policy = replace(Policy.unguarded(), impostor="random")
    with Verifier.open(":memory:", model=cohorted, policy=policy) as verifier:
        for writer in corpus.writers:
            drawn, _ = STANDARD.draw(writer, 5, 3, 0)
            verifier.enroll(writer, [corpus.genuine(writer)[k].capture for k in drawn], quality="record")
        for kind in (TrialKind.GENUINE, TrialKind.RANDOM):
            for row in report.trials.select(references=3, kind=kind, draw=0):
                writer, author = (corpus.writers[row[name]] for name in ("writer", "probe_writer"))
                probe = next(each for each in corpus.genuine(author) if each.number == row["probe"])
                for rate, _ in scoring.row(3).thresholds[Impostor.RANDOM]:
                    decision = verifier.verify(writer, probe.capture, fmr=rate)
                    common = scoring.threshold(rate, impostor=Impostor.RANDOM, references=3)
                    assert decision.accepted == (row["limited"] >= common)
                    raised += decision.threshold > common
    assert raised, "nobody of whom it could go wrong"
    found = report.condition(3).impostors[TrialKind.RANDOM].promised[0]
    reached = report.trials.scores(references=3, kind=TrialKind.RANDOM, column="limited") >= found.threshold
    assert found.fmr_found == pytest.approx(reached.mean())


COHORT = "synthetic:writers=12,genuine=1,skilled=0,seed=82"


def with_pressure(its, *, sensed):
    return its if sensed else Signature(its.x, its.y, its.time_ms, None, its.ink)


def test_a_model_without_scoring_is_scored_by_default(model, make):
    plain = replace(model, manifest=replace(model.manifest, scoring=UNFITTED))
    corpus = make(writers=2, genuine=3, skilled=1)
    scores = [
        evaluate(SdkSystem(Matcher.open(each)), corpus, references=(2,), draws=1).trials.rows["score"]
        for each in (model, plain)
    ]
    assert (scores[0] == scores[1]).all()


def test_the_report_names_the_file_measured(model, make):
    report = evaluate(
        SdkSystem(Matcher.open(model)), make(writers=2, genuine=3, skilled=1), references=(1,), draws=1
    )
    assert report.provenance["model_id"] == model.id
    assert report.provenance["precision"] == model.manifest.precision
    assert report.latency.embed_ms > 0
    assert report.latency.match_ms > 0
    errors = report.condition(1).impostors[TrialKind.SKILLED]
    assert errors.calibration is not None
    assert errors.promised
