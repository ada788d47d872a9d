"""Whether a corpus may be handed on, as far as its licence note tells."""

import re
from typing import Final

_FREE: Final = re.compile(
    r"\bfree for any use\b|\b(?:MIT|Apache|BSD|CC0|CC[- ]BY(?:-SA)?|public domain)\b(?![- ]NC)", re.IGNORECASE
)
"""Terms under which anybody may hand data on; all others keep somebody from it, or do not say."""


def may_be_handed_on(licence_note: str) -> bool:
    """Tell from each of several notes, joined by "; ", that it allows handing the data on.

    >>> may_be_handed_on("nobody's signature; free for any use."), may_be_handed_on("released for research")
    (True, False)
    """
    return _FREE.search(licence_note) is not None and "research" not in licence_note.casefold()
