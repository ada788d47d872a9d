from dataclasses import replace

import pytest
from builders import CUES
from toy_networks import toy_model

from sigverify.evaluation import SdkSystem, TrialKind, evaluate
from sigverify.evaluation.protocol import STANDARD
from sigverify.manifest import UNFITTED
from sigverify.matcher import Matcher
from sigverify.matching.scoring import Scoring
from sigverify.model_file import Model
from sigverify.verifier import Verifier


@pytest.fixture(scope="module")
def model():
    plain = toy_model()
    manifest = replace(plain.manifest, scoring=Scoring.default(CUES))
    return Model(manifest=manifest, network=plain.network)


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


def test_a_model_without_scoring_is_scored_by_default(model, make):
    plain = Model(manifest=replace(model.manifest, scoring=UNFITTED), network=model.network)
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
