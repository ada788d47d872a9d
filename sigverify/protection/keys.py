"""`Key`: the one secret that a store is sealed with, and the places it may come from.

Never beside the data: whoever takes the file must not get the key with it. From the best place to the least:
a callback into a TPM or secure element, a file descriptor that the service manager passes, a file on another
medium, the environment. Without any of them `Key.default` keeps one in the user's state directory, which
protects a copied store file and a discarded backup, not a copied disk.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, Self

from sigverify.errors import KeyUnavailable
from sigverify.protection.open_folder import open_folder
from sigverify.whole_file import write_new

KEY_BYTES: Final = 32
ENVIRONMENT: Final = "SIGVERIFY_KEY"
"""The variable that `Key.from_environment` reads, unless told otherwise."""

_FORMS: Final = "32 raw bytes, or their 64 hex digits or 44 base64 characters"
_MOST: Final = 4096
"""Bytes read at most: a key is short, and a device file never ends."""
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{43}=?")


class Key:
    """32 secret bytes. Neither `repr` nor pickling nor an error message gives them away.

    Python cannot wipe memory: the bytes stay in the process until it ends.

    >>> Key(bytes(range(32)))
    <Key>
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take the bytes themselves.

        Raises:
            KeyUnavailable: not 32 bytes, or one byte 32 times (an unwritten flash page is no key).
        """
        if len(secret) != KEY_BYTES:
            raise KeyUnavailable(
                "this is no key", expected=f"{KEY_BYTES} bytes", received=f"{len(secret)} bytes"
            )
        if len(set(secret)) == 1:
            raise KeyUnavailable("this is no key", expected="random bytes", received="one byte 32 times")
        self._secret = bytes(secret)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's random numbers."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read 32 raw bytes, or 64 hex digits or 44 base64 characters with white space around them.

        Raises:
            KeyUnavailable: none of these.
        """
        text = content.strip()
        if len(content) == KEY_BYTES:
            return cls(content)
        if _HEX.fullmatch(text):
            return cls(bytes.fromhex(text.decode()))
        if _BASE64.fullmatch(text):
            with contextlib.suppress(binascii.Error):
                return cls(base64.b64decode(text[:43].translate(_URL_SAFE) + b"=", validate=True))
        raise KeyUnavailable("this is no key", expected=_FORMS, received=f"{len(content)} bytes")

    @classmethod
    def from_source(cls, source: str) -> Self:
        """Read a key from where a command line or a configuration says: "env:NAME", "fd:3", or a file.

        Raises:
            KeyUnavailable: there is none.
        """
        return cls.parse(read_secret(source, most=_MOST))

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a key file that nobody but its owner may read, in folders that nobody else may change.

        Raises:
            KeyUnavailable: no such file, not of mode 0600, of somebody else, in a folder that anybody may
                write to (see `open_folder`), or no key in it.
        """
        return cls.parse(_read_file(path, _MOST))

    @classmethod
    def from_environment(cls, name: str = ENVIRONMENT) -> Self:
        """Read hex or base64 from an environment variable; every child process inherits it.

        Raises:
            KeyUnavailable: it is not set, or holds no key.
        """
        return cls.parse(_read_environment(name))

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Self:
        """Read an open file descriptor to its end; it stays open.

        Raises:
            KeyUnavailable: it cannot be read, or holds no key.
        """
        return cls.parse(_read_descriptor(descriptor, _MOST))

    @classmethod
    def from_callback(cls, callback: Callable[[], bytes]) -> Self:
        """Ask a function once: one that unseals by a TPM, a secure element or a key service.

        Raises:
            KeyUnavailable: what it returns is no key. What it raises passes through.
        """
        content = callback()
        if not isinstance(content, bytes | bytearray | memoryview):
            raise KeyUnavailable(
                "the callback returned no key", expected="bytes", received=type(content).__name__
            )
        return cls.parse(bytes(content))

    @classmethod
    def default(cls, *, create: bool = True) -> Self:
        """Read this user's own key, made on first use where `default_path` says.

        Raises:
            KeyUnavailable: it cannot be made or read, or is not there and `create` is False.
        """
        path = default_path()
        if not path.exists():
            if not create:
                raise KeyUnavailable(
                    f"no key at {path}",
                    expected="the key that the store was made with",
                    hint="Name it (--key), or put it back where it was",
                )
            with contextlib.suppress(FileExistsError):  # another process was first: take its key
                cls.generate().to_file(path)
        return cls.from_file(path)

    def to_file(self, path: str | Path) -> None:
        """Write as 64 hex digits with mode 0600, whole or not at all; a file that is there stays.

        Raises:
            FileExistsError: there is a file already: overwriting a key loses what it sealed.
            KeyUnavailable: it cannot be written, or anybody could put another one in its place.
        """
        target = Path(path)
        refuse_open_folder(path)
        try:
            _make_folder(target.parent)
            write_new(target, self.to_hex().encode() + b"\n")
        except FileExistsError:
            raise
        except OSError as error:
            raise KeyUnavailable(
                f"cannot write the key file {path}", received=error.strerror or ""
            ) from error

    def to_hex(self) -> str:
        """Return 64 hex digits: for the file or the device that keeps it, never for a screen or a log."""
        return self._secret.hex()

    def derive(self, purpose: bytes, salt: bytes) -> bytes:
        """Derive 32 bytes that tell nothing about the key or about those of another purpose or salt.

        Source: HKDF-SHA256; H. Krawczyk, P. Eronen, RFC 5869, 2010, sections 2.2 and 2.3 for one block.
        """
        return hkdf(self._secret, salt, purpose)

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA-256 of a message under this key, 32 bytes: who has the key too can check it."""
        return hmac.digest(self._secret, message, "sha256")

    def is_mac(self, received: bytes, message: bytes) -> bool:
        """Whether that is `mac` of the message; takes as long for a wrong one as for the right one."""
        return hmac.compare_digest(self.mac(message), received)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        return isinstance(other, Key) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        """Hash without a trace of the bytes."""
        return hash(hashlib.sha256(b"sigverify key" + self._secret).digest())

    def __repr__(self) -> str:
        """Show nothing."""
        return "<Key>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into a file by accident."""
        raise TypeError("a Key cannot be pickled: pass where it comes from")


def default_path() -> Path:
    """Return where the user's own key lies: `$XDG_STATE_HOME` or ~/.local/state, in sigverify/store.key.

    Raises:
        KeyUnavailable: the user has no home, or one that depends on where the command is run.
    """
    folder, home = os.environ.get("XDG_STATE_HOME", ""), os.environ.get("HOME", "/")
    try:
        base = Path(folder) if Path(folder).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise KeyUnavailable("this user has no home for a key", hint="Name a key (--key)") from error
    # An empty one reads as the root.
    if not (base.is_absolute() and (Path(home).is_absolute() or Path(folder).is_absolute())):
        raise KeyUnavailable(
            "this user's home is no absolute path: the key would lie wherever a command is run",
            expected="HOME as a path from the root",
            received=repr(home)[:200],
            hint="Set HOME or XDG_STATE_HOME, or name a key (--key)",
        )
    return base / "sigverify" / "store.key"


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive one block of 32 bytes by HKDF-SHA256. Source: RFC 5869, 2010."""
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def read_secret(source: str, *, most: int) -> bytes:
    """Read up to `most` bytes from where a secret is said to be: "env:NAME", "fd:3", or a file.

    Raises:
        KeyUnavailable: there is none, or others may read or replace it; see `Key.from_file`.
    """
    kind, _, name = source.partition(":")
    if kind == "env" and name:
        return _read_environment(name)
    if kind == "fd" and name.isdecimal():
        return _read_descriptor(int(name), most)
    return _read_file(source, most)


def _read_file(path: str | Path, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            _refuse_shared(os.fstat(file.fileno()), path)
            return file.read(most)
    except OSError as error:
        raise KeyUnavailable(f"cannot read the key file {path}", received=error.strerror or "") from error


def _read_environment(name: str) -> bytes:
    value = os.environ.get(name)
    if not value:
        raise KeyUnavailable(f"no key in the environment variable {name}", expected=_FORMS)
    return os.fsencode(value)


def _read_descriptor(descriptor: int, most: int) -> bytes:
    content = b""
    try:
        while piece := os.read(descriptor, _MOST):
            content += piece
            if len(content) > most:
                break
    except OSError as error:
        raise KeyUnavailable(
            f"cannot read a key from file descriptor {descriptor}", received=error.strerror or ""
        ) from error
    return content


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def _refuse_shared(status: os.stat_result, path: str | Path) -> None:
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        raise KeyUnavailable(
            f"others may read the key file {path}",
            expected="mode 0600",
            received=f"mode {stat.S_IMODE(status.st_mode):04o}",
            hint="chmod 600 it, and consider the key known",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise KeyUnavailable(f"the key file {path} is another user's", received=f"owner {status.st_uid}")
    if stat.S_ISREG(status.st_mode):
        refuse_open_folder(path)


def refuse_open_folder(path: str | Path) -> None:
    """Refuse a place for a key where anybody could put another one.

    Raises:
        KeyUnavailable: it is one, see `open_folder`.
    """
    if (folder := open_folder(path)) is not None:
        raise KeyUnavailable(
            f"others could put another file in place of the key {path}",
            expected=f"a folder that only its owner may write to: {folder}",
            received=f"mode {stat.S_IMODE(folder.stat().st_mode):04o}",
            hint="chmod go-w it, or keep the key elsewhere",
        )


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(f"{path} is no folder") from error
