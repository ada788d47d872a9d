"""`check`: read every row of a store and say which ones are damaged; `repair` what can be."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from sigverify.errors import ConfigError, DamagedStore, StoreError
from sigverify.store.ledger import Ledger
from sigverify.store.remains import remains
from sigverify.store.rows import Rows, Vectors
from sigverify.store.sealed import SealedStore, unbind, write_template
from sigverify.store.sqlite_database import SqliteDatabase
from sigverify.store.tally import PEOPLE, RECORDS, Tally, mark_of, marks_of
from sigverify.template import Template

if TYPE_CHECKING:
    from sigverify.store.clear_vectors import ClearVectors

Row = TypeVar("Row")
Place = tuple[Any, ...]
"""What a row is found by: the values of its key columns."""


class Part(StrEnum):
    """Parts of a store."""

    FILE = "file"
    HEAD = "head"
    TEMPLATES = "templates"
    VECTORS = "vectors"
    RECORDS = "records"
    JOURNALS = "journals"
    GALLERY = "gallery"
    """The files beside the store that a search begins with."""
    CLEAR_VECTORS = "clear_vectors"
    """The table from which a server searches by itself."""


class Damage(StrEnum):
    """What is wrong with a part; `words.sentence` says it."""

    STRUCTURE = "structure"
    """The database finds its own pages damaged."""
    UNLISTED = "unlisted"
    """The rows cannot be listed to the end."""
    UNREADABLE = "unreadable"
    """The row does not open."""
    NO_TEMPLATE = "no_template"
    NO_VECTORS = "no_vectors"
    OTHER_VECTORS = "other_vectors"
    """They are those of another enrollment."""
    MISSING = "missing"
    """Entries are missing between two."""
    UNTRUSTED = "untrusted"
    """No enrollment station that is trusted signed it; the detail says why."""
    TAMPERED = "tampered"
    """The rows are not those that the head tells of: somebody without the key removed or put back some."""
    OLDER = "older"
    """The whole store is an older copy, by the counter outside; or the counter is."""
    REMOVED = "removed"
    """The row is gone, and nobody with the key removed it."""
    PUT_BACK = "put_back"
    """The row was removed, and is there again; nothing reads it."""
    SUPERSEDED = "superseded"
    """The row is not the newest that was written there."""
    REMAINS = "remains"
    """Rows that were deleted or replaced lie in the file or its log still."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        part: where.
        row: which row: the user's id where it can still be read, otherwise what it is found by, in hex.
        damage: what is wrong with it.
        detail: more about it, in the words of whoever found it; "" where there is no more.
        modality: of a template or vectors.
    """

    part: Part
    row: str
    damage: Damage
    detail: str = ""
    modality: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "part": self.part.value,
            "row": self.row,
            "damage": self.damage.value,
            "detail": self.detail,
            "modality": self.modality,
        }


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a check found; true where the store is sound.

    Attributes:
        templates: how many opened.
        records: how many opened.
        entries: of journals, how many opened.
        findings: what is wrong; empty for a sound store.
    """

    templates: int
    records: int
    entries: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.sound

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "sound": self.sound,
            "templates": self.templates,
            "records": self.records,
            "entries": self.entries,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check(store: SealedStore) -> Health:
    """Read the whole store: SQLite's own structure, every seal, that the parts agree, what should be gone.

    Open it with `compare=False`, or a store whose rows were removed or put back is refused before. What it
    cannot find is an older copy of the whole file, unless the store has a counter. The audit log is checked
    by `AuditLog.verify`.
    """
    with store.reading() as rows:
        health = _Check(store.ledger, rows, store).run()
    return _with_remains(health, store)


def repair(store: SealedStore, *, accept: bool = False) -> Health:
    """Make a store sound again: vectors are rebuilt, templates and records that do not open are deleted.

    Those people enroll anew. A damaged record of a lock-out goes, and with it the lock-out. A row that was
    put back is deleted. What is wrong with SQLite's own pages stays, and so do journals.

    Args:
        store: opened with `compare=False`, where rows were removed or put back.
        accept: take the rows that are there for what the store holds, where they are not those that its head
            tells of, and the store for the newest by its counter: for who knows what happened to it.

    Raises:
        DamagedStore: rows were removed or put back, and `accept` is False. Nothing is changed.
        StoreError: a row cannot be read now, which shows no damage: a medium that fails, a line that broke.
            Nothing is changed.
    """
    with store.changing() as rows:
        if accept:
            _accept(store.ledger)
        else:
            store.ledger.compare()
        first = _Check(store.ledger, rows, store, mends=True)
        first.run()
        for part, place in first.damaged:
            if part is Part.RECORDS:
                store.ledger.delete_record(*place)
            else:
                first.mend(place)
        unbind(store.database, store.ledger)
        store.ledger.drop_gallery()
        vectors = _clear_vectors(store)
        if vectors is not None:
            vectors.delete_strays()
        store.ledger.revise()
        store.database.scrub()
        health = _Check(store.ledger, rows, store).run()
    return _with_remains(health, store)


def _accept(ledger: Ledger) -> None:
    try:
        tally = ledger.tally()
    except DamagedStore:  # the head is another store's, or damaged
        tally = None
    ledger.adopt(tally or Tally())
    ledger.begin_counting()


def _with_remains(health: Health, store: SealedStore) -> Health:
    """Add what is left of rows that are gone; not where others are damaged, nor before they are committed."""
    if health.findings or store.database.opened:
        return health
    if not isinstance(store.database, SqliteDatabase):
        vectors = _clear_vectors(store)
        strays = () if vectors is None else vectors.strays()
        left = tuple(
            Finding(
                part=Part.CLEAR_VECTORS,
                row=subject.hex(),
                damage=Damage.REMAINS,
                detail=_HOW_TO_DELETE,
                modality=modality,
            )
            for subject, modality in sorted(strays)
        )
        return replace(health, findings=left)
    people = sorted({each.subject.hex() for each in remains(store.database)})
    added = [
        Finding(part=Part.FILE, row=row, damage=Damage.REMAINS, detail=_HOW_TO_OVERWRITE) for row in people
    ]
    beside = _beside(store)
    if beside:  # once more: what was just being written opens now
        beside &= _beside(store)
    for file, subject in sorted(beside):
        row, detail = (subject, "") if subject else (file, "it does not open. ")
        detail = f"{file}: {detail}{_HOW_TO_MEND}"
        added.append(Finding(part=Part.GALLERY, row=row, damage=Damage.REMAINS, detail=detail))
    return replace(health, findings=tuple(added))


def _clear_vectors(store: SealedStore) -> "ClearVectors | None":
    """Return the table from which a server searches; None: there is none."""
    from sigverify.store.clear_vectors import ClearVectors
    from sigverify.store.postgres import PostgresStore

    if not isinstance(store, PostgresStore):
        return None
    vectors = ClearVectors(store)
    return vectors if vectors.is_made() else None


def _beside(store: SealedStore) -> set[tuple[str, str]]:
    """Return what lies beside the store of people who are no rows, and what of it does not open."""
    gallery = store.ledger.gallery
    if gallery is None:
        return set()

    def seals(modality: str) -> dict[bytes, bytes]:
        marks = store.database.execute(
            "SELECT subject, mark FROM seals WHERE part = 'people' AND kind = ?", (modality,)
        )
        return {subject: marks_of(mark)[1] for subject, mark in marks.fetchall()}

    with store.reading() as rows:
        return gallery.remains(rows, store.models(), lru_cache(seals))


_HOW_TO_OVERWRITE: Final = "end what has been reading for long, then change something: enroll, forget, rekey"
_HOW_TO_DELETE: Final = (
    "vectors in clear: sigverify store check --repair deletes them; then fleet init --vectors"
)
_HOW_TO_MEND: Final = "the next search makes it anew, or sigverify store check --repair removes it"


_COLUMNS: Final = {
    Part.TEMPLATES: ("subject", "modality"),
    Part.VECTORS: ("subject", "modality"),
    Part.RECORDS: ("kind", "subject"),
    Part.JOURNALS: ("kind", "number"),
}


_OF_A_MODALITY: Final = (Part.TEMPLATES, Part.VECTORS)


class _Check:
    """One walk through a store."""

    def __init__(self, ledger: Ledger, rows: Rows, store: SealedStore, *, mends: bool = False) -> None:
        self._database = database = store.database
        self._ledger = ledger
        self._mends = mends
        self._rows = rows
        self._models = dict(database.execute("SELECT modality, model_id FROM models").fetchall())
        self._findings: list[Finding] = []
        self._marks: dict[tuple[str, Place], bytes] | None = None
        self._seen: set[tuple[str, Place]] = set()
        self.damaged: list[tuple[Part, Place]] = []

    def run(self) -> Health:
        self._structure()
        self._head()
        vectors = dict(self._each(Part.VECTORS, self._open_vectors))
        names = {place: opened.user_id for place, opened in vectors.items()}
        templates = 0
        for place, template in self._each(Part.TEMPLATES, self._open_template, names):
            templates += 1
            self._compare(place, template, vectors.pop(place, None))
        torn = {place for part, place in self.damaged if part is Part.TEMPLATES}
        for place in vectors.keys() - torn:
            self._find(Part.VECTORS, names[place], Damage.NO_TEMPLATE, place)
        records = sum(1 for _ in self._each(Part.RECORDS, self._open_record))
        entries = self._journals()
        missing = (self._marks or {}).keys() - self._seen
        if missing and not self._database.sees_all():
            # Whose role does not see some records cannot say that they are gone.
            missing = {each for each in missing if each[0] != RECORDS}
        for part, place in sorted(missing, key=str):
            where = Part.RECORDS if part == RECORDS else Part.TEMPLATES
            self._find(where, _words(place if part == RECORDS else place[:1]), Damage.REMOVED, place)
        return Health(templates=templates, records=records, entries=entries, findings=tuple(self._findings))

    def _head(self) -> None:
        """Compare the rows' marks with the head's tally, and read them."""
        try:
            with self._database.guard("read"):
                self._ledger.compare()
        except StoreError as error:
            self._refuse_passing(error)
            self._find(Part.HEAD, "", Damage.TAMPERED, detail=str(error))
        try:
            if self._ledger.counter is not None:
                self._ledger.check_counter()
        except (StoreError, ConfigError) as error:
            self._find(Part.HEAD, "", Damage.OLDER, detail=str(error))
        query = "SELECT part, kind, subject, mark FROM seals"
        try:
            with self._database.guard("read"):
                found = self._database.execute(query).fetchall()
        except StoreError as error:
            self._refuse_passing(error)
            self._find(Part.HEAD, "", Damage.UNLISTED, detail=error.without_hint)
        else:
            self._marks = {
                (part, (kind, subject) if part == RECORDS else (subject, kind)): mark
                for part, kind, subject, mark in found
            }

    def mend(self, place: Place) -> None:
        """Write the rows of one user and modality anew from the template; delete what does not open."""
        try:
            content = self._content(Part.TEMPLATES, place)
            template = self._open_template(place, content)
        except StoreError as error:
            self._refuse_passing(error)
            self._ledger.delete_person(*place)
        else:
            if self._disagreement(Part.TEMPLATES, place, content):
                self._ledger.delete_person(*place)
            else:
                write_template(self._ledger, self._rows, template)

    def _structure(self) -> None:
        """Let the database check its own pages."""
        try:
            with self._database.guard("check"):
                lines = self._database.structure()
        except StoreError as error:
            lines = [error.without_hint]
        for line in lines:
            self._find(Part.FILE, "", Damage.STRUCTURE, detail=line)

    def _each(
        self, part: Part, opener: Callable[[Place, bytes], Row], names: Mapping[Place, str] | None = None
    ) -> Iterator[tuple[Place, Row]]:
        """Yield the rows that open; one that does not is a finding, and no reason to stop."""
        for place in self._places(part):
            name = (names or {}).get(place, "") or _words(place[:1] if part in _OF_A_MODALITY else place)
            disagreement = None
            try:
                content = self._content(part, place)
                disagreement = self._disagreement(part, place, content)
                row = opener(place, content)
            except StoreError as error:
                self._refuse_passing(error)
                damage = Damage.PUT_BACK if disagreement is Damage.PUT_BACK else Damage.UNREADABLE
                # Of a sealing that does not open the hint is to check the store, which is being done.
                detail = error.without_hint if isinstance(error, DamagedStore) else str(error)
                self._find(part, name, damage, place, detail=detail)
            else:
                if disagreement is None:
                    yield place, row
                else:
                    self._find(part, getattr(row, "user_id", name), disagreement, place)

    def _disagreement(self, part: Part, place: Place, content: bytes) -> Damage | None:
        """Say whether a row is there that should not be, by what is known of it."""
        if part is Part.JOURNALS or self._marks is None:
            return None
        known = (RECORDS if part is Part.RECORDS else PEOPLE, place)
        self._seen.add(known)
        mark = self._marks.get(known)
        if mark is None:
            return Damage.PUT_BACK
        if part in _OF_A_MODALITY:
            mark = marks_of(mark)[0 if part is Part.TEMPLATES else 1]
        return None if mark == mark_of(content) else Damage.SUPERSEDED

    def _places(self, part: Part) -> list[Place]:
        """List what the rows are found by, as far as the pages can be read."""
        columns = ", ".join(_COLUMNS[part])
        places: list[Place] = []
        try:
            with self._database.guard("read"):
                # What was read before the damage stays in the list.
                places.extend(
                    self._database.execute(f"SELECT {columns} FROM {part.value} ORDER BY {columns}")  # noqa: S608
                )
        except StoreError as error:
            self._refuse_passing(error)
            self._find(part, "", Damage.UNLISTED, detail=error.without_hint)
        return places

    def _refuse_passing(self, error: StoreError) -> None:
        """Go no further where a row may be sound, and would be deleted as one that does not open."""
        if self._mends and self._database.is_passing(error.__cause__):
            raise error

    def _content(self, part: Part, place: Place) -> bytes:
        where = " AND ".join(f"{column} = ?" for column in _COLUMNS[part])
        with self._database.guard("read"):
            row = self._database.execute(f"SELECT content FROM {part.value} WHERE {where}", place).fetchone()  # noqa: S608
        if row is None:
            raise DamagedStore("the index leads to no row")
        return bytes(row[0])

    def _open_vectors(self, place: Place, content: bytes) -> Vectors:
        user, modality = place
        return self._rows.open_vectors(user, modality, self._models.get(modality, ""), content)

    def _open_template(self, place: Place, content: bytes) -> Template:
        user, modality = place
        return self._rows.open_template(user, modality, self._models.get(modality, ""), content)

    def _open_record(self, place: Place, content: bytes) -> str:
        kind, subject = place
        return self._rows.open_record(kind, subject, content)[0]

    def _open_entry(self, place: Place, content: bytes) -> int:
        kind, number = place
        self._rows.open_entry(kind, number, content)
        return int(number)

    def _compare(self, place: Place, template: Template, vectors: Vectors | None) -> None:
        """Check that searching sees what verifying sees."""
        if vectors is None:
            if (Part.VECTORS, place) not in self.damaged:
                self._find(Part.TEMPLATES, template.user_id, Damage.NO_VECTORS, place)
        elif not np.array_equal(vectors.vectors, template.references.vector.astype(np.float16)):
            self._find(Part.VECTORS, template.user_id, Damage.OTHER_VECTORS, place)

    def _journals(self) -> int:
        """Check the entries and that none is missing between two; say how many there are."""
        count = 0
        last: dict[str, int] = {}
        for (kind, number), _ in self._each(Part.JOURNALS, self._open_entry):
            count += 1
            last[kind] = number
        for kind, number in last.items():
            with self._database.guard("read"):
                there = self._database.execute(
                    "SELECT COUNT(*) FROM journals WHERE kind = ? AND number BETWEEN 1 AND ?", (kind, number)
                ).fetchone()[0]
            if there < number:
                self._find(Part.JOURNALS, kind, Damage.MISSING, detail=str(number - there))
        return count

    def _find(
        self, part: Part, row: str, damage: Damage, place: Place | None = None, *, detail: str = ""
    ) -> None:
        modality = str(place[1]) if place is not None and part in _OF_A_MODALITY else ""
        self._findings.append(Finding(part=part, row=row, damage=damage, detail=detail, modality=modality))
        if place is not None and part is not Part.JOURNALS:
            self.damaged.append((part, place))


def _words(place: Place) -> str:
    """Show what a row is found by: digests in hex."""
    return " ".join(each.hex() if isinstance(each, bytes) else str(each) for each in place)
