"""`Stations`: templates that enrolment stations signed, and whose signature counts on this device.

Whoever has the store's key can seal a template as anybody's. Where only stations may enroll, each has an
Ed25519 key of its own, and all other devices know the public halves: a template that no station signed is not
compared with. A signature stands behind the template within its row, 81 bytes, little endian::

    0    u8        version of this layout, 1
    1    8 bytes   key id: the first of the SHA-256 of the public key
    9    u64       when it was signed, ms since 1970, by the station's clock
    17   64 bytes  Ed25519 signature of "sigverify template statement 1", a zero byte, the 17 bytes before,
                   and the template as `Template.to_bytes` packs it, its user id composed

The template's bytes hold the user id, modality, model id, every reference, and when it was enrolled. They are
turned by the renewal of their store: a rekey turns them anew, and has to sign them anew. What a signature
does not show is that a template is the person's newest.

Who is trusted stands in a text file, a line each: 64 hex digits of the public key, then a name. "revoked"
before them revokes a key: nothing that it signed counts any more.

Source: RFC 8032 (Ed25519).
"""

import hashlib
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, cast

from sigverify.errors import ConfigError, MissingExtra, UntrustedTemplate, one_line
from sigverify.protection.open_folder import open_folder
from sigverify.protection.signing import PUBLIC_KEY_BYTES, SigningKey
from sigverify.template import Template, spellings

VERSION: Final = 1
MAX_FILE_BYTES: Final = 1 << 20

_HEAD: Final = struct.Struct("<B8sQ")
_SIGNATURE: Final = 64
_STATEMENT: Final = b"sigverify template statement 1\0"
_LINE: Final = re.compile(r"(?:(revoked)\s+)?([0-9a-f]{64})\s+(\S.*)")


class Unsigned(StrEnum):
    """Why a template is not believed to come from a station; `words.sentence` says it."""

    NO_SIGNATURE = "no_signature"
    UNKNOWN_STATION = "unknown_station"
    STATION_REVOKED = "station_revoked"
    OTHER_TEMPLATE = "other_template"
    """The signature is not of this template: of another person's, an altered one, or another store's."""


@dataclass(frozen=True, kw_only=True)
class Station:
    """One station that enrolls.

    Attributes:
        public_key: 32 bytes.
        name: for people.
        revoked: whether nothing counts any more that it signed.

    Raises:
        ConfigError: no key.
    """

    public_key: bytes
    name: str
    revoked: bool = False

    def __post_init__(self) -> None:
        """Check the key."""
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise ConfigError("no public key of a station", expected=f"{PUBLIC_KEY_BYTES} bytes")
        try:
            _public(self.public_key)
        except ValueError as error:
            raise ConfigError("no public key of a station", expected="an Ed25519 key") from error

    @property
    def key_id(self) -> bytes:
        """What its signatures name it by: 8 bytes."""
        return _key_id(self.public_key)

    def __str__(self) -> str:
        """Write its line of the file."""
        return f"{'revoked ' if self.revoked else ''}{self.public_key.hex()} {self.name}"


class Stations:
    """Whose templates are used here, and the key of this device, where it is a station itself."""

    def __init__(
        self,
        stations: Iterable[Station] = (),
        *,
        key: SigningKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Trust these stations; `key` is of this one. Without any other its own key is the one trusted.

        Raises:
            ConfigError: nobody is trusted, one key comes twice, or this device's own is none of them.
        """
        stations = tuple(stations)
        if key is not None and not stations:
            stations = (Station(public_key=key.public_key, name="this device"),)
        self._stations = {each.key_id: each for each in stations}
        if not stations or len(self._stations) < len(stations):
            raise ConfigError("no list of stations", expected="at least one, each key once")
        if key is not None and not self._trusts(key.public_key):
            raise ConfigError(
                "this device's own key is not among the stations, or revoked",
                expected="a line of the public key that `sigverify station new-key` printed",
            )
        self._key = key
        self._clock = clock

    def __repr__(self) -> str:
        """Say how many, and whether this is one."""
        signs = "" if self._key is None else ", and signs"
        return f"<Stations: {len(self._stations)}{signs}>"

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, key: SigningKey | None = None) -> Self:
        """Read the list of those trusted.

        Raises:
            ConfigError: no such file, one that others may write, or a line that names nobody.
        """
        return cls(_read(path), key=key)

    @property
    def signs(self) -> bool:
        """Whether this device is a station."""
        return self._key is not None

    def require_key(self) -> None:
        """Refuse what only a station does.

        Raises:
            UntrustedTemplate: this device is none.
        """
        if not self.signs:
            raise UntrustedTemplate(
                "this device enrolls nobody: it has no station's key",
                hint="Enroll at an enrollment station, or name its key (--station-key)",
                reason=Unsigned.NO_SIGNATURE,
            )

    def sign(self, template: Template) -> Template:
        """Return the template with this station's signature.

        Raises:
            UntrustedTemplate: this device is no station.
        """
        self.require_key()
        key = cast("SigningKey", self._key)
        head = _HEAD.pack(VERSION, _key_id(key.public_key), round(self._clock() * 1000))
        return replace(template, signature=head + key.sign(_statement(head, template)))

    def check(self, template: Template) -> Station:
        """Return the station that signed a template.

        Raises:
            UntrustedTemplate: none did that is trusted, or it is not this template that was signed.
        """
        signature = template.signature
        if len(signature) != _HEAD.size + _SIGNATURE or signature[0] != VERSION:
            raise _refused("no enrollment station signed this template", Unsigned.NO_SIGNATURE)
        head = signature[: _HEAD.size]
        station = self._stations.get(_HEAD.unpack(head)[1])
        if station is None:
            raise _refused("an enrollment station that is not known signed this", Unsigned.UNKNOWN_STATION)
        if station.revoked:
            raise _refused("the station that signed this was revoked", Unsigned.STATION_REVOKED)
        from cryptography.exceptions import InvalidSignature

        try:
            _public(station.public_key).verify(signature[_HEAD.size :], _statement(head, template))
        except InvalidSignature:
            raise _refused(
                "the station's signature is not of this template", Unsigned.OTHER_TEMPLATE
            ) from None
        return station

    def trusts(self, template: Template) -> bool:
        """Whether a station that is trusted signed this template."""
        try:
            self.check(template)
        except UntrustedTemplate:
            return False
        return True

    def _trusts(self, public_key: bytes) -> bool:
        found = self._stations.get(_key_id(public_key))
        return found is not None and found.public_key == public_key and not found.revoked


def _key_id(public_key: bytes) -> bytes:
    return hashlib.sha256(public_key).digest()[:8]


def _refused(what: str, reason: Unsigned) -> UntrustedTemplate:
    return UntrustedTemplate(
        what, hint="Enroll the person at a station, or have one sign (sigverify station sign)", reason=reason
    )


def _statement(head: bytes, template: Template) -> bytes:
    composed = replace(template, user_id=spellings(template.user_id)[0])
    return _STATEMENT + head + composed.to_bytes()


def _read(path: str | os.PathLike[str]) -> list[Station]:
    try:
        with Path(path).open("rb") as file:
            if (
                os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
                or open_folder(path) is not None
            ):
                raise ConfigError(
                    f"others may write {os.fspath(path)!r}, which says whose templates are used",
                    expected="a file and folders that only their owners may write to",
                )
            text = file.read(MAX_FILE_BYTES + 1).decode()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the list of stations {os.fspath(path)!r}", received=one_line(error)
        ) from error
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError("a list of stations that is too long", expected=f"at most {MAX_FILE_BYTES} bytes")
    stations = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ConfigError(
                f"line {number} of {os.fspath(path)!r} names no station",
                expected="64 hex digits and a name, after `revoked` or without",
            )
        revoked, public_key, name = found.groups()
        stations.append(Station(public_key=bytes.fromhex(public_key), name=name, revoked=revoked is not None))
    return stations


def _public(raw: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingExtra("signed templates need cryptography", hint="pip install cryptography") from error
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)
