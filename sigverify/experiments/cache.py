"""Fits and reports of earlier runs of an experiment, used again while nothing has changed."""

import functools
import hashlib
import importlib.util
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray
from sigverify.corpora import Corpus
from sigverify.errors import ConfigError
from sigverify.evaluation import Report, System, read_reports, write_reports
from sigverify.matching.cue import Cue
from sigverify.matching.cues import PAIR
from sigverify.matching.embedding import Embedding
from sigverify.matching.pairing import PLAIN, Engine

_DECISIVE: Final = (
    "converter",
    "sigverify.evaluation",
    "sigverify.formats",
    "sigverify.manifest",
    "sigverify.matcher",
    "sigverify.matching",
    "sigverify.metrics",
    "sigverify.modality",
    "sigverify.model_file",
    "sigverify.policy.profile",
    "sigverify.runtime",
    "sigverify.template",
    "sigverify.training.data",
    "sigverify.training.distortion",
)
"""Packages, whole, and modules that decide a number: what they made before a change is made anew."""

_SHOWING: Final = "page"
"""Package of `sigverify.evaluation` that shows numbers, and decides none."""


class CachedCalibration:
    """`calibrate` with a cache: an int8 conversion fits the scores of float32 too, to compare."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[str, Any] = {}

    def __call__(
        self,
        embeddings: Sequence[Embedding],
        reduced: Sequence[Embedding],
        writers: npt.NDArray[np.str_],
        genuine: BoolArray,
        cues: Sequence[Cue],
        engine: Engine = PLAIN,
    ) -> Any:
        """Fit scoring and thresholds, or return what was fitted on the same embeddings.

        What a pair network says is not in the embeddings: with one it is fitted each time.
        """
        from converter.calibration import calibrate

        if PAIR in cues:
            return calibrate(embeddings, reduced, writers, genuine, cues, engine)
        whole = hashlib.sha256(repr((writers.tolist(), genuine.tolist(), cues)).encode())
        whole.update(repr(len(reduced)).encode())
        for each in (*embeddings, *reduced):
            parts = (each.series, each.detail, each.sequence, each.vector)
            whole.update(b"".join(part.tobytes() for part in parts))
            whole.update(repr(each.extent).encode())
        key = whole.hexdigest()
        if key not in self._known:
            self._known[key] = calibrate(embeddings, reduced, writers, genuine, cues, engine)
        return self._known[key]


def read_report(folder: Path) -> Report | None:
    """Read the report in a folder; None where there is none that can be read."""
    try:
        return read_reports(folder)[0]
    except (ConfigError, IndexError):
        return None


def is_of(
    report: Report, system: System[Any], corpus: Corpus, references: tuple[int, ...], draws: int
) -> bool:
    """Whether a report is of this system on this corpus, with all its scores."""
    tried = tuple(condition.references for condition in report.conditions)
    return (
        report.trials is not None
        and report.corpus_fingerprint == corpus.fingerprint
        and report.provenance.get("model_id") == system.provenance.get("model_id")
        and (tried, report.draws) == (references, draws)
    )


def write_report(report: Report, folder: Path) -> None:
    """Write a report folder, whole or not at all."""
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        fresh.mkdir(parents=True)
        write_reports([report], fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    except OSError as error:
        raise ConfigError("a report cannot be written", received=f"{folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@functools.cache
def code_digest() -> str:
    """Digest of the code that decides numbers, as it was when first asked for."""
    return digest(*(file.read_text("utf-8") for name in _DECISIVE for file in _files(name)))


def _files(name: str) -> list[Path]:
    """Return the files of a module, or all of a package, sorted."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ConfigError("code that decides numbers is not installed", expected=name)
    file = Path(found.origin)
    if not found.submodule_search_locations:
        return [file]
    return sorted(each for each in file.parent.rglob("*.py") if each.parent.name != _SHOWING)


def digest(*parts: str) -> str:
    """Return eight hexadecimal digits that stand for all parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
