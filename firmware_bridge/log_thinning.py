"""Which of many equal events are logged, so that nobody fills a disk by repeating one."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MAX_KINDS: Final = 256
"""Kinds of line that are counted; the one seen longest ago is forgotten for another."""


def is_notable(count: int) -> bool:
    """Whether to log what happened for the count-th time: the 1st, 2nd, 4th, and so on.

    >>> [count for count in range(1, 20) if is_notable(count)]
    [1, 2, 4, 8, 16]
    """
    return count & (count - 1) == 0


class Thinning(logging.Filter):
    """Lets the 1st, 2nd, 4th … line of each kind pass, and a traceback with the first alone.

    Lines are of one kind that are written at one place of the source, about one kind of exception.
    """

    def __init__(self) -> None:
        """Begin without a line."""
        super().__init__()
        self._counts: OrderedDict[tuple[str, int, str], int] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line; it says how many of its kind there were."""
        error = record.exc_info[1] if record.exc_info else None
        kind = (record.pathname, record.lineno, type(error).__name__)
        count = self._counts[kind] = self._counts.pop(kind, 0) + 1
        if len(self._counts) > _MAX_KINDS:
            self._counts.popitem(last=False)
        if count > 1:
            name = f": {type(error).__name__}" if error is not None else ""
            record.msg = f"{record.getMessage().rstrip()}{name} ({count} so far)"
            record.args, record.exc_info, record.exc_text = None, None, None
        return is_notable(count)


@contextmanager
def thinned(*names: str) -> Iterator[None]:
    """Thin what these loggers write, of libraries that log whatever a stranger does."""
    filters = {name: Thinning() for name in names}
    for name, its in filters.items():
        logging.getLogger(name).addFilter(its)
    try:
        yield
    finally:
        for name, its in filters.items():
            logging.getLogger(name).removeFilter(its)
