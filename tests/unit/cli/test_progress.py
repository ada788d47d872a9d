"""Progress without a terminal: lines on standard error."""

import threading
import time

import pytest

from sigverify.cli import progress
from sigverify.training.progress import Progress


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(progress, "FIRST_S", 0.05)
    monkeypatch.setattr(progress, "EVERY_S", 0.05)


def wait_for(capsys, text):
    """Wait until that was printed; return all that was."""
    printed = ""
    for _ in range(200):
        printed += capsys.readouterr().err
        if text in printed:
            return printed
        time.sleep(0.02)
    raise AssertionError(f"{text!r} is not in {printed!r}")


def test_a_line_while_it_lasts_and_one_a_stage(capsys):
    with progress.stage_bar("Reading") as show:
        wait_for(capsys, "Reading\n")
        show("40 people", 0, 40)
        show("40 people", 7, 40)
        wait_for(capsys, "40 people: 7 of 40")
        show("Writing", 0, 1)
        assert "Writing\n" in wait_for(capsys, "Writing")
    assert not [each for each in threading.enumerate() if each.name == "progress"]


def test_training_says_how_far_it_is(capsys):
    step = Progress(
        epoch=2, epochs=4, step=5, steps=10, loss=0.25, steps_per_second=1, metrics={"val_eer": 0.1}
    )
    with progress.training_bar() as show:
        show(step)
        wait_for(capsys, "Training: 38 %, epoch 2/4, loss 0.250, val. EER 10.0 %")


def test_what_is_soon_over_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr(progress, "FIRST_S", 60.0)
    with progress.stage_bar("Reading") as show:
        show("40 people", 0, 40)
    assert capsys.readouterr().err == ""


def test_a_name_cannot_control_the_terminal(capsys):
    with progress.stage_bar("Reading") as show:
        show("\x1b[31mred", 0, 1)
        assert "\\x1b[31mred" in wait_for(capsys, "red")
