"""Progress on stderr: bars that are gone when the work is done; where there is no terminal, lines.

A log gets one line a stage, and one every `EVERY_S` seconds while it lasts; nothing of what is soon over.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sigverify.cli.output import console, say, visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from sigverify.training import Progress

ShowTraining = Callable[["Progress"], None]
ShowStage = Callable[[str, int, int], None]


EVERY_S: Final = 30.0
"""Seconds from one line of a stage to the next, in a log."""
FIRST_S: Final = 2.0
"""Seconds without a line: what is over by then, or has failed, needs none."""


class _Lines:
    """Progress as lines, for whoever reads a log; also while nothing is told."""

    def __init__(self, stage: str) -> None:
        """Begin with a stage."""
        self._stage, self._note = stage, ""
        self._started = time.monotonic()
        self._talking = False
        self._over = threading.Event()
        self._lock = threading.Lock()

    def tell(self, stage: str, note: str = "") -> None:
        """Say what goes on; a line of its own where it is another stage than before."""
        with self._lock:
            self._note = note
            if stage == self._stage:
                return
            self._stage, self._started = stage, time.monotonic()
            if self._talking:
                self._tell()

    def _tell(self) -> None:
        passed = time.monotonic() - self._started
        note = f": {self._note}" if self._note else ""
        after = f", {passed:.0f} s" if passed >= 1 else ""
        say(f"{self._stage}{note}{after}", stderr=True)

    def _repeat(self) -> None:
        pause = FIRST_S
        while not self._over.wait(pause):
            with self._lock:
                self._talking = True
                self._tell()
            pause = EVERY_S

    @contextmanager
    def running(self) -> Iterator["_Lines"]:
        """Print until the block ends."""
        thread = threading.Thread(target=self._repeat, name="progress", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()


@contextmanager
def training_bar(title: str = "Training") -> Iterator[ShowTraining]:
    """Yield what to hand to `train` as `on_progress`."""
    last: dict[str, float] = {}

    def note(step: "Progress") -> str:
        last.update(step.metrics)
        error = f", val. EER {100 * last['val_eer']:.1f} %" if "val_eer" in last else ""
        return f"epoch {step.epoch}/{step.epochs}, loss {step.loss:.3f}{error}"

    if not console(stderr=True).is_terminal:
        with _Lines(title).running() as lines:
            yield lambda step: lines.tell(title, f"{100 * step.fraction:.0f} %, {note(step)}")
        return
    with _bars() as bars:
        task = bars.add_task(title, total=None, note="")

        def show(step: "Progress") -> None:
            bars.update(task, total=1.0, completed=step.fraction, note=note(step))

        yield show


@contextmanager
def stage_bar(title: str) -> Iterator[ShowStage]:
    """Yield a function of the stage's name, what is done and how much there is to do."""
    if not console(stderr=True).is_terminal:
        with _Lines(title).running() as lines:
            yield lambda stage, done, total: lines.tell(stage, f"{done} of {total}" if done else "")
        return
    with _bars() as bars:
        task = bars.add_task(title, total=None, note="")

        def show(stage: str, done: int, total: int) -> None:
            bars.update(task, description=visible(stage), total=total, completed=done)

        yield show


def _bars() -> "Bars":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    screen = console(stderr=True)
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=screen,
        transient=True,
    )
