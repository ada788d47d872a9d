"""`check`: read every row of a store and say which ones are damaged; `repair` what can be."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import numpy as np

from sigverify.errors import DamagedStore, StoreError
from sigverify.store.database import Database
from sigverify.store.rows import Rows, Vectors
from sigverify.store.sealed import SealedStore, unbind, write_template
from sigverify.template import Template

Row = TypeVar("Row")
Place = tuple[Any, ...]
"""What a row is found by: the values of its key columns."""


class Part(StrEnum):
    """Parts of a store."""

    FILE = "file"
    TEMPLATES = "templates"
    VECTORS = "vectors"
    RECORDS = "records"
    JOURNALS = "journals"


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
    """Read the whole store: SQLite's own structure, every seal, and that the parts agree.

    What it cannot find: rows that somebody removed, and an older copy of the whole file. The audit log is
    checked by `AuditLog.verify`.
    """
    with store.reading() as rows:
        return _Check(store.database, rows).run()


def repair(store: SealedStore) -> Health:
    """Make a store sound again: vectors are rebuilt, templates and records that do not open are deleted.

    Those people enroll anew. A damaged record of a lock-out goes, and with it the lock-out. What is wrong
    with SQLite's own pages stays, and so do journals.
    """
    with store.changing() as rows:
        first = _Check(store.database, rows)
        first.run()
        for part, place in first.damaged:
            if part is Part.RECORDS:
                first.delete(part, place)
            else:
                first.mend(place)
        unbind(store.database)
        store.database.execute("UPDATE state SET revision = revision + 1")
        store.database.scrub()
        return _Check(store.database, rows).run()


_COLUMNS: Final = {
    Part.TEMPLATES: ("subject", "modality"),
    Part.VECTORS: ("subject", "modality"),
    Part.RECORDS: ("kind", "subject"),
    Part.JOURNALS: ("kind", "number"),
}


_OF_A_MODALITY: Final = (Part.TEMPLATES, Part.VECTORS)


class _Check:
    """One walk through a store."""

    def __init__(self, database: Database, rows: Rows) -> None:
        self._database = database
        self._rows = rows
        self._models = dict(database.execute("SELECT modality, model_id FROM models").fetchall())
        self._findings: list[Finding] = []
        self.damaged: list[tuple[Part, Place]] = []

    def run(self) -> Health:
        self._structure()
        vectors = dict(self._each(Part.VECTORS, self._open_vectors))
        names = {place: opened.user_id for place, opened in vectors.items()}
        templates = 0
        for place, template in self._each(Part.TEMPLATES, self._open_template, names):
            templates += 1
            self._compare(place, template, vectors.pop(place, None))
        torn = {place for part, place in self.damaged if part is Part.TEMPLATES}
        for place in vectors.keys() - torn:
            self._find(Part.VECTORS, names[place], Damage.NO_TEMPLATE, place)
        return Health(
            templates=templates,
            records=sum(1 for _ in self._each(Part.RECORDS, self._open_record)),
            entries=self._journals(),
            findings=tuple(self._findings),
        )

    def mend(self, place: Place) -> None:
        """Write the rows of one user and modality anew from the template; delete what does not open."""
        try:
            template = self._open_template(place, self._content(Part.TEMPLATES, place))
        except StoreError:
            self.delete(Part.TEMPLATES, place)
            self.delete(Part.VECTORS, place)
        else:
            write_template(self._database, self._rows, template)

    def delete(self, part: Part, place: Place) -> None:
        """Delete the row, if it is there."""
        where = " AND ".join(f"{column} = ?" for column in _COLUMNS[part])
        self._database.execute(f"DELETE FROM {part.value} WHERE {where}", place)  # noqa: S608, names of ours

    def _structure(self) -> None:
        """Let the database check its own pages."""
        try:
            with self._database.guard("check"):
                lines = self._database.structure()
        except StoreError as error:
            lines = [str(error)]
        for line in lines:
            self._find(Part.FILE, "", Damage.STRUCTURE, detail=line)

    def _each(
        self, part: Part, opener: Callable[[Place, bytes], Row], names: Mapping[Place, str] | None = None
    ) -> Iterator[tuple[Place, Row]]:
        """Yield the rows that open; one that does not is a finding, and no reason to stop."""
        for place in self._places(part):
            try:
                row = opener(place, self._content(part, place))
            except StoreError as error:
                name = (names or {}).get(place, "") or _words(place[:1] if part in _OF_A_MODALITY else place)
                self._find(part, name, Damage.UNREADABLE, place, detail=str(error))
            else:
                yield place, row

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
            self._find(part, "", Damage.UNLISTED, detail=str(error))
        return places

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
