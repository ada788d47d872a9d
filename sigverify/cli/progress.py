"""Progress bars, on stderr, gone when the work is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sigverify.cli.output import console, visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from sigverify.training import Progress

ShowTraining = Callable[["Progress"], None]
ShowStage = Callable[[str, int, int], None]


@contextmanager
def training_bar(title: str = "Training") -> Iterator[ShowTraining]:
    """Yield what to hand to `train` as `on_progress`."""
    with _bars() as bars:
        task = bars.add_task(title, total=None, note="")
        last: dict[str, float] = {}

        def show(step: "Progress") -> None:
            last.update(step.metrics)
            error = f", val. EER {100 * last['val_eer']:.1f} %" if "val_eer" in last else ""
            note = f"epoch {step.epoch}/{step.epochs}, loss {step.loss:.3f}{error}"
            bars.update(task, total=1.0, completed=step.fraction, note=note)

        yield show


@contextmanager
def stage_bar(title: str) -> Iterator[ShowStage]:
    """Yield a function of the stage's name, what is done and how much there is to do."""
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
        disable=not screen.is_terminal,
    )
