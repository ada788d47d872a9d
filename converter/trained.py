"""`TrainedRun`: what a training run left behind, as far as a conversion needs it."""

import io
import json
import os
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, Float32Array, FloatArray
from sigverify.corpora import Corpus
from sigverify.errors import ConversionError, CorpusError, SplitLeak
from sigverify.modality.pen.features import FRAMES, TRACE_CHANNELS, encode
from sigverify.training.data.trace_set import TraceSet

TRACE_SHAPE: Final = (FRAMES, len(TRACE_CHANNELS))
MIN_CALIBRATION: Final = 100
"""Fewer signatures say too little of parity, and nothing of thresholds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """Signatures of the validation writers, whom training never saw.

    Attributes:
        features: `(n, frames, channels)` float32.
        duration_ms: `(n,)` float64.
        writers: `(n,)` str; of a forgery, the writer forged.
        genuine: `(n,)` bool; False on skilled forgeries.
        sources: names of the corpora they come from.
        licence_note: terms of those corpora: the fitted scores owe something to them.
    """

    features: Float32Array
    duration_ms: FloatArray
    writers: npt.NDArray[np.str_]
    genuine: BoolArray
    sources: tuple[str, ...]
    licence_note: str

    @classmethod
    def from_traces(cls, traces: TraceSet) -> Self:
        """Encode traces.

        Raises:
            ConversionError: fewer than `MIN_CALIBRATION`.
        """
        if len(traces) < MIN_CALIBRATION:
            raise ConversionError(
                "too few signatures to calibrate on",
                expected=f"at least {MIN_CALIBRATION}",
                received=str(len(traces)),
                hint="Train with more validation writers, or name corpora to calibrate on",
            )
        writers = traces.qualified_writer
        return cls(
            features=encode(traces.traces),
            duration_ms=traces.duration_ms,
            writers=writers,
            genuine=traces.genuine,
            sources=tuple(sorted({str(writer).partition("/")[0] for writer in writers})),
            licence_note=traces.licence_note,
        )

    def __len__(self) -> int:
        """Count the signatures."""
        return len(self.features)


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedRun:
    """A training run's encoder file, data samples and record.

    Attributes:
        name: the run folder's name.
        encoder: architecture.
        model_path: the trained `.keras` file.
        representative: `(n, frames, channels)` float32, features of training signatures.
        calibration: features and labels of validation signatures.
        provenance: config, seed, data hash, versions, `trained_on`, `licence_note`, `created`.
    """

    name: str
    encoder: str
    model_path: Path
    representative: Float32Array
    calibration: Calibration
    provenance: Mapping[str, Any]

    @classmethod
    def read(cls, folder: str | os.PathLike[str], *, calibration: Sequence[Corpus] = ()) -> Self:
        """Read a run folder.

        Args:
            folder: what `sigverify train` wrote.
            calibration: corpora to calibrate on, instead of the run's validation writers.

        Raises:
            ConversionError: a file is missing, or does not hold what a run writes.
            SplitLeak: the network was trained on one of the calibration corpora.
        """
        root = Path(folder)
        if not root.is_dir():
            raise ConversionError("no such training run", expected="a folder", received=str(folder))
        provenance = _read_json(root / "provenance.json")
        representative = _arrays(root / "representative.npz", "traces")
        return cls(
            name=root.resolve().name,
            encoder=_encoder_name(provenance, root / "config.toml"),
            model_path=_existing(root / "model.keras"),
            representative=encode(_traces(representative["traces"], "representative.npz")),
            calibration=_chosen(calibration, provenance)
            if calibration
            else _held_out(root / "calibration.npz"),
            provenance=provenance,
        )


def _chosen(corpora: Sequence[Corpus], provenance: Mapping[str, Any]) -> Calibration:
    """Calibrate on corpora that the network has not seen."""
    sets = [TraceSet.from_corpus(corpus) for corpus in corpora]
    seen = {str(name) for name in provenance.get("trained_on", ())}
    if leaked := sorted(seen & {traces.name for traces in sets}):
        raise SplitLeak(
            "the network was trained on a corpus to calibrate on",
            expected="corpora that it has not seen",
            received=", ".join(leaked),
            hint="Leave them out: the run's own validation writers are used where none is named",
        )
    return Calibration.from_traces(TraceSet.join(sets))


def _held_out(path: Path) -> Calibration:
    """Calibrate on the run's own validation writers."""
    try:
        return Calibration.from_traces(TraceSet.load(_existing(path)))
    except CorpusError as error:
        raise ConversionError(f"{path.name} cannot be read", received=str(error)[:200]) from error


def _traces(array: npt.NDArray[Any], file: str) -> Float32Array:
    if array.ndim != 3 or array.shape[1:] != TRACE_SHAPE or array.dtype.kind != "f" or not len(array):
        raise ConversionError(
            f"{file}: no traces",
            expected=f"float (n, {TRACE_SHAPE[0]}, {TRACE_SHAPE[1]})",
            received=f"{array.dtype} {array.shape}",
        )
    if not np.isfinite(array).all():
        raise ConversionError(f"{file}: traces are not finite", expected="finite numbers")
    return array.astype(np.float32)


def _arrays(path: Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    """Read the named arrays of an `.npz` file; pickled objects are refused."""
    try:
        with np.load(io.BytesIO(_existing(path).read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ConversionError(
            f"{path.name} cannot be read", expected=f"arrays {', '.join(names)}", received=str(error)[:200]
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_existing(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConversionError(f"{path.name} cannot be read", received=str(error)[:200]) from error
    if not isinstance(content, dict):
        raise ConversionError(f"{path.name} is no object", received=type(content).__name__)
    return content


def _encoder_name(provenance: Mapping[str, Any], config: Path) -> str:
    """Return the architecture's name: from the provenance, or else from the run's config."""
    name = provenance.get("encoder")
    if name is None:
        try:
            name = tomllib.loads(_existing(config).read_text(encoding="utf-8")).get("encoder")
        except (OSError, ValueError) as error:
            raise ConversionError(f"{config.name} cannot be read", received=str(error)[:200]) from error
    if not isinstance(name, str) or not name:
        raise ConversionError(
            "the run does not say which encoder it trained", expected="encoder in config.toml"
        )
    return name


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConversionError(
            "the training run is incomplete", expected=path.name, received=f"nothing in {path.parent}"
        )
    return path
