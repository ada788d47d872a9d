import json
from dataclasses import replace

import pytest

from sigverify.errors import ConfigError
from sigverify.evaluation import TrialKind, evaluate
from sigverify.evaluation.results import pool, to_markdown


class Stricter:
    """The same system, with other scores."""

    calibrated = False
    name = "stricter"

    def __init__(self, system):
        self.provenance = {"trained_on": ["nothing"], "calibrated_on": ["waves-2", "nothing"]}
        self.embed, self.distances, self.spread = system.embed, system.distances, system.spread
        self.cohort = system.cohort

    def score(self, distances, spread):
        return 1 / (1 + distances[..., 0].mean(axis=-1) + 0 * spread.sum())

    def decided(self, score, _distances, _impostor):
        return score

    def thresholds(self, _references):
        return {}


@pytest.fixture
def reports(report, corpus, system):
    return [evaluate(Stricter(system), corpus, references=(1, 3), draws=3), report]


def test_one_report_pooled_is_itself(report):
    for row, condition in zip(pool([report], system="it"), report.conditions, strict=True):
        assert row.references == condition.references
        for kind, errors in condition.impostors.items():
            found = row.impostors[kind.value]
            assert vars(found.eer) == pytest.approx(vars(errors.eer))
            assert vars(found.eer_per_writer) == pytest.approx(vars(errors.eer_per_writer))
            costs = {str(point.fmr): point.fnmr for point in errors.points}
            for rate, cost in found.fnmr.items():
                assert vars(cost) == pytest.approx(vars(costs[rate]))
    json.dumps([row.to_dict() for row in pool([report], system="it")], allow_nan=False)


def test_seeds_are_pooled_with_their_draws(reports):
    row = pool(reports, system="two")[1]
    found = row.impostors["skilled"].eer
    its = [report.condition(3).impostors[TrialKind.SKILLED].eer for report in reports]
    assert row.networks == 2
    assert found.mean == pytest.approx((its[0].mean + its[1].mean) / 2)
    spread = (its[0].mean - its[1].mean) ** 2 / 4 + (its[0].std ** 2 + its[1].std ** 2) / 2
    assert found.std == pytest.approx(spread**0.5)
    assert found.low <= found.mean <= found.high


def test_other_trials_or_none_are_refused(report):
    with pytest.raises(ConfigError, match="pooled"):
        pool([], system="it")
    with pytest.raises(ConfigError, match="pooled"):
        pool([report, replace(report, draws=9)], system="it")
    with pytest.raises(ConfigError, match="scores"):
        pool([replace(report, trials=None)], system="it")


def test_the_table_says_what_was_seen(reports):
    table = to_markdown(pool(reports, system="two"))
    assert table.startswith("## waves\n\n| system | the network saw | the calibration saw | R |")
    assert "| two (2 seeds) | nothing | waves-2, nothing (other writers) | 1 |" in table
    assert table.count("*") >= 4  # 24 forgeries are too few for either rate
