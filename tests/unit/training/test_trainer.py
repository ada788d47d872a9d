import json
import logging
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sigverify.errors import ConfigError, CorpusError, SplitLeak, TrainingError
from sigverify.modality.pen.features import encode
from sigverify.training import (
    BatchConfig,
    LossConfig,
    Run,
    ScheduleConfig,
    TraceSet,
    TrainConfig,
    ValidationConfig,
    plan,
    train,
)
from sigverify.training.backend import keras
from sigverify.training.optimization import learning_rate, momentum
from sigverify.training.plan import with_fitting_losses
from sigverify.training.run.summary import held_out_rates

FILES = {"config.toml", "provenance.json", "model.keras", "history.csv", "curves.png"} | {
    "checkpoints",
    "tensorboard",
    "representative.npz",
    "calibration.npz",
}
CONFIG = TrainConfig(
    encoder_options={"width": 8, "dilations": [1], "sequence_size": 2},
    losses=(LossConfig(name="triplet"),),
    batch=BatchConfig(writers=3, genuine=2, skilled=2, workers=1),
    validation=ValidationConfig(fraction=0.4, references=2),
    schedule=ScheduleConfig(learning_rate=5e-3),
    epochs=2,
    steps_per_epoch=3,
)

pytestmark = [
    pytest.mark.usefixtures("without_graphs"),
    # TensorFlow says of each data set that this does not concern it.
    pytest.mark.filterwarnings("ignore:Even though the .tf.config:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _few_batches():
    """Take ``val_loss`` from two batches: how good an estimate it is, is not tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "VALIDATION_STEPS", 2)
        yield


@pytest.fixture(scope="module")
def corpus(make_traces):
    return make_traces(8, genuine=4, skilled=3)


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    return train(CONFIG, [corpus], tmp_path_factory.mktemp("train") / "run")


def test_run_holds_everything(run, corpus):
    assert {path.name for path in run.path.iterdir()} == FILES
    assert Run.open(run.path).config == CONFIG
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert {"loss", "val_loss", "val_eer", "learning_rate"} <= set(run.history[0])
    assert {path.name for path in (run.path / "checkpoints").iterdir()} == {
        "state.json", "epoch-00001.weights.h5", "epoch-00002.weights.h5",
    }  # fmt: skip
    assert next((run.path / "tensorboard").glob("events.out.tfevents.*")).stat().st_size > 200
    assert (run.path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert np.load(run.path / "representative.npz")["traces"].shape[1:] == (256, 4)
    assert len(run.calibration.writers) == 3
    facts = run.provenance
    assert facts["trained_on"] == ["toy"]
    assert facts["licence_note"] == "terms of toy"
    assert facts["corpora"][0]["fingerprint"] == corpus.fingerprint
    assert facts["train"]["writers"] == 5
    assert facts["config"] == json.loads(json.dumps(CONFIG.to_dict()))
    assert facts["steps_per_second"] > 0
    assert facts["epochs_done"] == 2


def test_training_and_held_out_writers_differ(run, corpus):
    held_out = set(run.calibration.writers)
    assert held_out < {f"toy/{writer}" for writer in corpus.writers}
    kept = np.load(run.path / "representative.npz")["traces"]
    seen = {trace.tobytes() for trace in kept}
    assert not seen & {trace.tobytes() for trace in run.calibration.traces}


def test_network_loads_and_runs(run, corpus):
    outputs = run.load_network()(encode(corpus.traces[:2]))
    assert outputs["vector"].shape == (2, 64)
    assert "sequence" not in outputs  # no loss trained it


@pytest.mark.usefixtures("with_graphs")
def test_a_network_learns(corpus, tmp_path):
    config = replace(CONFIG, epochs=4, steps_per_epoch=8, validation=ValidationConfig(fraction=0))
    history = train(config, [corpus], tmp_path / "run").history
    assert history[-1]["loss"] < history[0]["loss"]


def test_same_seed_same_run_and_resumed_run_the_same(corpus, run, tmp_path):
    class Stop(Exception):
        pass

    def crash(progress):
        if progress.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(CONFIG, [corpus], tmp_path / "run", on_progress=crash)
    resumed = train(CONFIG, [corpus], tmp_path / "run", resume=True)
    assert [row["epoch"] for row in resumed.history] == [1, 2]
    for one, other in zip(run.history, resumed.history, strict=True):
        # The threads of a sum of float32 may differ from run to run.
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)
    for one, other in zip(
        run.load_network().get_weights(), resumed.load_network().get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_resume_refuses_other_settings(corpus, run):
    with pytest.raises(TrainingError, match="another seed"):
        train(replace(CONFIG, seed=1), [corpus], run.path, resume=True)


def test_resume_without_checkpoint(corpus, tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG.to_toml())
    with pytest.raises(TrainingError, match="no checkpoint"):
        train(CONFIG, [corpus], tmp_path, resume=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        train(CONFIG, [corpus], tmp_path / "absent", resume=True)


def test_resume_with_broken_state(corpus, tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG.to_toml())
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "state.json").write_text(
        '{"epoch": 1, "best": 0.1, "best_epoch": 1, "waited": 0}'
    )
    with pytest.raises(TrainingError, match="epoch 1 is missing"):
        train(CONFIG, [corpus], tmp_path, resume=True)


@pytest.mark.usefixtures("with_graphs")
def test_both_heads_and_mixed_precision(corpus, tmp_path):
    """In graphs, whose making takes longest here: without the two more of a validation, which others test."""
    losses = (
        LossConfig(name="contrastive"),
        LossConfig(name="triplet", options={"mining": "semi-hard"}),
        LossConfig(name="alignment", weight=0.5, options={"stride": 32}),
    )
    nobody = ValidationConfig(fraction=0)
    config = replace(CONFIG, losses=losses, mixed_precision=True, epochs=1, validation=nobody)
    run = train(config, [corpus], tmp_path / "run")
    assert {"vector_loss", "sequence_loss"} <= set(run.history[0])
    network = run.load_network()
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.dtype_policy.name == "float32"


def test_sequence_alone_trains(corpus, tmp_path, caplog):
    losses = (LossConfig(name="alignment", options={"stride": 32}),)
    run = train(replace(CONFIG, losses=losses, epochs=1), [corpus], tmp_path / "run")
    assert "no loss trains the vector" in caplog.text
    assert set(run.load_network().output) == {"vector", "sequence"}
    again = replace(CONFIG, epochs=1, init_from=str(run.path), losses=(LossConfig(name="triplet"),))
    assert set(train(again, [corpus], tmp_path / "again").load_network().output) == {"vector"}


def test_baseline_trains(corpus, tmp_path):
    run = train(
        replace(CONFIG, encoder="bromley1993", encoder_options={}, epochs=1), [corpus], tmp_path / "run"
    )
    assert "val_eer_sequence" not in run.history[0]


STILL = replace(CONFIG, schedule=ScheduleConfig(learning_rate=1e-12, warmup=0), epochs=1)


@pytest.fixture(scope="module")
def tuned(run, make_traces, tmp_path_factory):
    others = make_traces(4, genuine=4, skilled=2, seed=5, name="others")
    config = replace(STILL, init_from=str(run.path), encoder_options={})
    return train(config, [others], tmp_path_factory.mktemp("tuned") / "run")


def test_starting_from_another_run(run, tuned):
    assert tuned.config.encoder_options == CONFIG.encoder_options
    for one, other in zip(
        run.load_network().trainable_weights, tuned.load_network().trainable_weights, strict=True
    ):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)


def test_what_the_start_was_trained_on_is_inherited(run, tuned):
    facts = tuned.provenance
    assert facts["trained_on"] == ["toy", "others"]
    assert facts["licence_note"] == "terms of toy; terms of others"
    assert facts["corpora"][0] == run.provenance["corpora"][0]
    assert [record["name"] for record in facts["corpora"]] == ["toy", "others"]
    assert facts["init_from"]["source"] == facts["config"]["init_from"] == run.path.name
    assert tuned.config.init_from == str(run.path)
    assert len(facts["init_from"]["sha256"]) == 64


def test_error_rates_before_and_after_are_told(tuned):
    transfer = tuned.provenance["transfer"]
    assert transfer["writers"] == len(tuned.calibration.writers)
    assert transfer["may_have_seen"] == []
    assert set(transfer["before"]) == set(transfer["after"]) >= {"val_eer", "val_eer_vector"}
    # Nothing was learned, so the start is the best, and kept.
    assert transfer["before"] == transfer["after"]
    assert tuned.provenance["best_epoch"] == 0
    assert tuned.provenance["best"]["val_eer"] == transfer["before"]["val_eer"]


def test_rates_say_what_they_are_of(run, tuned):
    rates = {rate.name: rate for rate in held_out_rates(run)}
    assert set(rates) == {"val_eer_vector", "val_eer_vector_1", "val_eer_random"}
    # Three held-out writers with 4 genuine signatures, 2 of them references, and 3 forgeries.
    several, single, random = (
        rates[name] for name in ("val_eer_vector", "val_eer_vector_1", "val_eer_random")
    )
    assert (several.references, several.genuine, several.impostors, several.impostor) == (2, 6, 9, "skilled")
    assert (single.references, single.genuine, single.impostors) == (1, 12, 18)
    assert (random.references, random.impostors, random.impostor) == (2, 6, "random")
    assert several.before is None
    best = next(row for row in run.history if row["epoch"] == run.provenance["best_epoch"])
    assert several.eer == best["val_eer_vector"]
    assert all(rate.before == rate.eer for rate in held_out_rates(tuned))


def test_default_losses_are_those_that_the_start_has_outputs_for():
    bare = TrainConfig(encoder_options={"width": 8, "dilations": [1], "sequence_size": 0})
    assert [loss.name for loss in with_fitting_losses(bare).losses] == ["triplet"]
    assert with_fitting_losses(TrainConfig()) == TrainConfig()
    chosen = replace(bare, losses=(LossConfig(name="alignment"),))
    assert with_fitting_losses(chosen) == chosen


def test_a_network_of_unknown_origin_is_recorded_so(run, corpus, tmp_path, caplog):
    bare = tmp_path / "bare.keras"
    bare.write_bytes(run.model_path.read_bytes())
    facts = train(replace(STILL, init_from=str(bare)), [corpus], tmp_path / "run").provenance
    assert facts["trained_on"] == ["unknown origin", "toy"]
    assert facts["licence_note"].startswith("started from weights of unknown origin (bare.keras)")
    assert facts["transfer"]["may_have_seen"] == ["toy"]
    assert "may have been trained on writers held out here (of toy)" in caplog.text


def test_resuming_with_other_signatures_is_refused(corpus, make_traces, tmp_path):
    run = train(replace(CONFIG, epochs=1), [corpus], tmp_path / "run")
    before = {path: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    for others in ([make_traces(9, genuine=4, skilled=3)], [make_traces(8, genuine=4, skilled=3, seed=1)]):
        with pytest.raises(TrainingError, match="started with other signatures"):
            train(CONFIG, others, run.path, resume=True)
    assert {path: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before


def test_resuming_needs_no_start_any_more(run, make_traces, tmp_path):
    copy = tmp_path / "start.keras"
    copy.write_bytes(run.model_path.read_bytes())
    others = make_traces(4, genuine=4, skilled=2, seed=5, name="others")
    config = replace(CONFIG, init_from=str(copy), epochs=1)
    before = train(config, [others], tmp_path / "run").provenance["transfer"]["before"]
    copy.unlink()
    resumed = train(replace(config, epochs=2), [others], tmp_path / "run", resume=True)
    assert resumed.provenance["epochs_done"] == 2
    assert resumed.provenance["transfer"]["before"] == before


def test_a_classifier_of_writers_as_first_stage(corpus, tmp_path):
    config = replace(CONFIG, losses=(LossConfig(name="classification"),), epochs=1)
    train(config, [corpus], tmp_path / "run")
    run = train(replace(config, epochs=2), [corpus], tmp_path / "run", resume=True)
    assert {"loss", "val_eer"} <= set(run.history[1])
    assert run.history[0]["val_loss"] == 0  # nobody knows the held-out writers' names
    network = run.load_network()
    assert set(network.output) == {"vector"}
    assert "writers" not in {layer.name for layer in network.layers}


@pytest.mark.usefixtures("with_graphs")
def test_averaged_weights_are_kept(corpus, tmp_path):
    config = replace(CONFIG, schedule=ScheduleConfig(learning_rate=5e-2, warmup=0, ema=0.9))
    config = replace(config, validation=ValidationConfig(fraction=0), epochs=1, steps_per_epoch=30)
    last = train(replace(config, schedule=replace(config.schedule, ema=0)), [corpus], tmp_path / "last")
    mean = train(config, [corpus], tmp_path / "mean")
    (one, *_), (other, *_) = (each.load_network().get_weights() for each in (last, mean))
    assert last.history[0]["loss"] == pytest.approx(mean.history[0]["loss"], rel=1e-3)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.parametrize(("ema", "steps", "found"), [(0.99, 5000, 0.99), (0.99, 100, 0.9), (0, 100, 0)])
def test_the_average_reaches_back_a_tenth_at_most(ema, steps, found):
    config = replace(CONFIG, schedule=ScheduleConfig(ema=ema), epochs=1, steps_per_epoch=steps)
    assert momentum(config) == pytest.approx(found)


@pytest.mark.parametrize("source", ["absent", "broken.keras"])
def test_starting_from_nothing(corpus, tmp_path, source):
    (tmp_path / "broken.keras").write_bytes(b"no network")
    with pytest.raises(TrainingError, match="cannot be loaded"):
        train(replace(CONFIG, init_from=str(tmp_path / source)), [corpus], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_starting_from_another_architecture(corpus, run, tmp_path):
    config = replace(CONFIG, encoder_options={"width": 16}, init_from=str(run.path))
    with pytest.raises(TrainingError, match="another architecture"):
        train(config, [corpus], tmp_path / "run")


def test_patience_ends_a_run(corpus, tmp_path):
    config = replace(
        CONFIG,
        epochs=9,
        steps_per_epoch=1,
        schedule=ScheduleConfig(learning_rate=1e-12, warmup=0),
        validation=ValidationConfig(fraction=0.4, references=2, patience=2, monitor="val_eer"),
    )
    run = train(config, [corpus], tmp_path / "run")
    assert run.provenance["epochs_done"] < 9
    assert run.provenance["best_epoch"] == run.provenance["epochs_done"] - 2


def test_a_run_that_stopped_early_is_not_trained_on(corpus, tmp_path):
    config = replace(
        CONFIG,
        epochs=5,
        steps_per_epoch=1,
        schedule=ScheduleConfig(learning_rate=1e-12, warmup=0),
        validation=ValidationConfig(fraction=0.4, references=2, patience=1),
    )
    run = train(config, [corpus], tmp_path / "run")
    done = run.provenance["epochs_done"]
    assert done < 5
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for epochs in (5, 9):
        again = train(replace(config, epochs=epochs), [corpus], tmp_path / "run", resume=True)
        assert again.provenance["epochs_done"] == len(again.history) == done
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_that_was_stopped_before_its_record_is_concluded(run, corpus, tmp_path):
    """After the last checkpoint: nothing is trained, and what was found is written down."""
    copy = Path(shutil.copytree(run.path, tmp_path / "run"))
    facts = dict(run.provenance)
    for name in ("epochs_done", "best_epoch", "best", "validation_trials", "steps_per_second", "wall_s"):
        del facts[name]
    (copy / "provenance.json").write_text(json.dumps(facts))
    resumed = train(CONFIG, [corpus], copy, resume=True)
    for name in ("epochs_done", "best_epoch", "best", "validation_trials"):
        assert resumed.provenance[name] == run.provenance[name]
    assert resumed.history == run.history


class Full(keras.callbacks.Callback):
    """From the beginning of an epoch on, no file grows beyond 4 kB: as on a full disk, small ones fit."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.before = epoch, resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_epoch_begin(self, epoch, logs=None):
        del logs
        if epoch == self.epoch:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, self.before[1]))

    def empty(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)


def test_a_full_disk_is_an_error_and_leaves_the_checkpoint_before(corpus, run, tmp_path):
    """HDF5 ends the process where it writes to a full disk by itself."""
    disk = Full(epoch=1)
    try:
        with pytest.raises(TrainingError, match=r"cannot be written.*File too large.*make room.*--resume"):
            train(CONFIG, [corpus], tmp_path / "run", callbacks=[disk])
    finally:
        disk.empty()
    checkpoints = tmp_path / "run" / "checkpoints"
    assert {path.name for path in checkpoints.iterdir()} == {"state.json", "epoch-00001.weights.h5"}
    assert not [path for path in (tmp_path / "run").rglob(".*") if path.is_file()]
    resumed = train(CONFIG, [corpus], tmp_path / "run", resume=True)
    assert resumed.provenance["epochs_done"] == 2
    for one, other in zip(run.history, resumed.history, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_a_full_disk_at_the_start(corpus, tmp_path):
    disk = Full(epoch=0)
    try:
        disk.on_epoch_begin(0)
        with pytest.raises(TrainingError, match="run cannot be written"):
            train(CONFIG, [corpus], tmp_path / "run")
    finally:
        disk.empty()
    assert Run(path=tmp_path / "run").is_unstarted()


def test_a_damaged_checkpoint_is_an_error(run, corpus, tmp_path):
    copy = Path(shutil.copytree(run.path, tmp_path / "run"))
    file = copy / "checkpoints" / "epoch-00002.weights.h5"
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2], bytes(len(whole))):
        file.write_bytes(content)
        with pytest.raises(TrainingError, match=r"epoch-00002.weights.h5 cannot be loaded"):
            train(replace(CONFIG, epochs=3), [corpus], copy, resume=True)


def test_a_tensorboard_that_fails_stops_no_training(corpus, tmp_path, monkeypatch, caplog):
    def fail(*_arguments):
        raise RuntimeError("no\nroom")

    monkeypatch.setattr("sigverify.training.callbacks.tensorboard.TensorBoardLog.write", fail)
    run = train(CONFIG, [corpus], tmp_path / "run")
    assert len(run.history) == 2
    assert caplog.text.count("nothing more is logged for TensorBoard: no room") == 1


def test_validation_on_given_writers(corpus, make_traces, tmp_path):
    others = make_traces(3, genuine=4, skilled=2, seed=9, name="others")
    run = train(replace(CONFIG, epochs=1), [corpus], tmp_path / "run", validation=[others])
    assert run.calibration.writers == ("others/w000", "others/w001", "others/w002")
    assert run.provenance["train"]["writers"] == 8


def test_a_leak_is_refused_and_nothing_written(corpus, tmp_path):
    with pytest.raises(SplitLeak):
        train(CONFIG, [corpus], tmp_path / "run", validation=[corpus.select(["w003"])])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"encoder": "lstm"}, ConfigError),
        ({"encoder_options": {"depth": 3}}, ConfigError),
        ({"losses": (LossConfig(name="hinge"),)}, ConfigError),
        ({"losses": (LossConfig(name="triplet", options={"margin": 9}),)}, ConfigError),
        (
            {"encoder": "bromley1993", "encoder_options": {}, "losses": (LossConfig(name="alignment"),)},
            ConfigError,
        ),
    ],
)
def test_bad_settings_write_nothing(corpus, tmp_path, change, error):
    with pytest.raises(error):
        train(replace(CONFIG, **change), [corpus], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_few_writers_write_nothing(corpus, tmp_path):
    for corpora in ([], [corpus.select(["w000", "w001"])], [corpus.select(["w000"])]):
        with pytest.raises(CorpusError):
            train(CONFIG, corpora, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_an_occupied_directory_is_left_alone(corpus, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(TrainingError, match="not empty"):
        train(CONFIG, [corpus], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_loss_that_explodes_is_an_error(corpus, tmp_path):
    config = replace(
        CONFIG, schedule=ScheduleConfig(learning_rate=1e38, warmup=0, clip_norm=0), steps_per_epoch=6
    )
    with pytest.raises(TrainingError, match="not finite"):
        train(config, [corpus], tmp_path / "run")


def test_progress_is_reported(corpus, tmp_path):
    seen = []
    train(replace(CONFIG, epochs=1), [corpus], tmp_path / "run", on_progress=seen.append)
    assert seen[-1].fraction == 1
    assert seen[-1].metrics["val_eer"] >= 0
    assert all(0 < progress.fraction <= 1 for progress in seen)


def test_without_tensorboard_a_note_is_logged(corpus, tmp_path, monkeypatch, caplog):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("sigverify.training.callbacks.tensorboard.import_module", absent)
    with caplog.at_level(logging.INFO):
        run = train(replace(CONFIG, epochs=1), [corpus], tmp_path / "run")
    assert not (run.path / "tensorboard").exists()
    assert "tensorboard is not installed" in caplog.text


@pytest.mark.parametrize(("decay", "last"), [("cosine", 0.02), ("constant", 1.0)])
def test_learning_rate(decay, last):
    config = replace(
        CONFIG,
        epochs=10,
        steps_per_epoch=10,
        schedule=ScheduleConfig(learning_rate=0.1, decay=decay, warmup=0.2),
    )
    rate = learning_rate(config)
    assert float(rate(0)) == pytest.approx(0, abs=1e-7)
    assert float(rate(20)) == pytest.approx(0.1, rel=1e-3)
    assert float(rate(100)) == pytest.approx(0.1 * last, rel=1e-3)


def test_several_corpora_are_split_each(make_traces, tmp_path):
    corpora = [make_traces(5, name="a"), make_traces(5, seed=1, name="b")]
    run = train(replace(CONFIG, epochs=1), corpora, tmp_path / "run")
    assert [writer[0] for writer in run.calibration.writers] == ["a", "a", "b", "b"]
    assert isinstance(run.calibration, TraceSet)


def test_open_refuses_what_is_no_run(tmp_path):
    with pytest.raises(TrainingError, match="not a finished training run"):
        Run.open(tmp_path)
    with pytest.raises(TrainingError, match=r"is incomplete; expected provenance\.json"):
        _ = Run(path=tmp_path).provenance
    assert Run(path=tmp_path).history == []
