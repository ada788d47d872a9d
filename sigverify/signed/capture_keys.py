"""`CaptureKeys`: the keys of all pens whose captures a verifier takes, and which were taken from them.

A file of them is text: a pen's name and 64 hex digits, or a pen's name and the word `revoked`, a line each;
what follows a `#` is a comment. It is kept as a key is: mode 0600, in a folder that nobody else may change.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from sigverify.errors import InvalidSignature, KeyUnavailable
from sigverify.protection.keys import Key, read_secret, refuse_open_folder
from sigverify.protection.private_file import write_private
from sigverify.signed.signed_capture import check_device

MAX_BYTES: Final = 2**20
"""Of a file: some ten thousand pens."""
REVOKED: Final = "revoked"

_ID_TEXT: Final = b"sigverify capture key"
_ID_DIGITS: Final = 16


class CaptureKeys:
    """One key a pen. Whoever is given this takes captures that are signed by one of them, and no others."""

    def __init__(self, keys: Mapping[str, Key | None]) -> None:
        """Take the key of each pen, by its name; None: it was revoked.

        Raises:
            KeyUnavailable: no pen, a name that is none, or one key for two pens.
        """
        for device in keys:
            try:
                check_device(device)
            except InvalidSignature as error:
                raise KeyUnavailable(str(error)) from error
        good = [key for key in keys.values() if key is not None]
        if not keys or len(set(good)) != len(good):
            raise KeyUnavailable(
                "keys of pens",
                expected="at least one pen, and a key of its own for each",
                hint="Make one with `sigverify pens add`",
            )
        self._keys = dict(keys)

    def __repr__(self) -> str:
        """Show how many, and nothing of them."""
        return f"<CaptureKeys of {len(self._keys)} pens>"

    def __contains__(self, device: object) -> bool:
        """Whether that pen is known, revoked or not."""
        return device in self._keys

    def __getitem__(self, device: str) -> Key | None:
        """Return a pen's key; None: it was revoked."""
        return self._keys[device]

    @property
    def devices(self) -> Mapping[str, bool]:
        """Whether each pen's key is good, by its name; False: it was revoked."""
        return MappingProxyType({device: key is not None for device, key in self._keys.items()})

    @classmethod
    def from_source(cls, source: str | os.PathLike[str]) -> Self:
        """Read them from a file, or from "env:NAME" or "fd:3".

        Raises:
            KeyUnavailable: there are none, others may read them, or a line that is none.
        """
        return cls.parse(read_secret(os.fspath(source), most=MAX_BYTES + 1))

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read the text of a file.

        Raises:
            KeyUnavailable: a line that is none, a pen twice, or too much of it.
        """
        if len(content) > MAX_BYTES:
            raise KeyUnavailable("too many keys of pens", expected=f"at most {MAX_BYTES} bytes")
        keys: dict[str, Key | None] = {}
        for number, line in enumerate(content.split(b"\n"), start=1):
            words = line.partition(b"#")[0].split()
            if not words:
                continue
            # Nothing of a line may be quoted: it may be a key in the wrong place.
            if len(words) != 2 or words[0].decode("latin-1") in keys:
                raise KeyUnavailable(
                    f"line {number} of the pens' keys",
                    expected=f"a pen's name and 64 hex digits, or the word {REVOKED}; each pen once",
                )
            is_revoked = words[1] == REVOKED.encode()
            keys[words[0].decode("latin-1")] = None if is_revoked else _key(words[1], number)
        return cls(keys)

    def with_key(self, device: str, key: Key) -> "CaptureKeys":
        """Return these and another pen's, or another key of that pen, whose counter begins anew then.

        Raises:
            KeyUnavailable: no name of a pen, or a key that another one has.
        """
        return CaptureKeys({**self._keys, device: key})

    def revoking(self, device: str) -> "CaptureKeys":
        """Return these without that pen's key; its name stays, so that a refusal can say why.

        Raises:
            KeyUnavailable: no pen of that name.
        """
        if device not in self._keys:
            raise KeyUnavailable("no pen of that name", received=repr(device)[:60])
        return CaptureKeys({**self._keys, device: None})

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write them, of mode 0600, in place of what was there.

        Raises:
            KeyUnavailable: anybody could put another file in its place.
            StoreError: it cannot be written; what was there stays.
        """
        refuse_open_folder(Path(path))
        lines = [
            f"{device} {REVOKED if key is None else key.to_hex()}\n" for device, key in self._keys.items()
        ]
        write_private(Path(path), "".join(lines).encode())


def key_id(key: Key) -> str:
    """Return what names a key and tells nothing of it: counters are kept by it."""
    return key.mac(_ID_TEXT).hex()[:_ID_DIGITS]


def _key(word: bytes, number: int) -> Key:
    try:
        return Key(bytes.fromhex(word.decode("ascii")))
    except (ValueError, KeyUnavailable):
        raise KeyUnavailable(
            f"line {number} of the pens' keys", expected=f"64 hex digits, or the word {REVOKED}"
        ) from None
