"""`PreparedPeople`: everybody of a modality, from the gallery as far as it agrees with the rows."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sigverify.errors import DamagedStore, StoreError
from sigverify.protection.sealing import DIGEST_BYTES
from sigverify.store.batch import Batch, Person, digests
from sigverify.store.gallery import Gallery, Place
from sigverify.store.rows import Rows, skipping_damage
from sigverify.store.store import Mark
from sigverify.store.tally import HINT, NONCE_BYTES, check_newest
from sigverify.template import spellings

if TYPE_CHECKING:
    from sigverify.store.sealed import SealedStore

_AFTER_ALL: Final = b"\xff" * (DIGEST_BYTES + 1)
"""As the subject of a mark: behind everybody of its revision."""


class _Known(NamedTuple):
    """The people of a part by the store's marks: subjects `(n, 16)` and seals of vectors `(n, 12)`, uint8."""

    subjects: npt.NDArray[np.uint8]
    seals: npt.NDArray[np.uint8]

    def agree(self, batch: Batch) -> bool:
        """Whether a batch has these people and no other, each as they are now."""
        return np.array_equal(batch.subjects, self.subjects) and np.array_equal(batch.seals, self.seals)

    def by_subject(self) -> dict[bytes, bytes]:
        """Return the seal of each."""
        pairs = zip(self.subjects, self.seals, strict=True)
        return {subject.tobytes(): seal.tobytes() for subject, seal in pairs}


class PreparedPeople:
    """Reads the gallery part by part, and brings each up to date where somebody changed; see `Prepared`."""

    def __init__(self, store: "SealedStore", gallery: Gallery, modality: str, people: int) -> None:
        """Take the store, its gallery, and how many people of the modality there are."""
        self.mark = Mark(store.revision(), _AFTER_ALL)
        self._store = store
        self._gallery = gallery
        self._modality = modality
        self._level = gallery.level(modality, people)
        # Within a transaction there may be rows that are never committed.
        self._writes = store.database.opened is None

    def batches(self) -> Iterator[Batch]:
        """Yield everybody; see `Prepared.batches`. What is written are parts in which somebody changed."""
        for number in range(1 << self._level):
            batch = self._batch(Place(self._modality, self._level, number))
            if len(batch):
                yield batch
        if self._writes and self._gallery.has_others(self._modality, self._level):
            with contextlib.suppress(StoreError), self._store.changing(durable=False):
                self._gallery.tidy(self._modality, self._level)

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name; see `Prepared.read`."""
        with self._store.reading() as rows:
            return self._gallery.read_long(self._modality, name, rows, self._model_id())

    def keep(self, name: str, content: bytes) -> None:
        """Keep a content under a name; see `Prepared.keep`."""
        with contextlib.suppress(StoreError), self._store.changing(durable=False) as rows:
            self._gallery.write_long(self._modality, name, rows, self._model_id(), content)

    def _batch(self, place: Place) -> Batch:
        with self._store.reading() as rows:
            known, model_id = self._known(place), self._model_id()
            kept = self._gallery.read(place, rows, model_id)
            if kept is not None and known.agree(kept):
                return kept
            if not self._writes:
                return self._merged(place, rows, model_id, known, kept)
        try:
            with self._store.changing(durable=False) as rows:
                known, model_id = self._known(place), self._model_id()
                kept = self._gallery.read(place, rows, model_id)
                batch = self._merged(place, rows, model_id, known, kept)
                self._writes = self._gallery.write(place, rows, model_id, batch)
        except StoreError:
            # Read-only, or somebody else has been writing for long: no waiting for each part again.
            self._writes = False
            return self._batch(place)
        return batch

    def _merged(self, place: Place, rows: Rows, model_id: str, known: _Known, kept: Batch | None) -> Batch:
        """Put together who is in the part by a seal of now, and who has to be read from a row."""
        wanted = known.by_subject()
        people = [] if kept is None else [p for p in kept.people() if wanted.get(p.subject) == p.seal]
        missing = wanted.keys() - {person.subject for person in people}
        for subject, content in self._rows(place, missing, all_of=len(wanted)):
            with skipping_damage():
                newest = check_newest(content, wanted[subject], "row of vectors")
                user_id, vectors = rows.open_vectors(subject, self._modality, model_id, newest)
                people.append(Person(subject, wanted[subject], spellings(user_id)[0], vectors))
        return Batch.of(people)

    def _rows(
        self, place: Place, subjects: Iterable[bytes], *, all_of: int
    ) -> list[tuple[bytes, bytes | None]]:
        """Return the sealed vectors of these subjects, of so many people in the part; None of a row gone."""
        execute, sought = self._store.database.execute, set(subjects)
        if len(sought) * 4 > all_of:
            between = (self._modality, *place.range)
            found = [row for row in execute(_ALL_VECTORS, between).fetchall() if row[0] in sought]
        else:
            each = (execute(_VECTORS, (self._modality, s)).fetchone() for s in sought)
            found = [row for row in each if row is not None]
        gone = sought - {subject for subject, _ in found}
        return [*found, *((subject, None) for subject in gone)]

    def _known(self, place: Place) -> _Known:
        found = self._store.database.execute(_MARKS, (self._modality, *place.range)).fetchall()
        try:
            subjects = b"".join([subject for subject, _ in found])
            marks = b"".join([mark for _, mark in found])
        except TypeError as error:  # a damaged database may give back anything
            raise DamagedStore("a mark of another shape than ours", hint=HINT) from error
        if len(subjects) != DIGEST_BYTES * len(found) or len(marks) != 2 * NONCE_BYTES * len(found):
            raise DamagedStore("a mark of another shape than ours", hint=HINT)
        # A person's mark names their template, then their vectors.
        seals = digests(marks, 2 * NONCE_BYTES)[:, NONCE_BYTES:]
        return _Known(digests(subjects, DIGEST_BYTES), seals)

    def _model_id(self) -> str:
        return self._store.models().get(self._modality, "")


_MARKS: Final = (
    "SELECT subject, mark FROM seals WHERE part = 'people' AND kind = ? AND subject BETWEEN ? AND ? "
    "ORDER BY subject"
)
_ALL_VECTORS: Final = (
    "SELECT subject, content FROM vectors WHERE modality = ? AND subject BETWEEN ? AND ? ORDER BY subject"
)
_VECTORS: Final = "SELECT subject, content FROM vectors WHERE modality = ? AND subject = ?"
