"""`Counter`: counts the states of a store outside of it, where who copies the file cannot put it back too.

The head of the store holds the number of its state, sealed. A change writes the next number with it, and then
advances the counter; so the number in the head is the counter's, or one more where something came in between.
An older copy of the whole file has a smaller one.

It is advanced by changes that wait for the disk: enrollments, removals, failed tries, and acceptances with
`Policy.durable_accepts`. Other acceptances go without: a copy from between two such changes is taken for the
newest.

What a counter is worth is how far it is from the file: on another medium that stays with somebody else, on
the fleet's server, in a TPM.
"""

import hmac
import struct
from pathlib import Path
from typing import Final, Protocol

from sigverify.errors import ConfigError, DamagedStore, StoreError
from sigverify.whole_file import PRIVATE, write_whole

FILE: Final = "file:"
TPM: Final = "tpm"
FLEET: Final = "fleet"

_NUMBER: Final = struct.Struct("<Q")
_MAGIC: Final = b"SIGC\x01\0"
_MAC_BYTES: Final = 32


class Counter(Protocol):
    """A number that only rises. Called by one process at a time, which holds the store."""

    def bind(self, secret: bytes, store: str) -> None:
        """Take 32 bytes that only who has the store's key knows, and the store's path.

        A kiosk's copy takes over the secret of its fleet once: what was written by the one before opens too
        then, until the next number is written.
        """

    def read(self) -> int:
        """Return the number; 0: nothing was counted so far.

        Raises:
            StoreError: it cannot be read. DamagedStore: it was altered.
        """

    def begin(self) -> int:
        """Make it, where nothing was counted so far, and return its first number.

        Raises:
            StoreError: it cannot be made.
        """

    def advance(self, to: int) -> None:
        """Raise the number to that; where it is there or above, do nothing.

        Raises:
            StoreError: it cannot be written.
        """

    def close(self) -> None:
        """Close what it has open, which a later call opens anew; the store that it is given to does so."""


class FileCounter:
    """A number in a small file, best on another medium: authenticated by the store's secret, not hidden.

    An older copy of this file, put back together with one of the store, is not told.
    """

    def __init__(self, path: str | Path) -> None:
        """Take the file; it is made when counting begins."""
        self._path = Path(path)
        self._secrets: tuple[bytes, ...] = ()

    def bind(self, secret: bytes, store: str) -> None:
        """Take what authenticates the number."""
        del store
        self._secrets = with_secret(self._secrets, secret)

    def read(self) -> int:
        """Return the number; 0: there is no file."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError(
                f"the counter {self._path} cannot be read", received=error.strerror or ""
            ) from error
        return opened(content, self._secrets, str(self._path))

    def begin(self) -> int:
        """Write 1."""
        self.advance(1)
        return 1

    def advance(self, to: int) -> None:
        """Write a higher number beside, and move it into place."""
        try:
            if self.read() < to:
                write_whole(self._path, sealed(to, self._secrets[0]), mode=PRIVATE)
        except OSError as error:
            raise StoreError(
                f"the counter {self._path} cannot be written", received=error.strerror or ""
            ) from error

    def close(self) -> None:
        """Do nothing: no file stays open."""


def with_secret(before: tuple[bytes, ...], secret: bytes) -> tuple[bytes, ...]:
    """Return the secrets under which a number may stand, the newest first."""
    return (secret, *(each for each in before[:1] if each != secret))


def sealed(number: int, secret: bytes) -> bytes:
    """Return a number that only who has the secret could write."""
    content = _MAGIC + _NUMBER.pack(number)
    return content + hmac.digest(secret, content, "sha256")


def opened(content: bytes, secrets: tuple[bytes, ...], where: str) -> int:
    """Return the number that `sealed` wrote with one of the secrets.

    Raises:
        DamagedStore: altered, or of another store.
    """
    inner, mac = content[:-_MAC_BYTES], content[-_MAC_BYTES:]
    whole = len(inner) == len(_MAGIC) + _NUMBER.size and inner.startswith(_MAGIC)
    if not whole or not is_of(inner, mac, secrets):
        raise DamagedStore(
            f"the counter {where} does not open",
            expected="the number that this store wrote there",
            hint="It was altered, or is another store's",
        )
    (number,) = _NUMBER.unpack(inner[len(_MAGIC) :])
    return int(number)


def is_of(content: bytes, mac: bytes, secrets: tuple[bytes, ...]) -> bool:
    """Say whether who has one of the secrets wrote that."""
    return any(hmac.compare_digest(mac, hmac.digest(each, content, "sha256")) for each in secrets)


def find_counter(source: str | None, store: str) -> Counter | None:
    """Return the counter that an option names.

    Args:
        source: "file:PATH", "tpm" or "tpm:INDEX", "fleet" (the server of `store`) or an address of one; None:
            none.
        store: the path of the store, or the address of its server.

    Raises:
        ConfigError: none of these.
        MissingExtra: what it needs is not installed.
    """
    if source is None:
        return None
    if source.startswith(FILE) and len(source) > len(FILE):
        return FileCounter(source.removeprefix(FILE))
    if source == TPM or source.startswith(f"{TPM}:"):
        from sigverify.store.tpm_counter import TpmCounter, parse_index

        return TpmCounter(parse_index(source.removeprefix(TPM).removeprefix(":")))
    address = store if source == FLEET else source
    if address.startswith(("postgresql://", "postgres://")):
        from sigverify.store.postgres_counter import PostgresCounter

        return PostgresCounter(address)
    raise ConfigError(
        "no counter",
        expected="file:PATH, tpm, tpm:INDEX, postgresql://… or, for a fleet's store, fleet",
        received=source,
    )
