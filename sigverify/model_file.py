"""`Model`: one file on disk = network + manifest.

Layout, little endian, the same on every device (a C reader needs nothing but these offsets)::

    0        8 bytes   magic "SIGMODEL"
    8        u32       file version
    12       u32       m: length of the manifest in bytes
    16       u64       n: length of the network in bytes
    24       m bytes   manifest, UTF-8 JSON, keys sorted, no white space, no NaN
    24+m     0..15     zero bytes up to the next multiple of 16
    p        n bytes   network, a TFLite flatbuffer (p is a multiple of 16: it can be mapped and run in place)
    p+n      32 bytes  SHA-256 of all bytes before it

There is exactly one way to write a given model, so `Model.id` names its content. The hash guards
against accidents and careless edits; who may install a model is for the device's own update path to decide.
"""

import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from sigverify.errors import IncompatibleModel, MalformedModel, ModelError
from sigverify.modality.pen.features import CHANNELS, FEATURES_VERSION, FRAMES

MAGIC: Final = b"SIGMODEL"
FILE_VERSION: Final = 1
"""Version of the layout and of the manifest's fields; any change to either raises it."""
SUFFIX: Final = ".sigmodel"
MAX_MANIFEST_BYTES: Final = 1 << 20
"""A manifest is a few kB; more is refused before it is read."""
MAX_NETWORK_BYTES: Final = 64 << 20
"""A hundred times the models that ship; more is refused before it is read."""
MOST_STEPS: Final = 4096
"""Of a local sequence; matching adds up to 8191 × 129 × 254 in 32 bits."""
MOST_DEPTH: Final = 129
"""Dimensions of a local sequence: 129 × 254 fits 15 bits."""
ALIGNABLE: Final = f"an even number of at most {MOST_STEPS} steps, at most {MOST_DEPTH} dimensions"
"""What `can_be_aligned` wants, in words."""

_HEADER: Final = struct.Struct("<8sIIQ")
_ALIGNMENT: Final = 16
_HASH_BYTES: Final = 32
_ID_DIGITS: Final = 16
_SHIPPED_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")


def can_be_aligned(steps: int, depth: int) -> bool:
    """Whether `matching` can compare local sequences of that shape; see `ALIGNABLE`."""
    return steps % 2 == 0 and steps <= MOST_STEPS and depth <= MOST_DEPTH


class Precision(StrEnum):
    """Arithmetic of the network's weights and activations."""

    INT8 = "int8"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a device must know about a network before it runs it.

    Attributes:
        name: what people call the model.
        encoder: architecture, as the training registry names it.
        precision: arithmetic of the network.
        vector_size: length of the global embedding.
        sequence_shape: `(frames, dimensions)` of the local sequence, None where there is none.
        input_shape: `(frames, channels)` the network takes.
        features_version: `sigverify.modality.pen.features.FEATURES_VERSION` it was trained on.
        file_version: layout of the file.
        tensors: the network's own view of "input", "vector" and "sequence": position among the
            inputs or outputs, dtype, `real = scale * (stored - zero_point)` (scale 0 where stored as
            float). For readers without an interpreter's introspection; may be empty.
        scoring: parameters of `sigverify.matching.scoring.Scoring`; empty means its default.
        parity: how the converted network compares with the trained one.
        provenance: config, seed, data hash, versions, `trained_on`, `licence_note`, `created`.

    Mappings are kept as their JSON round trip, so that a manifest equals itself read back.

    Raises:
        MalformedModel: a field is of the wrong type or range, or no JSON can hold it.
    """

    name: str
    encoder: str
    precision: Precision
    vector_size: int
    sequence_shape: tuple[int, int] | None = None
    input_shape: tuple[int, int] = (FRAMES, CHANNELS)
    features_version: int = FEATURES_VERSION
    file_version: int = FILE_VERSION
    tensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scoring: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every field and normalize the mappings."""
        for name in ("name", "encoder"):
            _require(name, "a non-empty string", getattr(self, name), _is_text)
        for name in ("vector_size", "features_version", "file_version"):
            _require(name, "a positive whole number", getattr(self, name), _is_count)
        _require("input_shape", "two positive whole numbers", self.input_shape, _is_shape)
        if self.sequence_shape is not None:
            _require("sequence_shape", f"null, or {ALIGNABLE}", self.sequence_shape, _is_sequence_shape)
            object.__setattr__(self, "sequence_shape", tuple(self.sequence_shape))
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        _require("precision", " or ".join(Precision), self.precision, lambda value: value in list(Precision))
        object.__setattr__(self, "precision", Precision(self.precision))
        for name in ("tensors", "scoring", "parity", "provenance"):
            object.__setattr__(self, name, _plain(name, getattr(self, name)))

    def to_json(self) -> bytes:
        """Encode canonically: UTF-8, sorted keys, no white space."""
        return _to_json(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Decode what `to_json` wrote.

        Raises:
            MalformedModel: not such JSON, or a field is missing, unknown or wrong.
        """
        content = _from_json(text)
        if not isinstance(content, dict):
            raise MalformedModel("the manifest is no JSON object", received=type(content).__name__)
        known = {each.name for each in fields(cls)}
        if set(content) != known:
            raise MalformedModel(
                "the manifest has other fields",
                expected=", ".join(sorted(known)),
                received=", ".join(sorted(content))[:500],
            )
        return cls(**content)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that runs on a device, and its manifest.

    Attributes:
        manifest: what the network expects and yields, and how to read its scores.
        network: the TFLite flatbuffer.

    >>> manifest = Manifest(name="toy", encoder="tdnn", precision=Precision.INT8, vector_size=64)
    >>> model = Model(manifest=manifest, network=b"flatbuffer")
    >>> Model.from_bytes(model.to_bytes()) == model
    True
    """

    manifest: Manifest
    network: bytes

    def __post_init__(self) -> None:
        """Refuse an empty or outsized network."""
        if not 0 < len(self.network) <= MAX_NETWORK_BYTES:
            raise MalformedModel(
                "the network is empty or too large",
                expected=f"1 to {MAX_NETWORK_BYTES} bytes",
                received=f"{len(self.network)}",
            )

    def __repr__(self) -> str:
        """Describe without the weights."""
        return (
            f"<Model {self.manifest.name} {self.manifest.precision} {len(self.network)} bytes, id {self.id}>"
        )

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits that name this exact file: templates are bound to them."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:_ID_DIGITS]

    def to_bytes(self) -> bytes:
        """Encode as the file's content; the same model always gives the same bytes."""
        manifest = self.manifest.to_json()
        if len(manifest) > MAX_MANIFEST_BYTES:
            raise MalformedModel(
                "the manifest is too large",
                expected=f"at most {MAX_MANIFEST_BYTES} bytes",
                received=str(len(manifest)),
            )
        header = _HEADER.pack(MAGIC, self.manifest.file_version, len(manifest), len(self.network))
        padding = bytes(_network_offset(len(manifest)) - _HEADER.size - len(manifest))
        body = b"".join((header, manifest, padding, self.network))
        return body + hashlib.sha256(body).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode what `to_bytes` wrote, and nothing else.

        Raises:
            MalformedModel: truncated, altered, followed by other bytes, or no model file.
            IncompatibleModel: of another file or features version.
        """
        manifest_size, network_size = _read_header(data)
        start = _network_offset(manifest_size)
        end = start + network_size
        if len(data) != end + _HASH_BYTES:
            raise MalformedModel(
                "the model file is truncated" if len(data) < end + _HASH_BYTES else "bytes after the model",
                expected=f"{end + _HASH_BYTES} bytes",
                received=f"{len(data)}",
                hint="Copy the file again",
            )
        if hashlib.sha256(memoryview(data)[:end]).digest() != data[end:]:
            raise MalformedModel(
                "the model file does not match its hash", hint="It was altered or damaged: copy it again"
            )
        manifest = Manifest.from_json(data[_HEADER.size : _HEADER.size + manifest_size])
        _check_features(manifest)
        model = cls(manifest=manifest, network=bytes(data[start:end]))
        if model.to_bytes() != data:
            raise MalformedModel(
                "the model file is not in canonical form",
                expected="the manifest as sorted JSON without white space, then zero padding",
                hint="Write model files with Model.write",
            )
        return model

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file, or a model that ships with sigverify by its bare name ("base").

        Raises:
            MalformedModel, IncompatibleModel: see `from_bytes`.
            ModelError: no such file or name, or it cannot be read.
        """
        if not isinstance(path, str | os.PathLike):
            raise ModelError("no model", expected="a path or a name", received=type(path).__name__)
        shipped = _shipped(path)
        if shipped is not None:
            return cls.from_bytes(shipped)
        try:
            return cls.from_bytes(_read_bounded(Path(path)))
        except FileNotFoundError as error:
            raise ModelError(
                "no such model",
                expected=f"a {SUFFIX} file or one of: {', '.join(shipped_models()) or '(none shipped)'}",
                received=repr(os.fspath(path)),
            ) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise ModelError("the model file cannot be read", received=f"{path!r}: {error}") from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write atomically: `path` holds the old content or the new, never a part.

        Raises:
            ModelError: the file cannot be written.
        """
        target = Path(path)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        data = self.to_bytes()
        try:
            _write_durably(draft, data)
            draft.replace(target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ModelError(
                "the model file cannot be written", received=f"{path}: {error.strerror}"
            ) from error


def shipped_models() -> tuple[str, ...]:
    """Names of the models that ship with sigverify, sorted."""
    folder = resources.files("sigverify").joinpath("models")
    if not folder.is_dir():
        return ()
    names = (each.name for each in folder.iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def _shipped(path: str | os.PathLike[str]) -> bytes | None:
    """Read the shipped model of that bare name; a `Path` is never taken for a name."""
    if not isinstance(path, str) or not _SHIPPED_NAME.fullmatch(path):
        return None
    file = resources.files("sigverify").joinpath("models", path + SUFFIX)
    return file.read_bytes() if file.is_file() else None


def _read_bounded(path: Path) -> bytes:
    """Read what the header promises and one byte more, and never more than there is."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        manifest_size, network_size = _read_header(header)
        rest = _network_offset(manifest_size) + network_size + _HASH_BYTES - len(header)
        there = max(os.fstat(file.fileno()).st_size - len(header), 0)
        return header + file.read(min(rest, there) + 1)


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_header(data: bytes) -> tuple[int, int]:
    """Return the manifest's and the network's length, checked before anything is allocated."""
    if len(data) < _HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise MalformedModel(
            "not a model file",
            expected=f"at least {_HEADER.size} bytes that begin with {MAGIC!r}",
            received=f"{len(data)} bytes: {bytes(data[: len(MAGIC)])!r}",
        )
    _, version, manifest_size, network_size = _HEADER.unpack_from(data)
    if version != FILE_VERSION:
        raise IncompatibleModel(
            "a model file of another version",
            expected=str(FILE_VERSION),
            received=str(version),
            hint="Install the sigverify release that wrote it, or convert the training run again",
        )
    if not 0 < manifest_size <= MAX_MANIFEST_BYTES or not 0 < network_size <= MAX_NETWORK_BYTES:
        raise MalformedModel(
            "the model file promises sizes out of range",
            expected=f"manifest 1 to {MAX_MANIFEST_BYTES} bytes, network 1 to {MAX_NETWORK_BYTES}",
            received=f"{manifest_size} and {network_size}",
        )
    return manifest_size, network_size


def _network_offset(manifest_size: int) -> int:
    return -(-(_HEADER.size + manifest_size) // _ALIGNMENT) * _ALIGNMENT


def _check_features(manifest: Manifest) -> None:
    """Refuse a network trained on other features than this release computes."""
    received = (manifest.features_version, *manifest.input_shape)
    if received != (FEATURES_VERSION, FRAMES, CHANNELS):
        raise IncompatibleModel(
            "a model for other features",
            expected=f"features version {FEATURES_VERSION} of shape ({FRAMES}, {CHANNELS})",
            received=f"version {received[0]} of shape {received[1:]}",
            hint="Install the sigverify release it was trained with, or train and convert it again",
        )


def _to_json(content: object) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _from_json(text: bytes) -> Any:
    """Parse strictly: hostile depth, NaN and bad UTF-8 are all a malformed model."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedModel("the manifest is no JSON", received=str(error)[:200]) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _plain(name: str, value: object) -> dict[str, Any]:
    """Return the JSON round trip of a mapping: tuples become lists, keys strings, NaN is refused."""
    if not isinstance(value, Mapping):
        raise MalformedModel(f"manifest field {name}", expected="a mapping", received=type(value).__name__)
    try:
        plain: dict[str, Any] = json.loads(_to_json(dict(value)))
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedModel(
            f"manifest field {name} is not JSON",
            expected="strings, finite numbers, lists and dicts",
            received=str(error)[:200],
        ) from error
    return plain


def _require(name: str, expected: str, value: object, holds: Callable[[Any], bool]) -> None:
    if not holds(value):
        raise MalformedModel(f"manifest field {name}", expected=expected, received=repr(value)[:200])


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31


def _is_shape(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(_is_count(size) for size in value)


def _is_sequence_shape(value: Any) -> bool:
    return _is_shape(value) and can_be_aligned(*value)
