import numpy as np
import pytest

from sigverify.errors import ConfigError, CorpusError
from sigverify.evaluation import PROTOCOLS, TrialKind, evaluate
from sigverify.evaluation.protocol import STANDARD
from sigverify.metrics import eer, fnmr_at_fmr


def scores_by_loops(system, corpus, references, seed):
    """Score every trial of one draw on its own: kind -> [score], writers in order."""
    out = {kind: [] for kind in TrialKind}
    for writer in corpus.writers:
        genuine = corpus.genuine(writer)
        drawn, tried = STANDARD.draw(writer, len(genuine), references, seed)
        enrolled = [system.embed(genuine[index].capture) for index in drawn]
        spread = system.spread(enrolled)
        probes = {
            TrialKind.GENUINE: [genuine[index] for index in tried],
            TrialKind.SKILLED: corpus.skilled(writer),
            TrialKind.RANDOM: [corpus.genuine(other)[0] for other in corpus.writers if other != writer],
        }
        for kind, samples in probes.items():
            for sample in samples:
                distances = system.distances([system.embed(sample.capture)], enrolled)
                out[kind].append(float(system.score(distances, spread)[0]))
    return out


@pytest.mark.parametrize("references", [1, 3])
def test_every_trial_is_scored_as_if_on_its_own(report, system, corpus, references):
    eers = []
    for seed in range(3):
        expected = scores_by_loops(system, corpus, references, seed)
        for kind in TrialKind:
            found = report.trials.scores(references=references, kind=kind, draw=seed)
            assert found == pytest.approx(expected[kind])
        eers.append(eer(expected[TrialKind.GENUINE], expected[TrialKind.SKILLED]))
    found = report.condition(references).impostors[TrialKind.SKILLED].eer
    assert (found.mean, found.std) == pytest.approx((np.mean(eers), np.std(eers)))
    assert found.low <= found.mean <= found.high


def test_counts(report, corpus):
    condition = report.condition(3)
    assert (condition.writers, condition.genuine_trials) == (6, 6 * 5)
    assert condition.impostors[TrialKind.SKILLED].trials == 6 * 4
    assert condition.impostors[TrialKind.RANDOM].trials == 6 * 5
    assert report.corpus_fingerprint == corpus.fingerprint


def test_operating_points(report):
    errors = report.condition(3).impostors[TrialKind.SKILLED]
    per_draw = [
        fnmr_at_fmr(
            report.trials.scores(references=3, kind=TrialKind.GENUINE, draw=draw),
            report.trials.scores(references=3, kind=TrialKind.SKILLED, draw=draw),
            0.1,
        )
        for draw in range(3)
    ]
    assert errors.points[0].fnmr.mean == pytest.approx(np.mean(per_draw))
    assert errors.promised[0].threshold == 0.3
    assert errors.calibration is not None
    assert set(errors.writer_eers) == {f"w{n}" for n in range(6)}
    assert errors.eer_per_writer.mean == pytest.approx(np.mean(list(errors.writer_eers.values())))


def test_more_draws_compute_no_more_distances(system, corpus):
    evaluate(system, corpus, references=(1,), draws=1)
    once = system.compared
    evaluate(system, corpus, references=(1, 2, 5), draws=4)
    assert system.compared == 2 * once


def test_progress_is_told(system, corpus):
    seen = []
    evaluate(system, corpus, references=(1,), draws=1, progress=lambda *step: seen.append(step))
    assert ("embedding", len(corpus), len(corpus)) in seen
    assert ("matching", 6, 6) in seen


def test_protocol_holds(system, make):
    report = evaluate(system, make(genuine=7), references=(5,), draws=2, protocol=PROTOCOLS["susig"])
    assert set(report.trials.select(references=5, kind=TrialKind.GENUINE)["probe"]) == {6, 7}


def test_writers_with_too_few_signatures_are_left_out(system, make):
    corpus = make()
    few = corpus.genuine("w0")[4:]
    cut = type(corpus)("cut", tuple(sample for sample in corpus.samples if sample not in few))
    report = evaluate(system, cut, references=(2, 4), draws=1)
    assert [condition.writers for condition in report.conditions] == [6, 5]
    assert "w0" not in report.condition(4).impostors[TrialKind.SKILLED].writer_eers


def test_a_corpus_without_forgeries_has_random_trials_only(system, make):
    report = evaluate(system, make(skilled=0), references=(2,), draws=1)
    assert list(report.condition(2).impostors) == [TrialKind.RANDOM]


def test_a_corpus_of_one_writer_has_skilled_trials_only(system, make):
    report = evaluate(system, make(writers=1), references=(2,), draws=1)
    assert list(report.condition(2).impostors) == [TrialKind.SKILLED]


def test_too_little_data_is_refused(system, make):
    with pytest.raises(CorpusError, match="no impostors"):
        evaluate(system, make(writers=1, skilled=0), references=(2,))
    with pytest.raises(CorpusError, match="7 references or fewer"):
        evaluate(system, make(), references=(1, 8))


@pytest.mark.parametrize(
    ("protocol", "references", "genuine", "said"),
    [
        ("standard", 1, 1, "1 reference; expected a writer with at least 2 genuine signatures to draw from"),
        ("standard", 1, 1, "received at most 1. Give it more genuine signatures"),
        ("svc2004", 1, 6, "1 reference by protocol svc2004; expected a writer with at least 11 genuine"),
        ("svc2004", 1, 6, "received at most 6. Give it more genuine signatures, or choose another protocol"),
        ("svc2004", 12, 20, "12 references by protocol svc2004; expected fewer; received at most 20"),
        ("svc2004", 12, 20, "Ask for 10 references or fewer"),
        ("susig", 5, 5, "expected a writer with at least 6 .* Give it more"),
        ("sitting", 10, 12, "expected fewer; .* Ask for 9 references"),
    ],
)
def test_too_few_signatures_for_a_protocol(system, make, protocol, references, genuine, said):
    with pytest.raises(CorpusError, match=rf"too small for .*{said}"):
        evaluate(system, make(genuine=genuine), references=(references,), protocol=PROTOCOLS[protocol])


@pytest.mark.parametrize("references", [(), (0,), (101,), (-1, 2)])
def test_numbers_of_references_out_of_range_are_refused(system, corpus, references):
    with pytest.raises(ConfigError, match="references"):
        evaluate(system, corpus, references=references)


@pytest.mark.parametrize("draws", [0, 1001])
def test_numbers_of_draws_out_of_range_are_refused(system, corpus, draws):
    with pytest.raises(ConfigError, match="draws"):
        evaluate(system, corpus, draws=draws)


def test_distances_measured_once_serve_another_scoring(system, corpus, make):
    from sigverify.evaluation import measure

    measured = measure(system, corpus)
    before = system.compared
    again = evaluate(system, corpus, references=(1, 3), draws=2, measured=measured)
    assert system.compared == before
    fresh = evaluate(system, corpus, references=(1, 3), draws=2)
    assert (again.trials.rows == fresh.trials.rows).all()
    with pytest.raises(ConfigError, match="another corpus"):
        evaluate(system, make(seed=4), measured=measured)
