from dataclasses import replace

import pytest

from sigverify.training import TrainConfig, ValidationConfig
from sigverify.training.data.training_data import prepare
from sigverify.training.run.origin import UNKNOWN, Origin
from sigverify.training.run.transfer import after_training, before_training, may_have_seen

CONFIG = TrainConfig(validation=ValidationConfig(fraction=0.5, references=2))
RATES = {"val_eer": 0.2, "val_eer_vector": 0.3, "val_eer_sequence": 0.2, "val_eer_random": 0.1}


@pytest.fixture(scope="module")
def corpus(make_traces):
    return make_traces(4, genuine=3, skilled=0)


@pytest.fixture(scope="module")
def data(corpus):
    return prepare(CONFIG, [corpus], None)


def origin_on(*records, names=("toy",)):
    facts = {"trained_on": list(names), "corpora": list(records)}
    return Origin(source="x", network=None, facts=facts)


def record(corpus, **split):
    return corpus.record() | {"split": split}


def test_the_same_split_held_the_same_writers_out(corpus, data):
    assert may_have_seen(origin_on(record(corpus, seed=0, fraction=0.5)), data) == []


@pytest.mark.parametrize("split", [{"seed": 1, "fraction": 0.5}, {"seed": 0, "fraction": 0.0}, {}])
def test_another_split_may_have_not(corpus, data, split):
    assert may_have_seen(origin_on(record(corpus, **split)), data) == ["toy"]
    both = origin_on(record(corpus, **split), record(corpus, seed=0, fraction=0.5))
    assert may_have_seen(both, data) == ["toy"]


def test_a_renamed_corpus_is_recognized(corpus, data):
    renamed = replace(corpus, name="other")
    assert may_have_seen(origin_on(record(renamed, seed=3, fraction=0.5), names=["other"]), data) == ["toy"]
    assert may_have_seen(origin_on(record(renamed, seed=0, fraction=0.5), names=["other"]), data) == []


def test_another_corpus_taught_nothing_of_these(data):
    assert may_have_seen(origin_on({"name": "b", "fingerprint": "0"}, names=["b"]), data) == []


def test_named_without_a_record_or_unknown(data):
    assert may_have_seen(origin_on(), data) == ["toy"]
    assert may_have_seen(origin_on(names=[UNKNOWN]), data) == ["toy"]


def test_rates_of_fresh_outputs_are_left_out(data):
    origin = origin_on(names=["b"])
    kept = before_training(origin, data, RATES, fresh=["sequence"], writers=2)["before"]
    assert kept == {"val_eer_vector": 0.3, "val_eer_random": 0.1}
    assert before_training(origin, data, RATES, fresh=[], writers=2)["before"] == RATES


def test_after_is_the_epoch_that_was_kept():
    history = [{"epoch": 1.0, "loss": 9.0, "val_eer": 0.3}, {"epoch": 2.0, "loss": 8.0, "val_eer": 0.1}]
    assert after_training({"before": RATES}, history, 2)["after"] == {"val_eer": 0.1}
    assert after_training({"before": RATES}, history, 0)["after"] == RATES
