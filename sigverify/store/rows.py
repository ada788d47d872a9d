"""`Rows`: how each thing in a store is sealed, found and bound to its place; no database in here.

============  =========================================  ===================================================
what          found by                                   opens only for
============  =========================================  ===================================================
template      keyed digest of the user id, modality      this store, that user, that model and modality
vectors       the same                                   the same; holds the user id, so that it can be listed
record        kind, keyed digest of kind and subject     this store, that kind and subject
journal       kind and number                            this store, that kind and number
secret        there is one                               this store
tally         there is one                               this store, and the number of its changes
part          a file of the gallery (`Gallery`)          this store, that modality, part and model
piece         a file of the gallery, a number            this store, that modality, name, model and number
============  =========================================  ===================================================

So a row copied over another user's, to another modality, under another number or from another store does not
open. That a row is gone, or put back from before, shows the tally (`Ledger`).

**The pen is bound without its name**: to (user, model), as before stores knew of modalities; every other
modality to (user, model, modality). So an old store is migrated without opening a row. The two forms cannot
be mistaken for each other: `Sealer` puts the length of each thing bound before it, so two things never read
like three.
"""

import contextlib
import logging
import secrets
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sigverify.errors import DamagedStore, MalformedTemplate, WrongKey
from sigverify.protection.keys import KEY_BYTES, Key, hkdf
from sigverify.protection.renewal import Renewal
from sigverify.protection.sealing import SALT_BYTES, Sealer, join, split
from sigverify.store.tally import Tally, Terms
from sigverify.template import PEN, Template, is_of_another_version, pack_signed, unpack_signed

_log = logging.getLogger(__name__)

_SIZE: Final = struct.Struct("<I")
_FORM: Final = 5
"""Bound to the secret since there is a tally: so nobody passes a store off as one of a version without it."""


class Vectors(NamedTuple):
    """What searching needs of one user: id, and the references' vectors `(r, e)` float16."""

    user_id: str
    vectors: npt.NDArray[np.float16]


class Rows:
    """Seals and opens the rows of one store under one key. Threads may share it."""

    def __init__(self, key: Key, salt: bytes, sealed_secret: bytes, *, old: bool = False) -> None:
        """Open the store's own secret; `old`: as a version before sealed it.

        Raises:
            WrongKey: the store was sealed with another key.
        """
        self.salt = salt
        self._sealer = Sealer(key, salt)
        try:
            self._secret = self._sealer.open("secret", sealed_secret, *(() if old else (_FORM,)))
        except DamagedStore:
            raise WrongKey(
                "this key does not open the store",
                expected="the key that the store was made or last rekeyed with",
                hint="Name that one (--key); if it is, the head of the store is damaged: restore a backup",
            ) from None
        # One try asks for the same few again and again.
        self._derived = lru_cache(maxsize=8)(self._derive)
        self._found_by = lru_cache(maxsize=32)(self._digest)
        self.renewal = Renewal(self._sealer.subkey("renewal"))
        self.terms = Terms(self.secret("rows"))

    @staticmethod
    def begin(key: Key) -> tuple[bytes, bytes]:
        """Return the salt and the sealed secret of a new store."""
        return _seal_secret(key, secrets.token_bytes(KEY_BYTES))

    def again(self, key: Key) -> tuple[bytes, bytes]:
        """Return a new salt, and the same secret sealed with it under `key`."""
        return _seal_secret(key, self._secret)

    def sealed_secret(self) -> bytes:
        """Return the secret sealed as today, under the same key and salt."""
        return self._sealer.seal("secret", self._secret, _FORM)

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose, the same after a rekey: see `Store.secret`."""
        return self._derived(purpose)

    def user(self, user_id: str) -> bytes:
        """Return what a user's rows are found by."""
        return self._found_by("user", user_id)

    def subject(self, kind: str, subject: str) -> bytes:
        """Return what a record is found by, within its kind."""
        return self._found_by("subject", kind, subject)

    def seal_template(self, template: Template) -> bytes:
        """Seal a template whose embeddings are turned."""
        place = _place(self.user(template.user_id), template.modality, template.model_id)
        return self._sealer.seal("template", pack_signed(template), *place)

    def open_template(self, user: bytes, modality: str, model_id: str, content: bytes) -> Template:
        """Open the template found by `user` and `modality`, of that model.

        Raises:
            DamagedStore: altered, moved or damaged.
            MalformedTemplate: of another version of the program, and as it was.
        """
        opened = self._sealer.open("template", content, *_place(user, modality, model_id))
        try:
            template = unpack_signed(opened)
        except MalformedTemplate as error:
            if is_of_another_version(opened):
                raise
            raise DamagedStore("a template that was sealed damaged", received=str(error)) from error
        named = (self.user(template.user_id), template.modality, template.model_id)
        if named != (user, modality, model_id):
            raise DamagedStore("a template sealed in the place of another")
        return template

    def seal_vectors(self, template: Template) -> bytes:
        """Seal what searching needs of a template."""
        vectors = template.references.vector
        content = join(
            template.user_id.encode(), _SIZE.pack(vectors.shape[1]), vectors.astype("<f2").tobytes()
        )
        place = _place(self.user(template.user_id), template.modality, template.model_id)
        return self._sealer.seal("vectors", content, *place)

    def open_vectors(self, user: bytes, modality: str, model_id: str, content: bytes) -> Vectors:
        """Open the vectors found by `user` and `modality`, of that model.

        Raises:
            DamagedStore: altered, moved or damaged.
        """
        place = _place(user, modality, model_id)
        user_id, size, content = split(self._sealer.open("vectors", content, *place), 3)
        vectors = np.frombuffer(content, "<f2").reshape(-1, *_SIZE.unpack(size))
        if not np.isfinite(vectors).all():
            raise DamagedStore("vectors that were sealed damaged", expected="finite numbers")
        return Vectors(user_id.decode(), vectors)

    def seal_record(self, kind: str, subject: str, content: bytes) -> bytes:
        """Seal a record together with its subject."""
        place = (kind, self.subject(kind, subject))
        return self._sealer.seal("record", join(subject.encode(), content), *place)

    def open_record(self, kind: str, subject: bytes, content: bytes) -> tuple[str, bytes]:
        """Open the record found by `kind` and `subject`: its subject in words, its content.

        Raises:
            DamagedStore: altered, moved or damaged.
        """
        name, inner = split(self._sealer.open("record", content, kind, subject), 2)
        return name.decode(), inner

    def seal_tally(self, revision: int, content: bytes) -> bytes:
        """Seal what the head says of the rows."""
        return self._sealer.seal("tally", content, revision)

    def open_tally(self, revision: int, content: bytes) -> bytes:
        """Open what the head says of the rows.

        Raises:
            DamagedStore: altered, or of another number of changes.
        """
        return self._sealer.open("tally", content, revision)

    def digest_of(self, tally: Tally) -> bytes:
        """Return 16 bytes that name what the rows are, and tell nothing else."""
        return self._sealer.digest("tally", tally.to_bytes())

    def seal_part(self, content: bytes, modality: str, level: int, number: int, model_id: str) -> bytes:
        """Seal a part of the gallery."""
        return self._sealer.seal("part", content, modality, level, number, model_id)

    def open_part(self, content: bytes, modality: str, level: int, number: int, model_id: str) -> bytes:
        """Open a part of the gallery.

        Raises:
            DamagedStore: altered, moved or damaged.
        """
        return self._sealer.open("part", content, modality, level, number, model_id)

    def seal_piece(self, content: bytes, modality: str, name: str, model_id: str, number: int) -> bytes:
        """Seal a piece of a long content of the gallery."""
        return self._sealer.seal("piece", content, modality, name, model_id, number)

    def open_piece(self, content: bytes, modality: str, name: str, model_id: str, number: int) -> bytes:
        """Open a piece of a long content of the gallery.

        Raises:
            DamagedStore: altered, moved or damaged.
        """
        return self._sealer.open("piece", content, modality, name, model_id, number)

    def seal_entry(self, kind: str, number: int, content: bytes) -> bytes:
        """Seal an entry of a journal."""
        return self._sealer.seal("entry", content, kind, number)

    def open_entry(self, kind: str, number: int, content: bytes) -> bytes:
        """Open an entry of a journal.

        Raises:
            DamagedStore: altered, moved or damaged.
        """
        return self._sealer.open("entry", content, kind, number)

    def _derive(self, purpose: str) -> bytes:
        return hkdf(self._secret, b"sigverify store", purpose.encode())

    def _digest(self, purpose: str, *names: str) -> bytes:
        encoded = [name.encode() for name in names]
        return self._sealer.digest(purpose, encoded[0] if len(encoded) == 1 else join(*encoded))


@contextlib.contextmanager
def skipping_damage() -> Iterator[None]:
    """Leave a row out that is damaged, or of another version, and say so."""
    try:
        yield
    except DamagedStore:
        _log.warning("a row of the store is damaged and left out: sigverify store check")
    except MalformedTemplate as error:
        _log.warning("a row of the store is left out: %s", error)


def _place(user: bytes, modality: str, model_id: str) -> tuple[bytes | str, ...]:
    """Return what a user's rows of one modality are bound to; see the top of this file."""
    return (user, model_id) if modality == PEN else (user, model_id, modality)


def _seal_secret(key: Key, secret: bytes) -> tuple[bytes, bytes]:
    salt = secrets.token_bytes(SALT_BYTES)
    return salt, Sealer(key, salt).seal("secret", secret, _FORM)
