"""`Model`: one file on disk = networks + manifest, and perhaps a cohort.

Layout, little endian, the same on every device (a C reader needs nothing but these offsets)::

    0        8 bytes   magic "SIGMODEL"
    8        u32       file version, 4
    12       u32       m: length of the manifest in bytes
    16       u64       n: length of the network in bytes
    24       u64       l: length of the pair network in bytes, 0 where there is none
    32       u64       c: length of the cohort in bytes, 0 where there is none
    40       m bytes   manifest, UTF-8 JSON, keys sorted, no white space, no NaN
    40+m     0..15     zero bytes up to the next multiple of 16
    p        n bytes   network, a TFLite flatbuffer (p is a multiple of 16: it can be mapped and run in place)
    p+n      0..15     zero bytes up to the next multiple of 16
    q        l bytes   pair network, another flatbuffer
    q+l      c bytes   cohort, see `sigverify.matching.cohort`
    q+l+c    32 bytes  SHA-256 of all bytes before it

There is exactly one way to write a given model, so `Model.id` names its content. The hash guards
against accidents and careless edits; who may install a model is for the device's own update path to decide.
"""

import hashlib
import os
import re
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple, Self

from sigverify.errors import IncompatibleModel, MalformedModel, ModelError, one_line
from sigverify.manifest import MANIFEST_VERSION, Manifest
from sigverify.matching import cohort as cohorts
from sigverify.matching.cues import PAIR
from sigverify.matching.embedding import References
from sigverify.modality.registry import find_modality
from sigverify.whole_file import write_whole

MAGIC: Final = b"SIGMODEL"
SUFFIX: Final = ".sigmodel"
MAX_MANIFEST_BYTES: Final = 1 << 20
"""A manifest is a few kB; more is refused before it is read."""
MAX_NETWORK_BYTES: Final = 64 << 20
"""A hundred times the models that ship; more is refused before it is read."""
MAX_COHORT_BYTES: Final = 16 << 20
"""Hundreds of times that of the model that ships; more is refused before it is read."""
_HEADER: Final = struct.Struct("<8sIIQQQ")
_ALIGNMENT: Final = 16
_HASH_BYTES: Final = 32
_ID_DIGITS: Final = 16
SHIPPED: Final = Path(__file__).with_name("models")
"""The folder of the models that ship; by its path, since `importlib.resources` loads many modules."""
_SHIPPED_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that runs on a device, and its manifest.

    Attributes:
        manifest: what the network expects and yields, and how to read its scores.
        network: the TFLite flatbuffer that embeds a capture.
        pair_network: the one that looks at two aligned captures; empty where the model has none.
        cohort: embeddings of invented people, with whom whoever is enrolled is compared, see `strangers`;
            empty where the model has none. Then nothing limits how many strangers match a single person.

    >>> manifest = Manifest(name="toy", encoder="tdnn", precision="int8", modality="pen", vector_size=64)
    >>> model = Model(manifest=manifest, network=b"flatbuffer")
    >>> Model.from_bytes(model.to_bytes()) == model
    True
    """

    manifest: Manifest
    network: bytes
    pair_network: bytes = b""
    cohort: bytes = b""

    def __post_init__(self) -> None:
        """Refuse an empty or outsized network, a cue that there is no network for, and a cohort that is none.

        Raises:
            MalformedModel: see above.
        """
        for network, least in ((self.network, 1), (self.pair_network, 0)):
            if not least <= len(network) <= MAX_NETWORK_BYTES:
                raise MalformedModel(
                    "the network is empty or too large",
                    expected=f"{least} to {MAX_NETWORK_BYTES} bytes",
                    received=f"{len(network)}",
                )
        if (PAIR in self.manifest.cues) != bool(self.pair_network):
            raise MalformedModel(
                "the pair network and the manifest do not belong together",
                expected=f"the cue {PAIR.name} and a network for it, or neither",
                received=f"{len(self.pair_network)} bytes",
            )
        _ = self.people

    def __repr__(self) -> str:
        """Describe without the weights."""
        return (
            f"<Model {self.manifest.name} {self.manifest.precision} "
            f"{len(self.network) + len(self.pair_network)} bytes, id {self.id}>"
        )

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits that name this exact file: templates are bound to them."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:_ID_DIGITS]

    @cached_property
    def people(self) -> References | None:
        """The cohort, one signature each; None: there is none.

        Raises:
            MalformedModel: it is not of the shapes of this model.
        """
        if not self.cohort:
            return None
        modality, manifest = find_modality(self.manifest.modality), self.manifest
        shapes = {
            "series": modality.series_shape,
            "detail": modality.detail_shape,
            "sequence": manifest.sequence_shape or (1, 0),
            "vector": (manifest.vector_size,),
        }
        return cohorts.unpack(self.cohort, shapes)

    def to_bytes(self) -> bytes:
        """Encode as the file's content; the same model always gives the same bytes."""
        manifest = self.manifest.to_json()
        if len(manifest) > MAX_MANIFEST_BYTES:
            raise MalformedModel(
                "the manifest is too large",
                expected=f"at most {MAX_MANIFEST_BYTES} bytes",
                received=str(len(manifest)),
            )
        sizes = _Sizes(len(manifest), len(self.network), len(self.pair_network), len(self.cohort))
        header = _HEADER.pack(MAGIC, MANIFEST_VERSION, *sizes)
        body = (header + manifest).ljust(sizes.network_start, b"\0") + self.network
        body = body.ljust(sizes.pair_start, b"\0") + self.pair_network + self.cohort
        return body + hashlib.sha256(body).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode what `to_bytes` wrote, and nothing else.

        Raises:
            MalformedModel: truncated, altered, followed by other bytes, or no model file.
            IncompatibleModel: of another file or features version.
        """
        sizes = _read_header(data)
        end = sizes.end
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
        model = cls(
            manifest=Manifest.from_json(bytes(data[_HEADER.size : _HEADER.size + sizes.manifest])),
            network=bytes(data[sizes.network_start : sizes.network_start + sizes.network]),
            pair_network=bytes(data[sizes.pair_start : sizes.cohort_start]),
            cohort=bytes(data[sizes.cohort_start : end]),
        )
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
        except FileNotFoundError:
            raise ModelError(
                "no such model",
                expected=f"a {SUFFIX} file or one of: {', '.join(shipped_models()) or '(none shipped)'}",
                received=repr(os.fspath(path)),
            ) from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise ModelError(
                f"the model file {os.fspath(path)!r} cannot be read", received=one_line(error)
            ) from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write atomically: `path` holds the old content or the new, never a part.

        Raises:
            ModelError: the file cannot be written.
        """
        data = self.to_bytes()
        try:
            write_whole(Path(path), data)
        except OSError as error:
            raise ModelError(
                "the model file cannot be written", received=f"{path}: {error.strerror}"
            ) from error


def shipped_models() -> tuple[str, ...]:
    """Names of the models that ship with sigverify, sorted."""
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in SHIPPED.glob(f"*{SUFFIX}")))


def is_shipped(model: Model) -> bool:
    """Whether a model is, byte for byte, one that ships; who can change those can change this code too."""
    return _shipped(model.manifest.name) == model.to_bytes()


def _shipped(path: str | os.PathLike[str]) -> bytes | None:
    """Read the shipped model of that bare name; a `Path` is never taken for a name."""
    if not isinstance(path, str) or not _SHIPPED_NAME.fullmatch(path):
        return None
    file = SHIPPED / f"{path}{SUFFIX}"
    return file.read_bytes() if file.is_file() else None


def _read_bounded(path: Path) -> bytes:
    """Read what the header promises and one byte more, and never more than there is."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        rest = _read_header(header).end + _HASH_BYTES - len(header)
        there = max(os.fstat(file.fileno()).st_size - len(header), 0)
        return header + file.read(min(rest, there) + 1)


class _Sizes(NamedTuple):
    """Bytes of the parts, and where they lie."""

    manifest: int
    network: int
    pair_network: int
    cohort: int

    @property
    def network_start(self) -> int:
        return _aligned(_HEADER.size + self.manifest)

    @property
    def pair_start(self) -> int:
        return _aligned(self.network_start + self.network)

    @property
    def cohort_start(self) -> int:
        return self.pair_start + self.pair_network

    @property
    def end(self) -> int:
        """Where the hash begins."""
        return self.cohort_start + self.cohort


def _read_header(data: bytes) -> _Sizes:
    """Return the lengths of the parts, checked before anything is allocated."""
    if len(data) < _HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise MalformedModel(
            "not a model file",
            expected=f"at least {_HEADER.size} bytes that begin with {MAGIC!r}",
            received=f"{len(data)} bytes: {bytes(data[: len(MAGIC)])!r}",
        )
    _, version, *lengths = _HEADER.unpack_from(data)
    sizes = _Sizes(*lengths)
    if version != MANIFEST_VERSION:
        raise IncompatibleModel(
            "a model file of another version",
            expected=str(MANIFEST_VERSION),
            received=str(version),
            hint="Install the sigverify release that wrote it, or convert the training run again",
        )
    most = _Sizes(MAX_MANIFEST_BYTES, MAX_NETWORK_BYTES, MAX_NETWORK_BYTES, MAX_COHORT_BYTES)
    if any(size > largest for size, largest in zip(sizes, most, strict=True)) or 0 in sizes[:2]:
        raise MalformedModel(
            "the model file promises sizes out of range",
            expected=f"manifest 1 to {MAX_MANIFEST_BYTES} bytes, networks up to {MAX_NETWORK_BYTES}, "
            f"a cohort up to {MAX_COHORT_BYTES}",
            received=", ".join(map(str, sizes)),
        )
    return sizes


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT
