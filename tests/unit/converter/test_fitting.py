import numpy as np
import pytest
from builders import CUES

from converter.fitting import FALSE_MATCH_RATES, _thresholds, fit_scoring, gather, measure
from sigverify.errors import ConversionError
from sigverify.evaluation import TrialKind
from sigverify.matching.cues import PAIR
from sigverify.matching.embedding import Embedding
from sigverify.matching.pairing import Engine
from sigverify.matching.scoring import Impostor, evidence_size


def embedding(writer, distortion, seed):
    """A small embedding of that writer, `distortion` away from the writer's own."""
    own, now = np.random.default_rng(writer), np.random.default_rng((writer + 1) * 10_000 + seed)

    def drawn(shape):
        return np.cumsum(own.normal(size=shape), axis=0) / 4 + distortion * now.normal(size=shape)

    vector = own.normal(size=8) + distortion * now.normal(size=8)
    return Embedding.from_floats(
        drawn((16, 3)),
        drawn((8, 5)),
        np.tanh(drawn((8, 2))),
        vector / np.linalg.norm(vector),
        1000 + 500 * distortion * now.random(),
    )


@pytest.fixture(scope="module")
def calibration():
    """Ten writers with 7 genuine signatures, each with a spread of his own, and 5 forgeries twice as far."""
    embeddings, writers, genuine = [], [], []
    for writer in range(10):
        loose = 0.1 + 0.05 * (writer % 4)
        for number in range(12):
            is_genuine = number < 7
            embeddings.append(embedding(writer, loose if is_genuine else 2.2 * loose, number))
            writers.append(f"toy/{writer}")
            genuine.append(is_genuine)
    return measure(embeddings, writers, genuine, CUES)


def test_measures_every_distance_once(calibration):
    assert len(calibration) == 10
    first = calibration[0]
    assert first.spread.shape == (7, 7, len(CUES))
    assert first.probes[TrialKind.SKILLED].distances.shape == (5, 7, len(CUES))
    assert first.probes[TrialKind.RANDOM].distances.shape == (9, 7, len(CUES))
    assert (first.probes[TrialKind.GENUINE].distances == first.spread).all()
    assert {writer.writer.partition("/")[0] for writer in calibration} == {"toy"}


def test_rows_only_where_writers_have_signatures_enough(calibration):
    assert sorted(fit_scoring(calibration, CUES).rows) == [1, 2, 3, 4, 5]


def test_all_rows_are_for_the_same_impostors():
    """Who was forged has fewer genuine signatures than who was not."""
    embeddings, writers, genuine = [], [], []
    for writer in range(8):
        was_forged = writer < 4
        for number in range(7):
            is_genuine = not was_forged or number < 3
            embeddings.append(embedding(writer, 0.2 if is_genuine else 0.5, number))
            writers.append(f"toy/{writer}")
            genuine.append(is_genuine)
    scoring = fit_scoring(measure(embeddings, writers, genuine, CUES), CUES)
    assert sorted(scoring.rows) == [1, 2]
    assert all(set(row.thresholds) == set(Impostor) for row in scoring.rows.values())


def test_genuine_score_above_forgeries_above_strangers(calibration):
    scoring = fit_scoring(calibration, CUES)
    trials = gather(calibration, CUES, 5, seed=9)
    row = scoring.row(5)
    odds = trials.evidence @ np.array(row.weights) + row.bias
    means = [odds[trials.kind == kind].mean() for kind in range(3)]
    assert means[0] > 0 > means[1] > means[2]


def test_weights_balance_genuine_and_impostors(calibration):
    trials = gather(calibration, CUES, 3)
    assert trials.weight[trials.kind == 0].sum() == pytest.approx(trials.weight[trials.kind > 0].sum())


def test_thresholds_hold_their_rate_where_it_can_be_counted(calibration):
    scoring = fit_scoring(calibration, CUES)
    table = scoring.row(5).thresholds[Impostor.SKILLED]
    assert [rate for rate, _ in table] == list(FALSE_MATCH_RATES)
    assert [threshold for _, threshold in table] == sorted(threshold for _, threshold in table)
    trials = gather(calibration, CUES, 5)
    odds = trials.evidence @ np.array(scoring.row(5).weights) + scoring.row(5).bias
    skilled = 1 / (1 + np.exp(-odds[trials.kind == 1]))
    assert (skilled >= table[0][1]).mean() == pytest.approx(0.1, abs=0.02)


def test_many_easy_forgeries_of_one_corpus_do_not_set_the_thresholds():
    hard, easy = np.linspace(-1, 1, 100), np.full(10_000, -20.0)
    odds = np.concatenate([hard, easy])
    weight = np.concatenate([np.full(100, 1 / 100), np.full(10_000, 1 / 10_000)])
    rate, threshold = _thresholds(odds, weight)[0]
    assert rate == 0.1
    # Half of the weight is easy, so a tenth of all is a fifth of the hard ones: log odds of 0.6.
    assert threshold == pytest.approx(1 / (1 + np.exp(-0.6)), abs=0.01)


def test_fit_is_deterministic(calibration):
    assert fit_scoring(calibration, CUES) == fit_scoring(calibration, CUES)


def test_an_engine_with_a_pair_network_measures_that_too():
    embeddings = [embedding(writer, 0.2, number) for writer in range(3) for number in range(3)]
    writers = [f"toy/{number // 3}" for number in range(9)]
    engine = Engine(judge=lambda pairing: np.full(len(pairing), 2, np.float32))
    cues = (*CUES, PAIR)
    measured = measure(embeddings, writers, [True] * 9, cues, engine)
    assert measured[0].spread[0, 1, -1] == pytest.approx(np.exp(2))
    scoring = fit_scoring(measured, cues)
    assert len(scoring.rows[2].weights) == evidence_size(cues)


def test_too_few_writers_are_refused():
    embeddings = [embedding(0, 0.1, number) for number in range(4)]
    with pytest.raises(ConversionError, match="too few calibration writers"):
        measure(embeddings, ["toy/0"] * 4, [True] * 4, CUES)
