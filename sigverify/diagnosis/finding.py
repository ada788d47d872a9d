"""`Finding`: one thing that was looked at, how it is, and what to do about it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sigverify.errors import SigverifyError, one_line


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well or as safely as it could."""
    BAD = "bad"
    """It does not work, or nobody should rely on it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: how it is.
        found: what was found, in words.
        todo: what to do, in words; "" where there is nothing to do.
    """

    name: str
    state: State
    found: str
    todo: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"name": self.name, "state": self.state.value, "found": self.found, "todo": self.todo}


def look(name: str, check: Callable[[], Finding]) -> Finding:
    """Return what a check finds; one that fails is a finding too, and never raises."""
    try:
        return check()
    except SigverifyError as error:
        return Finding(
            name=name, state=State.BAD, found=one_line(error), todo="Do what it says, and look again"
        )
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one thing, the others are looked at
        return Finding(
            name=name,
            state=State.BAD,
            found=f"cannot be looked at: {type(error).__name__}: {one_line(error)}",
            todo="Nothing is known of it: try it by hand, and report this",
        )
