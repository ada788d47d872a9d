"""`Library`: libsigverify, loaded."""

import logging
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from sigverify.arrays import Float32Array, FloatArray, Int8Array, Int16Array, Int32Array
from sigverify.errors import BY_STATUS, RuntimeUnavailable, SigverifyError, one_line
from sigverify.matching.elastic import Paths
from sigverify.matching.embedding import check_shapes
from sigverify.modality.pen.features import CHANNELS, FEATURES_VERSION, FRAMES
from sigverify.modality.pen.outlines import COPY, LINES, POINTS, distinct
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw, Quality

PLACE: Final = Path(__file__).with_name("libsigverify.so")
"""Where `sigverify native` puts it; looked at before the system's own folders."""
ABI: Final = 5
"""SV_ABI of the header that `declarations` was made of."""
NAME: Final = f"libsigverify.so.{ABI}"
"""What CMake installs: a library of another interface has another name."""
VARIABLE: Final = "SIGVERIFY_NATIVE"
"""Of the environment: the file to load instead, or "off"."""

NO_MEMORY: Final = 2
"""The one status that is not in errors.py."""


_log = logging.getLogger(__name__)


class Library:
    """The C core's functions; an `Aligner`. Any thread may use them."""

    modality: Final = "pen"
    """The modality whose features it computes."""

    def __init__(self, path: str | Path) -> None:
        """Load it.

        Raises:
            RuntimeUnavailable: it does not load, or is of another version.
        """
        from sigverify.runtime.native.declarations import ffi

        try:
            self.ffi: Any = ffi
            self.functions: Any = ffi.dlopen(str(path))
            version = (self.functions.sv_abi(), self.functions.sv_features_version())
        except (OSError, UnicodeError, ffi.error) as error:
            raise RuntimeUnavailable(
                "libsigverify does not load",
                received=one_line(error),
                hint="Build it: sigverify native",
            ) from error
        if version != (ABI, FEATURES_VERSION):
            raise RuntimeUnavailable(
                f"libsigverify of another version: {path}",
                expected=f"interface {ABI}, features {FEATURES_VERSION}",
                received=f"{version[0]}, {version[1]}",
                hint="Build it anew: sigverify native",
            )
        try:
            _ = self.functions.sv_compare_all  # the newest of this interface
        except ffi.error as error:
            raise RuntimeUnavailable(
                f"libsigverify of an older build: {path}",
                received=one_line(error),
                hint="Build it anew: sigverify native",
            ) from error
        self.path = str(path)

    @classmethod
    def find(cls) -> Self:
        """Load the one that this machine has: named by `SIGVERIFY_NATIVE`, built beside this file, installed.

        Raises:
            RuntimeUnavailable: there is none, or `SIGVERIFY_NATIVE` is "off".
        """
        named = os.environ.get(VARIABLE, "")
        if named == "off":
            raise RuntimeUnavailable("libsigverify is switched off", received=f"{VARIABLE}=off")
        return cls._load(named or (str(PLACE) if PLACE.is_file() else NAME))

    @staticmethod
    def is_expected() -> bool:
        """Whether one was named or built, so that somebody should hear if it cannot be used."""
        return os.environ.get(VARIABLE, "") not in ("", "off") or PLACE.is_file()

    @classmethod
    @cache
    def _load(cls, path: str) -> Self:
        library = cls(path)
        _log.debug("libsigverify: %s", path)
        return library

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that returns a status.

        Raises:
            SigverifyError: the error of that status.
            MemoryError: there is no memory.
        """
        status = getattr(self.functions, name)(*arguments)
        if status == NO_MEMORY:
            raise MemoryError(name)
        if status:
            words = self.ffi.string(self.functions.sv_status_text(status)).decode()
            raise BY_STATUS.get(status, SigverifyError)(f"{name}: {words}")

    def open(self, kind: str, *arguments: Any) -> Any:
        """Return a new handle of that kind. It is closed when it is collected, before what it was made of."""
        handle = self.ffi.new(f"{kind} **")
        self.call(f"{kind}_open", *arguments, handle)
        close = getattr(self.functions, f"{kind}_close")
        return self.ffi.gc(handle[0], lambda kept, _made_of=(self.functions, *arguments): close(kept))

    def features(self, signature: Signature) -> Float32Array:
        """Encode one signature, as `features.features`: `(FRAMES, CHANNELS)` float32."""
        values = np.empty((FRAMES, CHANNELS), np.float32)
        self.call("sv_features", self.view(signature), self.floats(values))
        return values

    def paths(self, probe: Int8Array, references: Int8Array) -> Paths:
        """Align a probe `(t, c)`, or one for each, with `(r, t, c)`, see `Aligner.paths`: the same numbers.

        Raises:
            InvalidSignature: they are not of one shape.
        """
        probes, others = self._pairs(probe, references)
        count, frames, _ = others.shape
        total, cost = np.empty(count, np.int32), np.empty((count, frames), np.int32)
        first, last = np.empty((count, frames), np.int16), np.empty((count, frames), np.int16)
        for own, part in probes:
            into = [self._costs(total[part]), self._shorts(first[part]), self._shorts(last[part])]
            into.append(self.ffi.from_buffer("int32_t[]", cost[part]))
            self._align("sv_align", own, others[part], *into)
        return Paths(total=total, first=first, last=last, cost=cost)

    def distances(self, probe: Int8Array, references: Int8Array) -> Float32Array:
        """Return what those paths cost per frame, see `Aligner.distances`: the same numbers.

        Raises:
            InvalidSignature: they are not of one shape.
        """
        probes, others = self._pairs(probe, references)
        total = np.empty(len(others), np.int32)
        for own, part in probes:
            self._align("sv_elastic_distances", own, others[part], self._costs(total[part]))
        return np.asarray(total / others.shape[1], np.float32)

    def products(self, vectors: Int8Array, vector: Int8Array) -> Int32Array:
        """Return the product of each of `vectors` `(n, e)` with one `(e,)`, both contiguous: `(n,)`."""
        count, size = vectors.shape
        found = np.empty(count, np.int32)
        into = self.ffi.from_buffer("int32_t[]", found)
        self.call("sv_products", self.bytes(vectors), count, size, self.bytes(vector), into)
        return found

    def new_lines(self) -> Int8Array:
        """Return room for the outlines of a signature."""
        return np.empty((LINES, POINTS - 1, 2), np.int8)

    def outlines(self, signature: Signature) -> tuple[bytes, ...]:
        """Follow the line of a signature, as `outlines.follow`: the same steps."""
        lines = self.new_lines()
        self.call("sv_outlines", self.view(signature), self.bytes(lines))
        return distinct(lines)

    def apart(self, outline: bytes, known: Sequence[bytes]) -> FloatArray:
        """Return how far an outline lies from each of those known, as `outlines.apart`: the same numbers."""
        apart = np.empty(len(known))
        lines = [self.ffi.from_buffer("int8_t[]", each) for each in (outline, b"".join(known))]
        self.call("sv_outlines_apart", *lines, len(known), self._doubles(apart))
        return apart

    def runs_along(self, outlines: Sequence[bytes], known: Sequence[bytes]) -> bool:
        """Say whether an outline is one of those known, as `outlines.is_copy`."""
        return bool(known) and any(self.apart(outline, known).min() < COPY for outline in outlines)

    @staticmethod
    def _pairs(probe: Int8Array, references: Int8Array) -> tuple[list[tuple[Int8Array, slice]], Int8Array]:
        """Return each probe with the references that it is aligned with, and these; all contiguous."""
        check_shapes(probe, references)
        own, others = (np.ascontiguousarray(each, np.int8) for each in (probe, references))
        if probe.ndim == others.ndim:  # a probe for each
            return [(each, slice(place, place + 1)) for place, each in enumerate(own)], others
        return [(own, slice(None))], others

    def _align(self, name: str, probe: Int8Array, references: Int8Array, *into: Any) -> None:
        self.call(name, self.bytes(probe), self.bytes(references), *references.shape, *into)

    def assess(self, signature: Signature) -> Quality:
        """Judge one signature by itself, as `assessment.assess`: the same numbers."""
        its = self.ffi.new("sv_quality *")
        self.call("sv_assess", self.view(signature), its)
        return Quality(
            flaw=self.flaw(its.flaw) if its.flaw else None,
            duration_ms=its.duration_ms,
            complexity=its.complexity,
            repairs=tuple(Repair(self._token("sv_repair", its.repairs[k])) for k in range(its.count)),
        )

    def flaw(self, number: int) -> Flaw:
        """Return what an `sv_addition` says of a capture."""
        return Flaw(self._token("sv_addition", number))

    def _token(self, enum: str, number: int) -> str:
        """Return a member of an enum as Python has it."""
        name: str = self.ffi.string(self.ffi.cast(enum, number))
        return name.removeprefix("SV_").lower()

    def view(self, signature: Signature) -> Any:
        """Point to the arrays of a signature, which must outlive the view."""
        view = self.ffi.new("sv_signature *")
        view.count = len(signature)
        view.x, view.y, view.time_ms = map(self._doubles, (signature.x, signature.y, signature.time_ms))
        if signature.pressure is not None:
            view.pressure = self._doubles(signature.pressure)
        view.pen_down = self.ffi.from_buffer("uint8_t[]", signature.ink.view(np.uint8))
        return view

    def floats(self, values: Float32Array) -> Any:
        """Point to a contiguous array."""
        return self.ffi.from_buffer("float[]", values)

    def bytes(self, values: Int8Array) -> Any:
        """Point to a contiguous array."""
        return self.ffi.from_buffer("int8_t[]", values)

    def _costs(self, values: Int32Array) -> Any:
        return self.ffi.from_buffer("uint32_t[]", values)

    def _shorts(self, values: Int16Array) -> Any:
        return self.ffi.from_buffer("int16_t[]", values)

    def _doubles(self, values: FloatArray) -> Any:
        return self.ffi.from_buffer("double[]", values)
