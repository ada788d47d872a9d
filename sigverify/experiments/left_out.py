"""`Experiment`: leave one real corpus out, calibrate on the others, measure on it.

Every model and every report is kept under a name that says what went into it, and taken from there when the
same is asked for again: an interrupted run goes on, and several runs may share a folder.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sigverify.corpora import Corpus, open_corpus
from sigverify.corpora.registry import STROKES
from sigverify.errors import ConfigError, SplitLeak
from sigverify.evaluation import (
    DtwBaseline,
    Measured,
    Report,
    SdkSystem,
    System,
    evaluate,
    measure,
)
from sigverify.evaluation.protocol import REFERENCES
from sigverify.evaluation.results import Row, pool
from sigverify.experiments.cache import (
    CachedCalibration,
    code_digest,
    digest,
    is_of,
    read_report,
    write_report,
)
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.training import Run

Progress = Callable[[str, int, int], None]

LEFT_OUT: Final = ("svc2004-task2", "svc2004-task1", "susig-blind")
"""Corpora that are measured on, where they are there; sigcomp2009 has few writers and only calibrates."""
SIBLINGS: Final = {"svc2004-task1": "svc2004-task2", "svc2004-task2": "svc2004-task1"}
"""Corpora that may share people: measured with and without the other in the calibration."""
PRECISIONS: Final = ("int8", "float32")
NOTHING_REAL: Final = "synthetic"
"""Calibrated on invented writers: others than the network saw."""


@dataclass(frozen=True)
class Network:
    """A training run, and a label that no other network has."""

    path: Path
    label: str

    @classmethod
    def open(cls, path: Path) -> "Network":
        """Open a run folder."""
        run = Run.open(path)
        weights = hashlib.sha256(run.model_path.read_bytes()).hexdigest()
        return cls(path, f"seed{run.provenance.get('seed', '')}-{weights[:8]}")

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Names of the corpora it saw."""
        return tuple(Run.open(self.path).provenance.get("trained_on", ()))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is measured, and where it is kept.

    Attributes:
        out: the folder.
        corpora: real corpora by name, the left-out ones and those to calibrate on.
        networks: one for each seed; none has seen any of the corpora.
        leave_out: names of the corpora to measure on, one after the other.
        references: numbers of references, where a corpus has signatures enough.
        draws: of references.
        progress: told how far it is.
        synthetic: invented writers to calibrate on where nothing real may be seen; the runs' own held-out
            writers if None.
        report_done: told of each report: what it is of, and the seconds it took (0 when it was there).

    Raises:
        SplitLeak: a network has seen one of the corpora.
        ConfigError: a corpus to leave out is not there.
    """

    out: Path
    corpora: Mapping[str, Corpus]
    networks: Sequence[Network]
    leave_out: Sequence[str]
    references: Sequence[int] = REFERENCES
    draws: int = 10
    synthetic: Corpus | None = None
    progress: Progress = field(default=lambda _stage, _done, _total: None)
    report_done: Callable[[str, float], None] = field(default=lambda _what, _seconds: None)

    def __post_init__(self) -> None:
        """Check that nothing leaks."""
        if missing := [name for name in self.leave_out if name not in self.corpora]:
            raise ConfigError(
                "a corpus to leave out is not there",
                expected=f"one of {', '.join(self.corpora)}",
                received=", ".join(missing),
            )
        for network in self.networks:
            if leaked := sorted(set(network.trained_on) & set(self.corpora)):
                raise SplitLeak(
                    f"{network.path} was trained on a corpus that is measured or calibrated on",
                    expected="networks that saw synthetic writers only",
                    received=", ".join(leaked),
                )

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the table, corpus by corpus."""
        for name in self.leave_out:
            yield from pool([self._baseline(name)], system="DTW baseline")
            reports: dict[tuple[str, tuple[str, ...]], list[Report]] = {}
            for network in self.networks:
                for key, report in self._reports(name, network):
                    reports.setdefault(key, []).append(report)
            for (precision, _), group in reports.items():
                yield from pool(group, system=precision)

    def calibrations(self, left_out: str) -> list[tuple[str, ...]]:
        """Return the sets of corpora to calibrate on; the empty one stands for invented writers.

        >>> made = Experiment(out=Path(), networks=(), leave_out=(),
        ...                   corpora=dict.fromkeys(("svc2004-task1", "svc2004-task2", "susig-blind")))
        >>> made.calibrations("svc2004-task2")
        [('svc2004-task1', 'susig-blind'), ('susig-blind',), ()]
        """
        others = tuple(name for name in self.corpora if name != left_out)
        unrelated = tuple(name for name in others if name != SIBLINGS.get(left_out))
        return list(dict.fromkeys((others, unrelated, ())))

    def _reports(
        self, left_out: str, network: Network
    ) -> Iterator[tuple[tuple[str, tuple[str, ...]], Report]]:
        """Yield the reports of one network on one corpus; its distances are measured once a precision."""
        models = self._models(left_out, network)
        for precision in PRECISIONS:
            measured: list[Measured] = []
            for calibration in self.calibrations(left_out):
                path = models[precision, calibration]
                system = SdkSystem(Matcher.open(Model.read(path)))
                yield (precision, calibration), self._report(left_out, system, path.stem, measured)

    def _models(self, left_out: str, network: Network) -> dict[tuple[str, tuple[str, ...]], Path]:
        models = {}
        for calibration in self.calibrations(left_out):
            fit = CachedCalibration()
            for precision in reversed(PRECISIONS):
                models[precision, calibration] = self._model(network, precision, calibration, fit)
        return models

    def _model(
        self, network: Network, precision: str, calibration: tuple[str, ...], fit: "CachedCalibration"
    ) -> Path:
        """Return a model file, converted and calibrated unless it is there."""
        corpora = [self.corpora[name] for name in calibration]
        if not calibration and self.synthetic is not None:
            corpora = [self.synthetic]
        key = digest(code_digest(), *(corpus.fingerprint for corpus in corpora))
        what = "+".join(calibration) or NOTHING_REAL
        path = self.out / "models" / f"{network.label}-{precision}-{what}-{key}.sigmodel"
        if not path.is_file():
            self.progress(f"{network.label}: {precision}, calibrating on {what}", 0, 1)
            os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained it: only TensorFlow converts
            import converter

            made = converter.convert(
                network.path,
                precision=precision,
                name=network.label,
                calibration=corpora,
                calibrate=fit,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            made.model.write(path)
        return path

    def _baseline(self, left_out: str) -> Report:
        return self._report(left_out, DtwBaseline(), f"dtw-{digest(code_digest())}", [])

    def _report(self, left_out: str, system: System[Any], name: str, measured: list[Measured]) -> Report:
        """Return a report, evaluated unless it is there; `measured` keeps the distances for the next one."""
        corpus = self.corpora[left_out]
        counts = _possible(corpus, self.references)
        folder = self.out / "reports" / left_out / name
        what = f"{left_out}, {name}"
        start = time.monotonic()
        report = read_report(folder)
        seconds = 0.0
        if report is None or not is_of(report, system, corpus, counts, self.draws):
            progress = _prefixed(self.progress, what)
            if not measured:
                measured.append(measure(system, corpus, progress=progress))
            report = evaluate(
                system, corpus, references=counts, draws=self.draws, progress=progress, measured=measured[0]
            )
            write_report(report, folder)
            seconds = time.monotonic() - start
        self.report_done(what, seconds)
        return report


def open_real(folder: Path, *, writers: int | None = None) -> dict[str, Corpus]:
    """Open the public corpora of pen strokes in a folder, of each the first `writers`.

    A file or folder belongs to the corpus that its name begins with: `svc2004_task1.zip` to svc2004-task1.

    Raises:
        ConfigError: there are none, or two of one.
        CorpusError: one cannot be read.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        plain = re.sub(r"[^a-z0-9]+", "-", path.name.lower())
        name = next((name for name in STROKES if plain.startswith(name)), None)
        if name is None:
            continue
        if name in found:
            raise ConfigError(f"corpus {name} is there twice", received=f"{found[name].name}, {path.name}")
        found[name] = path
    if not found:
        raise ConfigError(
            "no corpora",
            expected=f"files or folders named {', '.join(STROKES)}",
            received=f"none in {folder}",
        )
    corpora = {name: open_corpus(f"{name}={found[name]}") for name in STROKES if name in found}
    return {name: corpus.select(corpus.writers[:writers]) for name, corpus in corpora.items()}


def _possible(corpus: Corpus, references: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of references that leave every writer a genuine trial."""
    fewest = min(len(corpus.genuine(writer)) for writer in corpus.writers)
    return tuple(sorted(count for count in set(references) if count < fewest))


def _prefixed(progress: Progress, what: str) -> Progress:
    return lambda stage, done, total: progress(f"{what}: {stage}", done, total)
