"""The pair network as the second stage of a run."""

import csv
import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sigverify.errors import CorpusError, TrainingError
from sigverify.training import (
    BatchConfig,
    LossConfig,
    PairConfig,
    Run,
    ScheduleConfig,
    TrainConfig,
    ValidationConfig,
    plan,
    train,
)
from sigverify.training.backend import keras
from sigverify.training.data.training_data import prepare
from sigverify.training.pair import offset
from sigverify.training.pair.backup import Backup
from sigverify.training.pair.network import build, in_score
from sigverify.training.pair.stage import compile_in_score, train_pair
from sigverify.training.weights import load_network

CONFIG = TrainConfig(
    encoder_options={"width": 8, "dilations": [1]},
    losses=(LossConfig(name="triplet"),),
    batch=BatchConfig(writers=3, genuine=2, skilled=2, workers=1),
    validation=ValidationConfig(fraction=0.4, references=2),
    schedule=ScheduleConfig(learning_rate=5e-3),
    pair=PairConfig(epochs=2, steps_per_epoch=2, writers=2, width=4, dilations=(1,), held_out=3),
    epochs=1,
    steps_per_epoch=2,
)

pytestmark = [
    pytest.mark.usefixtures("without_graphs"),
    # TensorFlow says of each data set that this does not concern it.
    pytest.mark.filterwarnings("ignore:Even though the .tf.config:UserWarning"),
]


class Stop(Exception):
    pass


def change(config=CONFIG, **pair):
    return replace(config, pair=replace(config.pair, **pair))


def test_the_means_of_its_two_losses_are_there_before_a_step():
    """Else tensorflow traces the first step twice. They hold nothing of the losses that made them."""
    model = in_score(build((128, 22), width=4, dilations=(1,), dropout=0.0))
    compile_in_score(model, CONFIG)
    assert {each.name for each in model.metrics} == {"loss", "odds_loss", "said_loss"}
    assert all(float(each.count) == 0 for each in model.metrics)


@pytest.fixture(scope="module", autouse=True)
def _few_writers():
    """Fit the weights of the measured cues on a few writers, and validate on few: it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offset, "WRITERS", 24)
        patch.setattr(plan, "VALIDATION_STEPS", 2)
        yield


@pytest.fixture(scope="module")
def eight(make_traces):
    return make_traces(8, genuine=4, skilled=2)


def stage(config, corpus, path, **options):
    """Run the stage alone; return the run and what it says of it."""
    path.mkdir(exist_ok=True)
    run = Run(path=path)
    return run, train_pair(config, prepare(config, [corpus], None), run, **options)


@pytest.fixture(scope="module")
def done(eight, tmp_path_factory):
    """A finished stage, its facts and its progress."""
    seen = []
    path = tmp_path_factory.mktemp("pair") / "run"
    return *stage(CONFIG, eight, path, on_progress=seen.append), seen


def history(run):
    return list(csv.DictReader((run.path / "pair-history.csv").read_text().splitlines()))


def weights(run):
    return load_network(run.pair_path).get_weights()


def test_it_leaves_a_network_a_history_and_a_record(done):
    run, facts, _ = done
    assert {path.name for path in run.path.iterdir()} == {"pair.keras", "pair-history.csv", "pair-checkpoint"}
    assert load_network(run.pair_path).input_shape == (None, 128, 22)
    rows = history(run)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"loss", "odds_loss", "said_loss", "val_odds_loss"} <= set(rows[0])
    assert facts["epochs"] == 2
    assert facts["measured_alone"] > 0
    best = min(range(2), key=lambda number: float(rows[number]["val_odds_loss"]))
    assert facts["best"]["epoch"] == best + 1
    assert facts["best"]["loss"] == pytest.approx(float(rows[best]["val_odds_loss"]), abs=1e-6)
    assert facts["parameters"] == load_network(run.pair_path).count_params()


def test_progress_is_reported(done):
    _, _, seen = done
    assert seen[-1].fraction == 1
    assert seen[-1].metrics["val_odds_loss"] > 0
    assert all(0 < each.fraction <= 1 for each in seen)


def test_a_resumed_stage_is_the_same(done, eight, tmp_path):
    def stop(progress):
        if progress.epoch == 2:
            raise Stop

    run, facts, _ = done
    with pytest.raises(Stop):
        stage(CONFIG, eight, tmp_path, on_progress=stop)
    resumed, resumed_facts = stage(CONFIG, eight, tmp_path)
    for one, other in zip(history(run), history(resumed), strict=True):
        assert {name: float(value) for name, value in one.items()} == pytest.approx(
            {name: float(value) for name, value in other.items()}, rel=1e-3
        )
    for one, other in zip(weights(run), weights(resumed), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    assert resumed_facts["best"] == pytest.approx(facts["best"], rel=1e-3)
    # It is finished: to go on with it once more changes nothing.
    before = resumed.pair_path.read_bytes()
    again, again_facts = stage(CONFIG, eight, tmp_path)
    assert again.pair_path.read_bytes() == before
    assert again_facts["best"] == resumed_facts["best"]
    assert len(history(again)) == 2


def test_a_full_disk_is_an_error_and_leaves_what_is_gone_on_from(done, eight, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(progress):
        if progress.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

    try:
        with pytest.raises(TrainingError, match=r"cannot be written.*File too large.*--resume"):
            stage(CONFIG, eight, tmp_path, on_progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = json.loads((tmp_path / "pair-checkpoint" / "training_metadata.json").read_text())
    assert kept["epoch"] == 1
    resumed, facts = stage(CONFIG, eight, tmp_path)
    assert [row["epoch"] for row in history(resumed)] == ["0", "1"]
    assert facts["best"] == pytest.approx(done[1]["best"], rel=1e-3)


def test_damaged_files_are_errors(done, eight, tmp_path):
    folder = Path(shutil.copytree(done[0].path, tmp_path / "run"))
    for name, contents, message in (
        (
            "pair-checkpoint/training_metadata.json",
            (b"", b"[]", b'{"epoch": "2"}', b"{}"),
            "number of epochs|JSON",
        ),
        ("pair-checkpoint/best.json", (b"", b"5", b'{"epoch": 1}', b'{"epoch": 1, "loss": "x"}'), "expected"),
        ("pair-checkpoint/latest.weights.h5", (b"", b"\x89HDF"), "cannot be loaded"),
        ("pair-history.csv", (b"\xff\xfe\n",), "is damaged; expected a table"),
    ):
        whole = (folder / name).read_bytes()
        for content in contents:
            (folder / name).write_bytes(content)
            with pytest.raises(TrainingError, match=f"{name.rpartition('/')[2]} .*({message})"):
                stage(CONFIG, eight, folder)
        (folder / name).write_bytes(whole)


def test_what_keras_s_own_callback_left_is_gone_on_from(tmp_path):
    """As runs were begun before: the files have the same names and contents."""
    model = in_score(build((128, 22), width=4, dilations=(1,), dropout=0.0))
    compile_in_score(model, CONFIG)
    its = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    its.set_model(model)
    its.on_epoch_end(0)
    other = in_score(build((128, 22), width=4, dilations=(1,), dropout=0.0))
    compile_in_score(other, CONFIG)
    assert Backup(tmp_path).restore(other) == 1
    for one, same in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_with_nobody_held_out_the_last_one_is_kept(eight, tmp_path):
    config = replace(change(steps_per_epoch=1), validation=ValidationConfig(fraction=0))
    run, facts = stage(config, eight, tmp_path)
    assert facts["best"]["epoch"] == 2
    assert facts["measured_alone"] is None
    assert history(run)[0].get("val_odds_loss", "NA") == "NA"


def test_a_loss_that_explodes_is_an_error(eight, tmp_path):
    with pytest.raises(TrainingError, match=r"no longer finite.*\[pair\] learning_rate"):
        stage(change(learning_rate=1e38, steps_per_epoch=4), eight, tmp_path)
    assert not (tmp_path / "pair.keras").exists()


def test_it_starts_from_another_network(done, eight, tmp_path):
    run, _, _ = done
    still = change(epochs=1, learning_rate=1e-12, weight_decay=0.0)
    tuned, _ = stage(still, eight, tmp_path, start=run.pair_path)
    for one, other in zip(weights(run), weights(tuned), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_but_not_from_another_architecture(done, eight, tmp_path):
    with pytest.raises(TrainingError, match="another architecture"):
        stage(change(width=8), eight, tmp_path, start=done[0].pair_path)


def test_too_few_genuine_signatures(make_traces, tmp_path):
    with pytest.raises(CorpusError, match="too small to train a pair network on"):
        stage(CONFIG, make_traces(8, genuine=3), tmp_path)


@pytest.fixture(scope="module")
def whole(eight, tmp_path_factory):
    """A run of both stages."""
    return train(change(epochs=1), [eight], tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.slow
def test_a_run_has_both_stages(whole):
    assert whole.model_path.is_file()
    assert len(whole.history) == 1
    facts = Run.open(whole.path).provenance
    assert facts["epochs_done"] == 1
    assert facts["pair"]["best"]["epoch"] == 1
    assert facts["config"]["pair"]["width"] == 4


@pytest.mark.slow
def test_no_epochs_no_network(eight, tmp_path):
    run = train(change(epochs=0), [eight], tmp_path / "run")
    assert not [path for path in run.path.iterdir() if path.name.startswith("pair")]
    assert "pair" not in run.provenance


@pytest.mark.slow
def test_a_start_s_network_is_kept_where_none_is_trained(whole, make_traces, tmp_path):
    others = make_traces(8, genuine=4, skilled=2, seed=5, name="others")
    config = replace(change(epochs=0), init_from=str(whole.path), epochs=2)
    kept = train(config, [others], tmp_path / "run")
    assert kept.pair_path.read_bytes() == whole.pair_path.read_bytes()
    assert kept.provenance["pair"] == {"kept_from": str(whole.path)}

    def stop(progress):
        if progress.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(config, [others], tmp_path / "again", on_progress=stop)
    resumed = train(config, [others], tmp_path / "again", resume=True)
    assert resumed.pair_path.read_bytes() == whole.pair_path.read_bytes()


@pytest.mark.slow
def test_or_gone_on_with(whole, make_traces, tmp_path):
    others = make_traces(8, genuine=4, skilled=2, seed=5, name="others")
    still = change(epochs=1, learning_rate=1e-12, weight_decay=0.0)
    tuned = train(replace(still, init_from=str(whole.path)), [others], tmp_path / "run")
    for one, other in zip(weights(whole), weights(tuned), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert tuned.provenance["pair"]["epochs"] == 1
