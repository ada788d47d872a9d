"""`OpenedTemplates`: the templates opened last, so that whoever tries again is not unsealed anew.

What a sealed template opens to depends on nothing but its bytes, its place and the key. So nothing is taken
on trust: the row is read each time and its mark compared, and only where every byte is the one that opened
before, at the same place, by the same key, the result of then is the result of now.

Nobody who is gone stays here: each reading hands in the revision of the store, which rises with every change
of a template, whichever process made it, and another revision empties all.
"""

from typing import Final, NamedTuple

from sigverify.store.rows import Rows
from sigverify.template import Template

_MOST: Final = 16
"""Templates kept: of five references each takes 45 kB, sealed, opened and turned back."""


class _Opened(NamedTuple):
    """What opened, and to what."""

    rows: Rows
    model_id: str
    sealed: bytes
    template: Template


class OpenedTemplates:
    """Opens the templates of one store. Threads may share it."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: tuple[int, dict[tuple[bytes, str], _Opened]] = (-1, {})

    def forget(self) -> None:
        """Keep nothing, at once and not only when the next one is read."""
        self._kept = (-1, {})

    def open(
        self, rows: Rows, revision: int, place: tuple[bytes, str], model_id: str, sealed: bytes
    ) -> Template:
        """Return the template of a row that was just read.

        Args:
            rows: what opens it.
            revision: of the store, in the state that the row was read in.
            place: the user, as the row is found by, and the modality.
            model_id: of the modality.
            sealed: the bytes of the row, compared with its mark.

        Raises:
            DamagedStore, MalformedTemplate: see `Rows.open_template`.
        """
        known, opened = self._kept
        if known != revision:
            opened = {}
            self._kept = (revision, opened)  # as one: another thread sees the old ones or the new
        before = opened.get(place)
        if before is not None and before[:3] == (rows, model_id, sealed):
            return before.template
        template = rows.open_template(*place, model_id, sealed)
        if len(opened) >= _MOST:  # whoever goes through all does not come back to the first
            opened.clear()
        opened[place] = _Opened(rows, model_id, sealed, template)
        return template
