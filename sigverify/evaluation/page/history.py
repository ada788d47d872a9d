"""`History`: the learning curves that training left in `history.csv`."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sigverify.errors import ConfigError

EPOCH = "epoch"


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
    def read(cls, path: str | Path) -> Self:
        """Read `history.csv`, or the one in a run folder.

        Raises:
            ConfigError: there is none, or it is no table of numbers.
        """
        file = Path(path) / "history.csv" if Path(path).is_dir() else Path(path)
        try:
            with file.open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError("no learning curves", received=f"{file}: {error}") from error
        if not rows or None in rows[0]:
            raise ConfigError("no learning curves", expected="a header and rows", received=str(file))
        columns = {name: tuple(_number(row[name]) for row in rows) for name in rows[0]}
        epochs = columns.pop(EPOCH, tuple(float(index) for index in range(len(rows))))
        return cls(
            epochs, {name: values for name, values in columns.items() if not all(map(math.isnan, values))}
        )


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
