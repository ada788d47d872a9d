"""`Actor`: who does what the audit log tells of; `acting` says it for all that is called within.

Each thread, and each task of asyncio, has its own (`contextvars`): a daemon names another client for each
request, and what another thread does meanwhile is not laid at that client's door.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self

MAX_NAME: Final = 120
"""Characters of an actor's name that are kept: clients choose theirs, and an entry is a line."""


class ActorKind(StrEnum):
    """Which way somebody came in."""

    PROCESS = "process"
    """A program that uses the SDK and says nothing of who asks: its own user."""
    CALLER = "caller"
    """Whoever a program that uses the SDK names."""
    COMMAND = "command"
    """The command line: the user who typed it."""
    CLIENT = "client"
    """Of the daemon, or of the kiosk's REST interface."""
    OPERATOR = "operator"
    """Of the kiosk's page."""
    VISITOR = "visitor"
    """Of the kiosk's page: anybody."""


@dataclass(frozen=True)
class Actor:
    r"""Who does something.

    >>> str(Actor(ActorKind.CLIENT, "uid 1000, pen\n7"))
    'client uid 1000, pen?7'

    Attributes:
        kind: which way they came in.
        name: who, as far as that way shows; what nobody can see is a question mark, and it has `MAX_NAME`
            characters at most.
    """

    kind: ActorKind
    name: str

    def __post_init__(self) -> None:
        """Make the name one that a line can hold."""
        kept = "".join(each if each.isprintable() else "?" for each in self.name[:MAX_NAME])
        object.__setattr__(self, "name", kept)

    def __str__(self) -> str:
        """Write as the log keeps it: the kind, a blank, the name."""
        return f"{self.kind} {self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            ValueError: something else.
        """
        kind, _, name = text.partition(" ")
        return cls(ActorKind(kind), name)

    @classmethod
    def of_process(cls, kind: ActorKind = ActorKind.PROCESS) -> Self:
        """Return the user that this process runs as, by number and name."""
        return cls(kind, _user(os.getuid()))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind.value, "name": self.name}


_ACTING: ContextVar[Actor | None] = ContextVar("sigverify actor", default=None)


def current_actor() -> Actor:
    """Return who acts here and now: what `acting` said, else the user that this process runs as."""
    return _ACTING.get() or _this_process(os.getuid())


@contextmanager
def acting(actor: Actor | str) -> Iterator[None]:
    """Have the audit log say that all that this thread does within is done by `actor`.

    A text names somebody for whom your program acts.

    >>> with acting("teller 7"):
    ...     str(current_actor())
    'caller teller 7'
    """
    before = _ACTING.get()
    try:
        _ACTING.set(Actor(ActorKind.CALLER, actor) if isinstance(actor, str) else actor)
        yield
    finally:
        _ACTING.set(before)


@cache
def _this_process(uid: int) -> Actor:
    """Return the user of that number as an actor; nearly every entry of a log is by the same one."""
    return Actor(ActorKind.PROCESS, _user(uid))


@cache
def _user(uid: int) -> str:
    """Return number and name of a user; whoever has no name has only the number."""
    try:
        return f"uid {uid} ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"uid {uid}"
