"""Keys of single kiosks: each opens the fleet's key from a copy that is wrapped for it alone.

The fleet's key opens everything, and lies on every kiosk. With keys of their own the kiosks have it only
wrapped: the server's table `kiosk_keys` has, for each kiosk that was admitted, its public key and the fleet's
key wrapped for that. A kiosk fetches its own when it starts, and keeps it, wrapped, beside its copy
of the store for an outage. To revoke one its row is deleted and the fleet rekeyed; the new key is wrapped for
all others in the same transaction, and they find it at their next start: nobody visits them.

A kiosk's key is 32 bytes as any other (`sigverify store keygen`, a TPM by `Key.from_callback`); its X25519
half is derived of it. A wrapped key, 81 bytes: version 1, 32 bytes of an X25519 key made for this, and the 32
bytes of the fleet's key under AES-256-GCM, whose key is HKDF-SHA256 of what the two X25519 keys agree on,
salted with both public ones. That key is used once, so the nonce is zero.

Source: RFC 7748 (X25519), RFC 5869 (HKDF); the way is that of a sealed box, as HPKE (RFC 9180) has it.
"""

import re
from pathlib import Path
from typing import Any, Final

from sigverify.audit import AuditLog, Event
from sigverify.errors import ConfigError, KeyUnavailable, StoreError, StoreUnreachable, WrongKey
from sigverify.fleet.cache import is_copy
from sigverify.fleet.store import default_cache
from sigverify.protection.keys import KEY_BYTES, Key, hkdf
from sigverify.protection.private_file import write_private
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.postgres import PostgresStore
from sigverify.store.postgres_database import PostgresDatabase
from sigverify.store.rekey import rekey
from sigverify.store.sealed import SealedStore

MAX_NAME: Final = 64
PUBLIC_BYTES: Final = 32

_VERSION: Final = b"\1"
_PURPOSE: Final = b"sigverify kiosk key 1"
_WRAPPED_BYTES: Final = 1 + PUBLIC_BYTES + KEY_BYTES + 16
_NONCE: Final = bytes(12)
_TIMEOUT_S: Final = 5.0
_THERE: Final = "SELECT to_regclass('sigverify.kiosk_keys') IS NOT NULL"


class KioskKey:
    """The key of one kiosk. Its `repr` shows the public half only."""

    def __init__(self, key: Key) -> None:
        """Take the kiosk's own 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.from_private_bytes(key.derive(_PURPOSE, b""))
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        """Show the public half."""
        return f"<KioskKey {self.public.hex()}>"

    def open(self, wrapped: bytes) -> Key:
        """Return the fleet's key.

        Raises:
            WrongKey: it is wrapped for another kiosk, or was altered.
        """
        from cryptography.exceptions import InvalidTag

        made_for_it, sealed = wrapped[1 : 1 + PUBLIC_BYTES], wrapped[1 + PUBLIC_BYTES :]
        try:
            if len(wrapped) != _WRAPPED_BYTES or wrapped[:1] != _VERSION:
                raise InvalidTag
            agreed = self._private.exchange(_public(made_for_it))
            return Key(_cipher(agreed, made_for_it, self.public).decrypt(_NONCE, sealed, None))
        except (InvalidTag, ValueError):  # ValueError: a public key that agrees on nothing
            raise WrongKey(
                "this kiosk's key does not open the fleet's",
                expected="the key of which the public half was admitted",
                hint="Admit this kiosk anew: sigverify fleet admit",
            ) from None


def wrap(key: Key, public: bytes) -> bytes:
    """Return the fleet's key wrapped for the kiosk of that public key.

    Raises:
        ConfigError: that is no public key.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    once = X25519PrivateKey.generate()
    made_for_it = once.public_key().public_bytes_raw()
    try:
        agreed = once.exchange(_public(public))
    except ValueError as error:
        raise ConfigError("no public key of a kiosk", expected="what its `fleet key` printed") from error
    sealed = _cipher(agreed, made_for_it, public).encrypt(_NONCE, bytes.fromhex(key.to_hex()), None)
    return _VERSION + made_for_it + bytes(sealed)


def parse_public(text: str) -> bytes:
    """Read the 64 hex digits of a public key.

    Raises:
        ConfigError: something else.
    """
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ConfigError(
            "no public key of a kiosk", expected="the 64 hex digits that its `fleet key` printed"
        )
    return bytes.fromhex(text)


def admit(store: PostgresStore, name: str, public: bytes) -> None:
    """Wrap the fleet's key for a kiosk, in place of any that the name had before.

    Raises:
        ConfigError: no name, or no public key.
        StoreError: the fleet has no table for it, or this role may not.
    """
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise ConfigError("no name of a kiosk", expected=f"1 to {MAX_NAME} visible characters", received=name)
    with store.transaction() as records:
        _require_table(store)
        store.database.execute(
            "INSERT INTO kiosk_keys (name, public, wrapped) VALUES (?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET public = excluded.public, wrapped = excluded.wrapped",
            (name, public, wrap(store.key, public)),
        )
        AuditLog(store).append(records, Event.KIOSK_ADMITTED, kiosk=name)


def revoke(store: PostgresStore, name: str) -> None:
    """Take a kiosk's wrapped key away. It has what it read before: rekey the fleet next, under another key.

    Raises:
        ConfigError: no kiosk of that name was admitted.
        StoreError: the fleet has no table for it, or this role may not.
    """
    with store.transaction() as records:
        _require_table(store)
        gone = store.database.execute("DELETE FROM kiosk_keys WHERE name = ?", (name,))
        if not gone.rowcount:
            known = ", ".join(each for each, _ in admitted(store)) or "none"
            raise ConfigError("no kiosk of that name was admitted", expected=known, received=name)
        AuditLog(store).append(records, Event.KIOSK_REVOKED, kiosk=name)


def admitted(store: PostgresStore) -> list[tuple[str, bytes]]:
    """Return names and public keys of the kiosks that were admitted, by name."""
    with store.database.reading():
        _require_table(store)
        found = store.database.execute("SELECT name, public FROM kiosk_keys ORDER BY name").fetchall()
    return [(str(name), bytes(public)) for name, public in found]


def rewrap(store: SealedStore, key: Key) -> int:
    """Wrap another key of the fleet for all kiosks that were admitted, and return how many there are.

    Within the transaction that seals the store with it. In a file, or without such keys, it does nothing.
    """
    execute = store.database.execute
    if not isinstance(store, PostgresStore) or not _is_there(store.database):
        return 0
    kiosks = admitted(store)
    for name, public in kiosks:
        execute("UPDATE kiosk_keys SET wrapped = ? WHERE name = ?", (wrap(key, public), name))
    return len(kiosks)


def unlock(url: str, key: Key, cache: str | Path | None = None) -> Key:
    """Return the fleet's key for the kiosk whose own key this is, and bring its copy of the store along.

    Where the server is away it is opened from what was kept at the last start. Where the fleet was rekeyed
    since then, the copy is sealed with the new key before anything else is done with it.

    Raises:
        KeyUnavailable: this kiosk was not admitted, or was revoked.
        StoreUnreachable: the server is away, and nothing was kept.
        WrongKey: what the server has is wrapped for another key.
        StoreError: what else is wrong with server or copy.
    """
    own = KioskKey(key)
    path = default_cache(url) if cache is None else str(cache)
    place = None if path == MEMORY else Path(f"{path}-key")
    kept = None if place is None or not place.exists() else place.read_bytes()
    try:
        wrapped = _fetch(url, own.public)
    except StoreUnreachable:
        if kept is None:
            raise
        return own.open(kept)
    fleets = own.open(wrapped)
    if place is not None and wrapped != kept:
        if kept is not None and Path(path).exists():
            _follow(path, own.open(kept), fleets)
        write_private(place, wrapped)
    return fleets


def _fetch(url: str, public: bytes) -> bytes:
    database = PostgresDatabase(url, timeout_s=_TIMEOUT_S)
    try:
        with database.guard("read"):
            row = None
            if _is_there(database):
                asked = "SELECT wrapped FROM kiosk_keys WHERE public = ?"
                row = database.execute(asked, (public,)).fetchone()
    finally:
        database.close()
    if row is None:
        raise KeyUnavailable(
            "this kiosk is not admitted to the fleet, or was revoked",
            expected=f"an admission of {public.hex()}",
            hint="Let an administrator say: sigverify fleet admit",
        )
    return bytes(row[0])


def _follow(path: str, before: Key, after: Key) -> None:
    """Seal a kiosk's copy with another key; where it was killed just after that it is done already."""
    if before == after:
        return
    try:
        store = SqliteStore(path, key=before, create=False)
    except WrongKey:
        return
    with store, store.transaction() as records:
        AuditLog(store).append(records, Event.REKEYED, new_key=True)
        rekey(store, after, is_copy=is_copy(store))


def _is_there(database: PostgresDatabase) -> bool:
    row = database.execute(_THERE).fetchone()
    return row is not None and bool(row[0])


def _require_table(store: PostgresStore) -> None:
    if not _is_there(store.database):
        raise StoreError(
            f"the fleet {store.path} has no table of kiosks' keys",
            hint="Make it with the role that owns the tables: sigverify fleet init --roles",
        )


def _public(raw: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    return X25519PublicKey.from_public_bytes(raw)


def _cipher(agreed: bytes, made_for_it: bytes, public: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hkdf(agreed, made_for_it + public, _PURPOSE))
