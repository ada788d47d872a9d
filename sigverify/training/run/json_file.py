"""`read_object`: one of a run's JSON files, checked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sigverify.errors import TrainingError, one_line


def read_object(path: Path) -> Mapping[str, Any]:
    """Read a file that holds a JSON object.

    Raises:
        TrainingError: there is none, or it cannot be read or holds something else.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(
            f"{path} cannot be read", expected="a JSON object, in UTF-8", received=one_line(error)
        ) from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path} is no JSON object", expected="an object", received=type(values).__name__)
    return values
