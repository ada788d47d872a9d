"""`Gallery`: files beside a store with the vectors of everybody, sealed: a search need not open every row.

It is a folder of parts. A part has the people whose subjects begin with the same bits, and of each the seal
(nonce) of the row of vectors that they were read from. **What a part says is used only for a row whose seal
the store's marks name now.** No two rows share a seal, so what a part says of one is what that row says,
however old the part is. A part of another store or key, a damaged or a half-written one does not open, and
its people are read from their rows.

Parts are written in place, so that what was there is overwritten and does not stay in blocks of the disk that
nobody names; one that was interrupted does not open. And they are written under the store's write lock, so
that nobody writes back who is being forgotten.

Beside the parts there may be one long content for each name, such as the graph of the approximate index.
"""

import logging
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from sigverify.errors import DamagedStore
from sigverify.protection.private_file import overwrite_private, wipe
from sigverify.protection.sealing import DIGEST_BYTES
from sigverify.store.batch import Batch
from sigverify.store.rows import Rows

_log = logging.getLogger(__name__)

WORTH: Final = 2_000
"""People from whom on files are kept: fewer are read from their rows in 60 ms."""

_PEOPLE: Final = 512
"""In a part, about: what is opened, compared and written at once."""
_LARGEST: Final = 12
"""Bits of a subject that choose a part, at most."""
_SLACK: Final = 2
"""Bits that the parts on the disk may differ by from the best number before all are written anew."""
_PIECE: Final = 1 << 25
"""Bytes of a long content that are sealed at once."""
_TIE: Final = 16
"""Random bytes that all pieces of one content begin with."""

_PART: Final = re.compile(r"([a-z0-9_]{1,32})-([0-9a-c])-([0-9a-f]{3})")
_LONG: Final = re.compile(r"([a-z0-9_]{1,32})\.([a-z]+)")

Gone = tuple[bytes, str]
"""The subject and modality of a row that was removed or replaced."""


class Place(NamedTuple):
    """Which part: of all subjects of a modality those whose first `level` bits are `number`.

    >>> Place("pen", 3, 5).file, Place.of("pen", 3, bytes([0b10100000, 7])).number
    ('pen-3-005', 5)
    """

    modality: str
    level: int
    number: int

    @classmethod
    def of(cls, modality: str, level: int, subject: bytes) -> "Place":
        """Return where somebody is."""
        return cls(modality, level, int.from_bytes(subject[:2], "big") >> (16 - level))

    @classmethod
    def read(cls, file: str) -> "Place | None":
        """Return which part a file is named after; None: it is no part."""
        named = _PART.fullmatch(file)
        return None if named is None else cls(named[1], int(named[2], 16), int(named[3], 16))

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.modality}-{self.level:x}-{self.number:03x}"

    @property
    def range(self) -> tuple[bytes, bytes]:
        """The lowest and the highest subject."""
        width = 1 << (16 - self.level)
        first, rest = self.number * width, DIGEST_BYTES - 2
        return first.to_bytes(2, "big") + bytes(rest), (first + width - 1).to_bytes(2, "big") + b"\xff" * rest


class Gallery:
    """The gallery of the store in one file. Whoever writes or drops holds the store's write lock."""

    def __init__(self, store: str | Path) -> None:
        """Take the store's file; nothing is read or made yet."""
        self.folder = Path(f"{Path(store).absolute()}-gallery")
        self._left: set[Gone] = set()
        self._is_anew = False

    @property
    def is_clean(self) -> bool:
        """Whether nothing of what was dropped is left in the files; otherwise the next change tries again."""
        return not (self._left or self._is_anew)

    def is_kept(self, modality: str, people: int) -> bool:
        """Whether files are used for so many people of a modality."""
        return bool(_LONG.fullmatch(f"{modality}.x")) and (people >= WORTH or self.folder.is_dir())

    def level(self, modality: str, people: int) -> int:
        """Return by how many bits of their subjects the people of a modality are divided among parts."""
        best = min(_LARGEST, max(0, (people // _PEOPLE).bit_length() - 1))
        there = {place.level for place in self._places() if place.modality == modality}
        near = [level for level in there if abs(level - best) <= _SLACK]
        return min(near, key=lambda level: (abs(level - best), level), default=best)

    def read(self, place: Place, rows: Rows, model_id: str) -> Batch | None:
        """Return what a part says; None: there is none, or it does not open.

        Nothing of it may be used for a row that the store's marks do not name by the same seal.
        """
        try:
            sealed = (self.folder / place.file).read_bytes()
            return Batch.from_bytes(rows.open_part(sealed, *place, model_id))
        except OSError as error:
            _pass_on(error)
            return None
        except DamagedStore:
            return None

    def write(self, place: Place, rows: Rows, model_id: str, batch: Batch) -> bool:
        """Write a part in place of what was there; say whether that worked, or the next has to try again."""
        path = self.folder / place.file
        if not len(batch):
            return self._wipe(path)
        sealed = rows.seal_part(batch.to_bytes(), *place, model_id)
        if self._write(path, [sealed], sync=path.exists()):
            return True
        self._wipe(path)
        return False

    def drop(self, gone: set[Gone], rows: Rows, models: Callable[[], dict[str, str]]) -> None:
        """Take people out of the parts that have them, at once on the disk too; see `is_clean`.

        Args:
            gone: whose rows of vectors are removed or replaced.
            rows: what opens the parts; one that it does not open goes as a whole.
            models: returns the model of each modality.
        """
        # Until all of it is done: whatever comes in between, the next change goes on.
        self._left |= gone
        if self._is_anew:
            self.wipe()
        if not self._left:
            return
        places = set(self._places())
        levels = {(place.modality, place.level) for place in places}
        sought: dict[Place, set[bytes]] = defaultdict(set)
        for subject, modality in self._left:
            for level in (level for each, level in levels if each == modality):
                sought[Place.of(modality, level, subject)].add(subject)
        left = set()
        for place in sought.keys() & places:
            if not self._drop(place, sought[place], rows, models().get(place.modality, "")):
                left |= {(subject, place.modality) for subject in sought[place]}
        self._left = left

    def wipe(self) -> None:
        """Overwrite and remove all files; see `is_clean`."""
        self._is_anew = True
        done = [self._wipe(self.folder / name) for name in self._files()]
        try:
            self.folder.rmdir()
        except OSError as error:
            _pass_on(error)
        self._is_anew = not all(done)

    def has_others(self, modality: str, level: int) -> bool:
        """Whether there are parts of a modality of another level."""
        return any(place.modality == modality and place.level != level for place in self._places())

    def tidy(self, modality: str, level: int) -> None:
        """Overwrite and remove the parts of a modality that are of another level."""
        for place in self._places():
            if place.modality == modality and place.level != level:
                self._wipe(self.folder / place.file)

    def remains(
        self, rows: Rows, models: dict[str, str], seals: Callable[[str], dict[bytes, bytes]]
    ) -> set[tuple[str, str]]:
        """Return each file and subject, in hex, that is no row now; of a file that does not open "".

        Args:
            rows: what opens the parts.
            models: the model of each modality.
            seals: returns those of all rows of vectors of a modality, by subject.
        """
        found: set[tuple[str, str]] = set()
        for place in self._places():
            batch = self.read(place, rows, models.get(place.modality, ""))
            there = seals(place.modality)
            found |= {(place.file, "")} if batch is None else {
                (place.file, person.subject.hex())
                for person in batch.people()
                if there.get(person.subject) != person.seal
            }  # fmt: skip
        return found

    def read_long(self, modality: str, name: str, rows: Rows, model_id: str) -> bytes | None:
        """Return the content of that name; None: there is none, or it does not open."""
        pieces: list[bytes] = []
        try:
            with (self.folder / f"{modality}.{name}").open("rb") as file:
                while length := file.read(4):
                    sealed = file.read(int.from_bytes(length, "little"))
                    pieces.append(rows.open_piece(sealed, modality, name, model_id, len(pieces)))
        except OSError as error:
            _pass_on(error)
            return None
        except DamagedStore:
            return None
        if not pieces or pieces[-1] != _end(pieces[:-1]):
            return None
        return b"".join(piece[_TIE:] for piece in pieces[:-1])

    def write_long(self, modality: str, name: str, rows: Rows, model_id: str, content: bytes) -> None:
        """Write a content of any length, which may say nothing of who is enrolled, under a name."""
        tie, view = secrets.token_bytes(_TIE), memoryview(content)
        pieces = [tie + view[at : at + _PIECE] for at in range(0, max(1, len(content)), _PIECE)]
        sealed = (
            rows.seal_piece(piece, modality, name, model_id, number)
            for number, piece in enumerate([*pieces, _end(pieces)])
        )
        framed = (part for each in sealed for part in (len(each).to_bytes(4, "little"), each))
        self._write(self.folder / f"{modality}.{name}", framed, sync=False)

    def _drop(self, place: Place, subjects: set[bytes], rows: Rows, model_id: str) -> bool:
        """Take people out of one part; say whether that is done."""
        path = self.folder / place.file
        batch = self.read(place, rows, model_id)
        if batch is not None:
            stays = batch.others(subjects)
            if stays.all():
                return True
            if stays.any():
                sealed = rows.seal_part(batch.where(stays).to_bytes(), *place, model_id)
                if self._write(path, [sealed], sync=True):
                    return True
        return self._wipe(path)

    def _places(self) -> list[Place]:
        return [place for name in self._files() if (place := Place.read(name)) is not None]

    def _files(self) -> list[str]:
        """List the names of what is ours in the folder."""
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries]
        except OSError as error:
            _pass_on(error)
            return []
        return [name for name in names if _PART.fullmatch(name) or _LONG.fullmatch(name)]

    def _wipe(self, path: Path) -> bool:
        try:
            wipe(path)
        except OSError as error:
            _pass_on(error)
            _log.warning("%s cannot be overwritten: %s", path, error.strerror)
            return False
        return True

    def _write(self, path: Path, contents: Iterable[bytes], *, sync: bool) -> bool:
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            overwrite_private(path, contents, sync=sync)
        except OSError as error:
            _pass_on(error)
            _log.warning("%s cannot be written: %s", path, error.strerror)
            return False
        return True


def _pass_on(error: OSError) -> None:
    """Raise what the system did not: the `TimeoutError` of an alarm is an OSError too, without a number."""
    if error.errno is None:
        raise error


def _end(pieces: list[bytes]) -> bytes:
    """Return the last piece: what the others begin with, if all begin alike, and how many there are."""
    ties = {piece[:_TIE] for piece in pieces}
    return (ties.pop() if len(ties) == 1 else b"") + len(pieces).to_bytes(4, "little")
