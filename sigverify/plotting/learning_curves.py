"""`History`: the learning curves that a training run logs, read from `history.csv` and drawn."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from sigverify.errors import ConfigError
from sigverify.plotting.style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HISTORY_FILE: Final = "history.csv"
"""In a run folder."""

_EPOCH: Final = "epoch"
_RATE: Final = "learning_rate"


@dataclass(frozen=True)
class History:
    """One number an epoch for each thing that training logged.

    Attributes:
        epochs: `n` epoch numbers.
        columns: name -> `n` values; NaN where nothing was logged.
    """

    epochs: tuple[float, ...]
    columns: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]]) -> Self:
        """Take rows, one an epoch, as `Run.history` has them; columns without any number are left out."""
        names = dict.fromkeys(name for row in rows for name in row if name != _EPOCH)
        columns = {name: tuple(row.get(name, math.nan) for row in rows) for name in names}
        return cls(
            tuple(row.get(_EPOCH, float(index)) for index, row in enumerate(rows)),
            {name: values for name, values in columns.items() if not all(map(math.isnan, values))},
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read `history.csv`, or the one in a run folder.

        Raises:
            ConfigError: there is none, or it is no table of numbers.
        """
        file = Path(path) / HISTORY_FILE if Path(path).is_dir() else Path(path)
        try:
            with file.open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError("no learning curves", received=f"{file}: {error}") from error
        if not rows or any(None in row for row in rows):
            raise ConfigError("no learning curves", expected="a header and rows", received=str(file))
        return cls.of([{name: _number(text) for name, text in row.items()} for row in rows])


def learning_curves(history: History, *, best_epoch: int = 0) -> "Figure":
    """Draw losses, error rates (per cent) and the learning rate against epochs, a panel each.

    Args:
        history: what was logged; a panel without anything to show is left out.
        best_epoch: marked by a line; 0 marks none.
    """
    from matplotlib.figure import Figure

    rates = [name for name in history.columns if name.startswith("val_eer")]
    losses = [name for name in history.columns if name not in rates and name != _RATE]
    panels = {
        "loss": losses,
        "EER, held-out writers (%)": rates,
        "learning rate": [name for name in history.columns if name == _RATE],
    }
    shown = {title: names for title, names in panels.items() if names}
    figure = Figure(figsize=(max(3.6 * len(shown), 3.6), 3.2), layout="constrained")
    all_axes = np.ravel(figure.subplots(1, max(len(shown), 1)))
    for (title, names), axes in zip(shown.items(), all_axes, strict=False):
        for index, name in enumerate(names):
            axes.plot(
                history.epochs,
                np.array(history.columns[name]) * (100 if name in rates else 1),
                color=COLORS[index % len(COLORS)],
                # The loss of held-out writers beside that of the training writers.
                linestyle="--" if name in losses and name.startswith("val_") else "-",
                linewidth=1.3, marker=".", markersize=3, label=name.removeprefix("val_eer_"),
            )  # fmt: skip
        if best_epoch and title != "learning rate":
            axes.axvline(best_epoch, color="0.7", linewidth=1, zorder=0)
        axes.set(title=title, xlabel="epoch")
        if title != "learning rate":
            axes.legend(fontsize=7)
    return figure


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
