"""Signed models: `ModelSigner` signs a model file, `Trust` says which signed models a device runs.

A signature stands in a file of its own beside the model, NAME.sigmodel.sig. Little endian, one layout::

    0        8 bytes   magic "SIGMSIGN"
    8        u16       version of this layout, 1
    10       u16       n: length of the name
    12       u32       version of the model, which its maker raises with every release
    16       32 bytes  SHA-256 of the model file
    48       32 bytes  Ed25519 public key that signed
    80       n bytes   name of the model, UTF-8
    80+n     64 bytes  Ed25519 signature of "sigverify model statement 1", a zero byte, and all before it

The sentence before the bytes keeps a signature made here from meaning anything in another protocol that uses
the same key. Keys are PEM files as OpenSSL writes them (`openssl genpkey -algorithm ed25519`).

Source: Bernstein et al., "High-speed high-security signatures", 2012; RFC 8032 (Ed25519).
"""

import hashlib
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from sigverify.errors import ConfigError, MissingExtra, ModelError, UntrustedModel
from sigverify.model_file import Model
from sigverify.protection.open_folder import open_folder
from sigverify.whole_file import write_new, write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MAGIC: Final = b"SIGMSIGN"
LAYOUT: Final = 1
SUFFIX: Final = ".sig"
"""Follows the whole name of the model file: base.sigmodel, base.sigmodel.sig."""
MAX_NAME_BYTES: Final = 1024
MAX_VERSION: Final = 2**32 - 1
PUBLIC_KEY_BYTES: Final = 32

_HEAD: Final = struct.Struct("<8sHHI32s32s")
_SIGNATURE_BYTES: Final = 64
_MAX_BYTES: Final = _HEAD.size + MAX_NAME_BYTES + _SIGNATURE_BYTES
_MAX_PEM_BYTES: Final = 16 << 10
_STATEMENT: Final = b"sigverify model statement 1\0"


class SigningKey(Protocol):
    """What signs: a key in memory (`ModelSigner`), or a wrapper around a hardware module of one's own."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of its Ed25519 public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""


@dataclass(frozen=True, kw_only=True)
class ModelSignature:
    """What somebody with a key says of a model file. Nothing in it is to be believed before `Trust.check`.

    Attributes:
        name: of the model, as in its manifest.
        version: from 1; the maker raises it with every release.
        sha256: of the whole model file.
        public_key: 32 bytes, whose word this is.
        signature: 64 bytes.
    """

    name: str
    version: int
    sha256: bytes
    public_key: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        return self._signed_part() + self.signature

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote, and nothing else.

        Raises:
            UntrustedModel: no signature file, of another version, truncated or with trailing data.
        """
        if not _HEAD.size + _SIGNATURE_BYTES < len(data) <= _MAX_BYTES or data[: len(MAGIC)] != MAGIC:
            raise UntrustedModel("this is no signature of a model", expected=f"{MAGIC!r} and a statement")
        _, layout, length, version, sha256, public_key = _HEAD.unpack_from(data)
        if layout != LAYOUT:
            raise UntrustedModel(
                "a model signature of another layout", expected=str(LAYOUT), received=str(layout)
            )
        end = _HEAD.size + length
        if length == 0 or version == 0 or len(data) != end + _SIGNATURE_BYTES:
            raise UntrustedModel("the model's signature is truncated or malformed", hint="Copy it again")
        try:
            name = data[_HEAD.size : end].decode()
        except UnicodeDecodeError as error:
            raise UntrustedModel("the name in the model's signature is not text") from error
        return cls(
            name=name, version=version, sha256=sha256, public_key=public_key, signature=bytes(data[end:])
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a signature file.

        Raises:
            UntrustedModel: there is none, or it is malformed.
        """
        try:
            with Path(path).open("rb") as file:
                return cls.from_bytes(file.read(_MAX_BYTES + 1))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise UntrustedModel(
                "the model has no signature that can be read",
                expected=f"a file {os.fspath(path)!r}",
                received=str(error),
                hint="Sign it (sigverify model sign), or open it without demanding trust",
            ) from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write atomically: `path` holds the old content or the new, never a part.

        Raises:
            ModelError: the file cannot be written.
        """
        try:
            write_whole(Path(path), self.to_bytes())
        except OSError as error:
            raise ModelError("the signature cannot be written", received=f"{path}: {error}") from error

    def statement(self) -> bytes:
        """Return the bytes that were signed."""
        return _STATEMENT + self._signed_part()

    def _signed_part(self) -> bytes:
        name = self.name.encode()
        return _HEAD.pack(MAGIC, LAYOUT, len(name), self.version, self.sha256, self.public_key) + name


class ModelSigner:
    """An Ed25519 private key in memory. Its `repr` shows the public half only."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        """Take the key; `read` and `generate` make one."""
        self._private = private
        self.public_key: bytes = private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        """Show the public half."""
        return f"<ModelSigner {self.public_key.hex()}>"

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(_ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, passphrase: str | None = None) -> Self:
        """Read a private key from a PEM file.

        Raises:
            ConfigError: no such file, no Ed25519 key, the wrong passphrase, or one that others may read.
        """
        ed25519, serialization = _ed25519(), _serialization()
        content = _read_pem(path, private=True)
        secret = None if passphrase is None else passphrase.encode()
        try:
            key = serialization.load_pem_private_key(content, secret)
        except _unreadable() as error:
            raise ConfigError(
                f"cannot read a private key from {os.fspath(path)!r}", received=str(error).split(".")[0]
            ) from error
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise ConfigError("a key of another kind", expected="Ed25519", received=type(key).__name__)
        return cls(key)

    def write(self, path: str | os.PathLike[str], *, passphrase: str | None = None) -> None:
        """Write as PEM with mode 0600, under a passphrase where one is given; never over a file there is.

        Raises:
            ConfigError: the file is there already or cannot be written.
        """
        form = _serialization()
        lock: Any = (
            form.NoEncryption() if passphrase is None else form.BestAvailableEncryption(passphrase.encode())
        )
        pem = self._private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
        _write_key(path, pem, mode=0o600)

    def write_public(self, path: str | os.PathLike[str]) -> None:
        """Write the public half as PEM, for the devices; never over a file there is.

        Raises:
            ConfigError: the file is there already or cannot be written.
        """
        form = _serialization()
        pem = self._private.public_key().public_bytes(
            form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
        )
        _write_key(path, pem, mode=0o644)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        return self._private.sign(message)


def sign(model: Model, key: SigningKey, *, version: int) -> ModelSignature:
    """Sign a model as its release number `version`.

    Raises:
        ConfigError: `version` out of range, or a name too long.
    """
    if not 1 <= version <= MAX_VERSION:
        raise ConfigError("model version out of range", expected=f"1 to {MAX_VERSION}", received=str(version))
    if len(model.manifest.name.encode()) > MAX_NAME_BYTES:
        raise ConfigError("the model's name is too long to sign", expected=f"{MAX_NAME_BYTES} bytes")
    unsigned = ModelSignature(
        name=model.manifest.name,
        version=version,
        sha256=hashlib.sha256(model.to_bytes()).digest(),
        public_key=key.public_key,
        signature=b"",
    )
    return replace(unsigned, signature=key.sign(unsigned.statement()))


def read_public_key(path: str | os.PathLike[str]) -> bytes:
    """Read the 32 bytes of an Ed25519 public key from a PEM file.

    Raises:
        ConfigError: no such file, or no such key.
    """
    ed25519, serialization = _ed25519(), _serialization()
    try:
        key = serialization.load_pem_public_key(_read_pem(path))
    except _unreadable() as error:
        raise ConfigError(
            f"cannot read a public key from {os.fspath(path)!r}", received=str(error).split(".")[0]
        ) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise ConfigError("a key of another kind", expected="Ed25519", received=type(key).__name__)
    raw: bytes = key.public_bytes_raw()
    return raw


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Which signed models a device runs.

    Attributes:
        public_keys: 32 bytes each; a signature by any of them counts, so that keys can be replaced.
        minimum_version: nothing older is run. A store remembers the highest version it has seen, too.
        name: the only model that may be run; None for any that is signed.

    Raises:
        ConfigError: no key, or one that is none.
    """

    public_keys: tuple[bytes, ...]
    minimum_version: int = 1
    name: str | None = None

    def __post_init__(self) -> None:
        """Check the keys and the version."""
        object.__setattr__(self, "public_keys", tuple(self.public_keys))
        if not self.public_keys or any(not _is_public_key(key) for key in self.public_keys):
            raise ConfigError("trust in no key", expected=f"public keys of {PUBLIC_KEY_BYTES} bytes")
        if not 1 <= self.minimum_version <= MAX_VERSION:
            raise ConfigError(
                "minimum_version out of range",
                expected=f"1 to {MAX_VERSION}",
                received=str(self.minimum_version),
            )

    @classmethod
    def from_files(
        cls, paths: Iterable[str | os.PathLike[str]], *, minimum_version: int = 1, name: str | None = None
    ) -> Self:
        """Read the public keys from PEM files.

        Raises:
            ConfigError: none given, or one that cannot be read.
        """
        keys = tuple(read_public_key(path) for path in paths)
        return cls(public_keys=keys, minimum_version=minimum_version, name=name)

    def check(self, model: Model, signature: ModelSignature, *, seen: int = 0) -> None:
        """Return where `signature` is of this very model, by a trusted key, and no older than `seen`.

        Raises:
            UntrustedModel: it is not; says why.
        """
        if signature.public_key not in self.public_keys:
            raise UntrustedModel(
                "the model is signed by an unknown key",
                expected=" or ".join(key.hex() for key in self.public_keys),
                received=signature.public_key.hex(),
            )
        if not _verifies(signature):
            raise UntrustedModel("the signature of the model is wrong", hint="It was altered: copy it again")
        if signature.sha256 != hashlib.sha256(model.to_bytes()).digest():
            raise UntrustedModel("the signature is of another model file", expected=signature.sha256.hex())
        self._check_release(signature, model.manifest.name, seen)

    def _check_release(self, signature: ModelSignature, name: str, seen: int) -> None:
        if signature.name != name or self.name not in (None, name):
            raise UntrustedModel(
                "a model of another name", expected=self.name or signature.name, received=name
            )
        oldest = max(self.minimum_version, seen)
        if signature.version < oldest:
            raise UntrustedModel(
                "an older release of the model than this device accepts",
                expected=f"version {oldest} or newer",
                received=f"version {signature.version}",
            )


def signature_path(model: str | os.PathLike[str]) -> Path:
    """Return where the signature of a model file is looked for.

    >>> signature_path("kiosk/base.sigmodel").name
    'base.sigmodel.sig'
    """
    path = Path(model)
    return path.with_name(path.name + SUFFIX)


def _is_public_key(key: object) -> bool:
    return isinstance(key, bytes) and len(key) == PUBLIC_KEY_BYTES


def _verifies(signature: ModelSignature) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key = _ed25519().Ed25519PublicKey.from_public_bytes(signature.public_key)
        key.verify(signature.signature, signature.statement())
    except (InvalidSignature, ValueError):  # ValueError: 32 bytes that are no point of the curve
        return False
    return True


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingExtra("signed models need cryptography", hint="pip install cryptography") from error
    return ed25519


def _serialization() -> Any:
    from cryptography.hazmat.primitives import serialization

    return serialization


def _unreadable() -> tuple[type[Exception], ...]:
    """Name what cryptography raises for a PEM file that it cannot read."""
    from cryptography.exceptions import UnsupportedAlgorithm

    return (ValueError, TypeError, UnsupportedAlgorithm)


def _read_pem(path: str | os.PathLike[str], *, private: bool = False) -> bytes:
    try:
        with Path(path).open("rb") as file:
            if private and os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(
                    f"others may read the private key {os.fspath(path)!r}",
                    expected="mode 0600",
                    hint="chmod 600 it",
                )
            _refuse_open_folder(path)
            return file.read(_MAX_PEM_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the key {os.fspath(path)!r}", received=str(error)) from error


def _refuse_open_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a key, also a public one: whoever puts another in its place decides which models run."""
    if (folder := open_folder(path)) is not None:
        raise ConfigError(
            f"others could put another file in place of the key {os.fspath(path)!r}",
            expected=f"a folder that only its owner may write to: {folder}",
            hint="chmod go-w it, or keep the key elsewhere",
        )


def _write_key(path: str | os.PathLike[str], pem: bytes, *, mode: int) -> None:
    try:
        _refuse_open_folder(path)
        write_new(Path(path), pem, mode=mode)
    except FileExistsError as error:
        raise ConfigError(f"{os.fspath(path)!r} is there already", hint="Name another file") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write the key {os.fspath(path)!r}", received=str(error)) from error
