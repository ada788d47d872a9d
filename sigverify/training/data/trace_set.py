"""`TraceSet`: signatures as training sees them, traced once and kept in a few arrays."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, Float32Array, FloatArray, Int32Array
from sigverify.corpora import Corpus, Kind
from sigverify.corpora.processes import mapped
from sigverify.corpora.splits import joined_name, joined_terms, qualified
from sigverify.errors import CorpusError, one_line
from sigverify.modality.registry import find_modality
from sigverify.training.config import PEN
from sigverify.training.run.unreadable import UNREADABLE
from sigverify.whole_file import replacing

_AT_ONCE: Final = 500
"""Signatures that a process is asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TraceSet:
    """`n` traced signatures with their truth; the form in which a corpus travels to a training machine.

    Attributes:
        name: of the corpus, or of several joined by "+".
        traces: `(n, *trace_shape)` float32, as `Modality.trace` makes them.
        extent: `(n,)` float64, as `Modality.extent` says.
        writer: `(n,)` str, the claimed writer; of a forgery the one forged.
        genuine: `(n,)` bool; False for skilled forgeries.
        licence_note: terms of the data, carried into the manifest of a model.
        modality: name of the kind of capture.

    Raises:
        CorpusError: empty, shapes that do not fit, or values that are not finite.
    """

    name: str
    traces: Float32Array
    extent: FloatArray
    writer: npt.NDArray[np.str_]
    genuine: BoolArray
    licence_note: str = ""
    modality: str = PEN

    def __post_init__(self) -> None:
        """Bring the arrays to their types and check that they fit together."""
        for name, dtype in (("traces", np.float32), ("extent", np.float64), ("genuine", np.bool_)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))
        object.__setattr__(self, "writer", np.asarray(self.writer, np.str_))
        count = len(self.traces)
        if not count:
            raise CorpusError(f"trace set {self.name} is empty", expected="at least one signature")
        shape = find_modality(self.modality).trace_shape
        if self.traces.shape[1:] != shape:
            raise CorpusError(
                f"traces of {self.name} have another shape", expected=f"(n, {', '.join(map(str, shape))})",
                received=str(self.traces.shape),
            )  # fmt: skip
        for name in ("extent", "writer", "genuine"):
            if getattr(self, name).shape != (count,):
                raise CorpusError(
                    f"{name} and traces of {self.name} differ in length", expected=f"({count},)",
                    received=str(getattr(self, name).shape),
                )  # fmt: skip
        if not np.isfinite(self.traces).all():
            raise CorpusError(f"traces of {self.name} are not finite", expected="no NaN, no infinity")

    @classmethod
    def from_corpus(cls, corpus: Corpus, *, workers: int = 1) -> Self:
        """Trace every signature of a corpus, about 1 ms each, in `workers` processes.

        Raises:
            ConfigError: fewer than one worker.
            CorpusError: a process ended by itself.
        """
        samples, modality = corpus.samples, corpus.modality
        one = partial(_traced, modality.name)
        captures = (sample.capture for sample in samples)
        traces, extents = zip(*mapped(one, captures, workers=workers, chunk=_AT_ONCE), strict=True)
        return cls(
            name=corpus.name,
            traces=np.stack(traces),
            extent=np.array(extents),
            writer=np.array([sample.writer for sample in samples]),
            genuine=np.array([sample.kind is Kind.GENUINE for sample in samples]),
            licence_note=corpus.licence_note,
            modality=modality.name,
        )

    @classmethod
    def join(cls, sets: Sequence[Self]) -> Self:
        """Join sets into one whose writers are named "set/writer"; a single one is renamed likewise.

        Raises:
            CorpusError: none, two of one name, or of different modalities.
        """
        if len(modalities := sorted({part.modality for part in sets})) > 1:
            raise CorpusError(
                "trace sets cannot be joined", expected="one modality", received=", ".join(modalities)
            )
        return cls(
            name=joined_name([part.name for part in sets]),
            traces=np.concatenate([part.traces for part in sets]),
            extent=np.concatenate([part.extent for part in sets]),
            writer=np.concatenate([part.qualified_writer for part in sets]),
            genuine=np.concatenate([part.genuine for part in sets]),
            licence_note=joined_terms(part.licence_note for part in sets),
            modality=sets[0].modality,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            CorpusError: no such file, or not a trace set.
        """
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(
                    name=str(file["name"]),
                    traces=file["traces"],
                    # Files written before there were other modalities name it for what it was of pens.
                    extent=file["extent" if "extent" in file else "duration_ms"],
                    writer=file["writer"],
                    genuine=file["genuine"],
                    licence_note=str(file["licence_note"]),
                    modality=str(file["modality"]) if "modality" in file else PEN,
                )
        except UNREADABLE as error:
            raise CorpusError(
                f"{path} is not a trace set",
                expected="a file that TraceSet.save wrote",
                received=one_line(error),
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` file whole or not at all."""
        with replacing(Path(path)) as draft, draft.open("wb") as file:
            np.savez(
                file,
                name=np.array(self.name),
                traces=self.traces,
                extent=self.extent,
                writer=self.writer,
                genuine=self.genuine,
                licence_note=np.array(self.licence_note),
                modality=np.array(self.modality),
            )

    def __len__(self) -> int:
        """Count the signatures."""
        return len(self.traces)

    def __repr__(self) -> str:
        """Describe by counts."""
        return f"<TraceSet {self.name}: {len(self.writers)} writers, {len(self)} signatures>"

    @cached_property
    def writers(self) -> tuple[str, ...]:
        """Everybody with at least one signature, sorted."""
        return tuple(str(name) for name in np.unique(self.writer))

    @cached_property
    def writer_index(self) -> Int32Array:
        """`(n,)` int32: position of each signature's writer in `writers`."""
        return np.unique(self.writer, return_inverse=True)[1].astype(np.int32)

    @cached_property
    def fingerprint(self) -> str:
        """Hex sha256 over traces and truth; the order of the signatures does not matter."""
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()

    @property
    def qualified_writer(self) -> npt.NDArray[np.str_]:
        """`(n,)` str: writers as "set/writer"; those that have a "/" already keep their name."""
        names = np.array([qualified(self.name, writer) for writer in self.writers], np.str_)
        return names[self.writer_index]

    def record(self) -> dict[str, Any]:
        """Return what a manifest says of it, so that `evaluate` knows it again; plain values for JSON."""
        genuine = int(np.count_nonzero(self.genuine))
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "writers": len(self.writers),
            "genuine": genuine,
            "skilled": len(self) - genuine,
        }

    def is_of(self, record: Mapping[str, Any]) -> bool:
        """Tell whether these signatures are all of those, and no others, that a `record` was made of.

        The name may be another: writers were called by the name of then, and so they are here.
        """
        its = self.record()
        if any(its[name] != record.get(name) for name in ("writers", "genuine", "skilled")):
            return False
        return replace(self, name=str(record.get("name"))).fingerprint == record.get("fingerprint")

    def take(self, index: npt.NDArray[np.integer] | BoolArray) -> "TraceSet":
        """Return the signatures at `index` (positions or a mask)."""
        return TraceSet(
            name=self.name,
            traces=self.traces[index],
            extent=self.extent[index],
            writer=self.writer[index],
            genuine=self.genuine[index],
            licence_note=self.licence_note,
            modality=self.modality,
        )

    def select(self, writers: Iterable[str]) -> "TraceSet":
        """Return the signatures that belong to `writers`.

        Raises:
            CorpusError: nobody of one of those names, or no names.
        """
        chosen = set(writers)
        if unknown := sorted(chosen - set(self.writers)):
            raise CorpusError(f"trace set {self.name} has no such writer", received=repr(unknown[0]))
        return self.take(np.isin(self.writer, sorted(chosen)))

    def digests(self) -> list[tuple[str, bytes]]:
        """Return the writer of each signature, and a digest of its trace alone."""
        return list(zip(map(str, self.writer), trace_digests(self.traces), strict=True))

    @property
    def _digests(self) -> list[bytes]:
        rows = zip(self.qualified_writer, self.genuine, self.extent, self.traces, strict=True)
        return [
            hashlib.sha256(f"{writer}|{genuine}|{extent:.3f}|".encode() + array.tobytes()).digest()
            for writer, genuine, extent, array in rows
        ]


def trace_digests(traces: Float32Array) -> list[bytes]:
    """Return a digest of each of the traces `(n, *trace_shape)`: `n` times 16 bytes."""
    return [hashlib.blake2b(trace.tobytes(), digest_size=16).digest() for trace in traces]


def _traced(modality: str, capture: Any) -> tuple[Float32Array, float]:
    """Return the trace and the extent of one capture."""
    kind = find_modality(modality)
    return kind.trace(capture), kind.extent(capture)
