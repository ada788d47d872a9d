"""Files of a run that are damaged: one typed error each, that names the file and what was expected."""

import json

import numpy as np
import pytest

from sigverify.errors import CorpusError, TrainingError
from sigverify.training.run.checkpoint import read_state, weights_file
from sigverify.training.run.origin import Origin
from sigverify.training.run.run import (
    CALIBRATION,
    CHECKPOINTS,
    CONFIG,
    PROVENANCE,
    REPRESENTATIVE,
    STATE,
    Run,
)

STATE_OF_ONE = {"epoch": 1, "best": 0.25, "best_epoch": 1, "waited": 0}
FACTS = {
    "trained_on": ["toy"],
    "corpora": [{"name": "toy"}],
    "held_out": None,
    "transfer": {"before": {"val_eer": 0.5}, "may_have_seen": []},
    "validation_trials": {"references": 2, "genuine": 6, "skilled": 3, "random": 4},
}
NO_JSON = [b"", b'{"epoch": 1', b"\xff\xfe{}", b"null", b"[1]", b"[" * 100_000, bytes(9)]


@pytest.fixture
def run(tmp_path):
    made = Run(path=tmp_path / "run")
    (made.path / CHECKPOINTS).mkdir(parents=True)
    (made.path / PROVENANCE).write_text(json.dumps(FACTS))
    (made.path / CONFIG).write_text('encoder = "tdnn"\n')
    (made.path / "model.keras").touch()
    (made.path / CHECKPOINTS / STATE).write_text(json.dumps(STATE_OF_ONE))
    weights_file(made, 1).touch()
    return made


@pytest.mark.parametrize("content", NO_JSON)
def test_what_is_no_json_object(run, content):
    (run.path / CHECKPOINTS / STATE).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{STATE} .*expected an? .*object"):
        read_state(run)
    (run.path / PROVENANCE).write_bytes(content)
    for read in (lambda: run.provenance, lambda: Origin.find(str(run.path))):
        with pytest.raises(TrainingError, match=rf"{PROVENANCE} .*expected an? .*object"):
            read()


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": "1"},
        {"epoch": True},
        {"epoch": -1},
        {"epoch": 1.5},
        {"waited": None},
        {"best_epoch": [1]},
        {"best": "low"},
        {"best": None},
        {"best": float("nan")},
        {"more": 1},
    ],
)
def test_a_state_of_other_values(run, change):
    assert read_state(run).epoch == 1
    (run.path / CHECKPOINTS / STATE).write_text(json.dumps(STATE_OF_ONE | change))
    with pytest.raises(TrainingError, match=rf"{STATE} is damaged; expected best, best_epoch, epoch, waited"):
        read_state(run)


def test_a_state_that_lacks_something_and_one_of_before_the_first_validation(run):
    del (values := dict(STATE_OF_ONE))["waited"]
    (run.path / CHECKPOINTS / STATE).write_text(json.dumps(values))
    with pytest.raises(TrainingError, match="is damaged"):
        read_state(run)
    (run.path / CHECKPOINTS / STATE).write_text(json.dumps(STATE_OF_ONE | {"best": float("inf")}))
    assert read_state(run).best == float("inf")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trained_on": "toy"}, "trained_on: a list; received str"),
        ({"trained_on": [1]}, "trained_on: a list of names; received int"),
        ({"corpora": None}, "corpora: a list; received NoneType"),
        ({"corpora": ["toy"]}, "corpora: a list of objects; received str"),
        ({"config": []}, "config: an object; received list"),
        ({"held_out": 5}, "held_out: an object; received int"),
        ({"licence_note": ["free"]}, "licence_note: text; received list"),
        ({"epochs_done": "3"}, "epochs_done: a number; received str"),
        ({"transfer": {"before": 1}}, "transfer: an object with"),
        ({"transfer": {"may_have_seen": "toy"}}, "a list may_have_seen; received dict, str"),
        ({"validation_trials": {"references": 2}}, "validation_trials: numbers references, genuine"),
    ],
)
def test_provenance_of_other_types(run, change, says):
    assert run.provenance == FACTS
    (run.path / PROVENANCE).write_text(json.dumps(FACTS | change))
    with pytest.raises(TrainingError, match=rf"{PROVENANCE} is damaged; expected .*{says}"):
        _ = run.provenance


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"epoch,loss\n",
        b"epoch,loss\n1,low\n",
        b"epoch,loss\n1,0.5,3\n",
        b"loss\n0.5\n",
        b"epoch,loss\n,0.5\n",
        b"epoch,loss\n1,\xff\n",
        b"epoch,loss\n1,0\0\n",
    ],
)
def test_learning_curves_that_are_none(run, content):
    (run.path / "history.csv").write_text("epoch,loss,val_eer\n1,0.5,\n2,0.25,0.1\n")
    assert run.history == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "val_eer": 0.1}]
    (run.path / "history.csv").write_bytes(content)
    with pytest.raises(TrainingError, match=r"history.csv is damaged; expected a table of numbers"):
        _ = run.history


@pytest.mark.parametrize("content", [b"", b"epochs = ", b"\xff", b"x = " + b"[" * 9000])
def test_settings_that_are_no_toml(run, content):
    (run.path / CONFIG).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"{CONFIG} (cannot be read|does not say)"):
        _ = run.encoder


def test_arrays_that_cannot_be_read(run):
    path = run.path / REPRESENTATIVE
    np.savez_compressed(path, traces=np.zeros((2, 256, 4), np.float32))
    assert run.representative.shape == (2, 256, 4)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    np.save(run.path / "one.npy", np.zeros(3))
    one_array = (run.path / "one.npy").read_bytes()
    for content in (b"", whole[: len(whole) // 2], bytes(flipped), one_array, bytes(len(whole))):
        path.write_bytes(content)
        with pytest.raises(TrainingError, match=f"{REPRESENTATIVE} cannot be read; expected an .npz file"):
            _ = run.representative
        (run.path / CALIBRATION).write_bytes(content)
        with pytest.raises(CorpusError, match=f"{CALIBRATION} is not a trace set"):
            _ = run.calibration
