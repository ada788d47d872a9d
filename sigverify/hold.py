"""`Hold`: what a `with` statement holds, and lets go of however the statement ends.

A signal handler may raise anything between any two bytecodes: Ctrl+C, an alarm that limits the time. Where
those are the first ones of `__exit__`, Python has called it, nothing of it has run, and nobody calls it
again: what a manager written in Python holds would stay held. So there are three ways to let go, one behind
another:

1. `__exit__`, which finishes, and drops whatever is left where that was interrupted.
2. A `with` statement keeps one object on its stack to call at its end, and nobody else refers to that object.
   A hold watches it. Where it goes before the work is done, the hold drops what is left then.
3. `is_over` asks whether that object is there. So whoever wants what is held gets it, and tidies up first,
   even where the second way was interrupted too.

A generator (contextlib.contextmanager) must not wrap a hold: a traceback would keep the generator, and with
it the statement, and nobody could tell that from one that is going on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ref

Held = TypeVar("Held")


class _Exit:
    """`__exit__` of a hold: a new object for each statement, which the hold watches."""

    def __get__(self, hold: "Hold[Any] | None", owner: type["Hold[Any]"]) -> Callable[..., None]:
        if hold is None:
            return owner.leave  # for contextlib.ExitStack, which asks the class
        leave = hold.leave
        hold.watch(leave)
        return leave


class Hold(ABC, Generic[Held]):
    """A context manager for one use. What it holds is taken and let go by the classes below."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._over = False
        self._outer: ref[Hold[Any]] | None = None
        self._statement: ref[Callable[..., None]] | None = None

    def __enter__(self) -> Held:
        """Take it."""
        try:
            return self.take()
        except BaseException as error:
            self.leave(type(error), error, error.__traceback__)
            raise

    if TYPE_CHECKING:

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            """Let it go."""
    else:
        __exit__ = _Exit()

    @abstractmethod
    def take(self) -> Held:
        """Take what is to be held. Whatever is raised, `drop` is called."""

    def finish(self, error: BaseException | None) -> None:
        """Do what is to be done at the end; `error` was raised before, or nothing was."""

    @abstractmethod
    def drop(self) -> None:
        """Let go of what is left, as it is; where nothing is left, do nothing."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is held any more, or by no statement that goes on."""
        if self._over:
            return True
        if self._outer is not None:
            outer = self._outer()
            return outer is None or outer.is_over
        return self._statement is not None and self._statement() is None

    def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish and let go: what `__exit__` does."""
        del kind, trace
        try:
            self.finish(error)
        finally:
            self.drop()
            self._over = True
            self._statement = None  # done: nothing is to be watched

    def within(self, outer: "Hold[Any]") -> Held:
        """Take it as a part of another hold, which finishes and drops it, and while it goes on.

        That one refers to this one: if each kept the other, both and all they know would stay in memory until
        Python looks for such circles, which with many objects is seldom.
        """
        self._outer = ref(outer)
        return self.take()

    def watch(self, statement: Callable[..., None]) -> None:
        """Drop what is held when that object is gone before `leave` has done its work."""
        self._statement = ref(statement, self._lost)

    def _lost(self, _: object) -> None:
        if not self._over:
            self.drop()
            self._over = True
