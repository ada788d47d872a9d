"""`Report`: what one evaluation found, and the folder it is kept in.

A report folder holds `report.json` (figures and provenance of every report in it), `trials-0.npz` … (every
score, so that two folders can be compared trial by trial), pictures, and `report.html` for people.
"""

import json
import platform
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from sigverify.corpora import Corpus
from sigverify.errors import ConfigError
from sigverify.evaluation.protocol import Protocol, TrialKind
from sigverify.evaluation.selection import Choice, Selection
from sigverify.evaluation.summary import (
    CalibrationFigures,
    Condition,
    DetCurve,
    Estimate,
    ImpostorErrors,
    OperatingPoint,
    ProfilePoint,
    PromisedPoint,
    Share,
)
from sigverify.evaluation.system import System
from sigverify.evaluation.trials import ROW, Trials
from sigverify.policy.profile import Profile

VERSION: Final = 2
REPORT_FILE: Final = "report.json"
FINGERPRINT_DIGITS: Final = 8
"""Of a corpus, where another one has its name."""

_PACKAGES: Final = ("sigverify", "numpy", "scikit-learn", "ai-edge-litert", "dtaidistance")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Medians on the machine that evaluated, one thread.

    Attributes:
        embed_ms: milliseconds for one signature, features included.
        match_ms: milliseconds to match one embedded probe with five references and score it.
    """

    embed_ms: float
    match_ms: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one system did on one corpus.

    Attributes:
        system: its name.
        provenance: what the system is: model id, precision, runtime …
        corpus: name of the corpus.
        corpus_fingerprint: `Corpus.fingerprint`.
        signatures: how many signatures the corpus has.
        licence_note: of the corpus.
        protocol: name of the protocol.
        draws: how many draws of references, seeds from 0.
        conditions: figures, by number of references.
        latency: medians.
        versions: of Python and the packages that took part.
        created: ISO 8601, UTC.
        trials: every score; None when the report was read from JSON alone.
        selection: which writers of the corpus were measured; None: nobody said.
    """

    system: str
    provenance: Mapping[str, Any]
    corpus: str
    corpus_fingerprint: str
    signatures: int
    licence_note: str
    protocol: str
    draws: int
    conditions: tuple[Condition, ...]
    latency: Latency
    versions: Mapping[str, str]
    created: str
    trials: Trials | None = None
    selection: Selection | None = None

    def condition(self, references: int) -> Condition:
        """Return what was found with that many references.

        Raises:
            ConfigError: it was not tried.
        """
        for condition in self.conditions:
            if condition.references == references:
                return condition
        tried = ", ".join(str(condition.references) for condition in self.conditions)
        raise ConfigError("that number of references was not tried", expected=tried, received=str(references))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types: all but the trials."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(replace(self, trials=None)), allow_nan=False))
        del plain["trials"]
        return plain

    def records(self) -> list[dict[str, Any]]:
        """Return a row for each number of references and kind of impostor, as `pandas.DataFrame` takes them.

        Rates are 0 to 1; `fnmr_at_fmr_0.01` is what is refused where one impostor in a hundred passes.
        """
        return [
            {
                "system": self.system,
                "corpus": self.corpus,
                "protocol": self.protocol,
                "references": condition.references,
                "impostor": kind.value,
                "writers": condition.writers,
                "genuine_trials": condition.genuine_trials,
                "impostor_trials": errors.trials,
                "eer": errors.eer.mean,
                "eer_low": errors.eer.low,
                "eer_high": errors.eer.high,
                "eer_per_writer": errors.eer_per_writer.mean,
                **{f"fnmr_at_fmr_{point.fmr:g}": point.fnmr.mean for point in errors.points},
            }
            for condition in self.conditions
            for kind, errors in condition.impostors.items()
        ]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            ConfigError: it is not of that form.
        """
        try:
            return cls(
                **{
                    **raw,
                    "conditions": tuple(_condition(each) for each in raw["conditions"]),
                    "latency": Latency(**raw["latency"]),
                    "selection": _selection(raw.get("selection")),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                "not an evaluation report", received=f"{type(error).__name__}: {error}"
            ) from error

    def to_json(self) -> str:
        """Return `to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: it is no JSON, or no report.
        """
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise ConfigError("not an evaluation report", expected="JSON", received=str(error)) from error
        if not isinstance(raw, dict):
            raise ConfigError("not an evaluation report", expected="an object", received=type(raw).__name__)
        return cls.from_dict(raw)


def describe(
    system: System[Any],
    corpus: Corpus,
    *,
    protocol: Protocol,
    draws: int,
    conditions: tuple[Condition, ...],
    latency: Latency,
    trials: Trials,
    selection: Selection | None = None,
) -> Report:
    """Put figures and provenance together."""
    return Report(
        system=system.name,
        provenance=dict(system.provenance),
        corpus=corpus.name,
        corpus_fingerprint=corpus.fingerprint,
        signatures=len(corpus),
        licence_note=corpus.licence_note,
        protocol=protocol.name,
        draws=draws,
        conditions=conditions,
        latency=latency,
        versions=_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        trials=trials,
        selection=selection,
    )


def told_apart(reports: Sequence[Report]) -> tuple[Report, ...]:
    """Return reports for people: different corpora of one name have a part of their fingerprint behind it."""
    named: dict[str, set[str]] = {}
    for report in reports:
        named.setdefault(report.corpus, set()).add(report.corpus_fingerprint)
    return tuple(
        replace(report, corpus=f"{report.corpus}, {report.corpus_fingerprint[:FINGERPRINT_DIGITS]}")
        if len(named[report.corpus]) > 1
        else report
        for report in reports
    )


def write_reports(reports: Sequence[Report], folder: Path) -> None:
    """Write `report.json` and the trials into `folder`, which must exist."""
    for index, report in enumerate(reports):
        if report.trials is not None:
            _write_trials(report.trials, folder / _trials_name(index))
    whole = {
        "format": "sigverify-report",
        "version": VERSION,
        "reports": [each.to_dict() for each in reports],
    }
    (folder / REPORT_FILE).write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_reports(folder: str | Path) -> tuple[Report, ...]:
    """Read a report folder (or its `report.json`) with its trials.

    Raises:
        ConfigError: it is not a report folder, or one of another version.
    """
    path = Path(folder)
    path = path.parent if path.name == REPORT_FILE else path
    try:
        whole = json.loads((path / REPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            "not a report folder",
            expected=f"a folder with {REPORT_FILE}, as `sigverify evaluate` writes it",
            received=f"{path}: {error}",
        ) from error
    if not isinstance(whole, dict) or whole.get("format") != "sigverify-report":
        raise ConfigError("not an evaluation report", received=str(path / REPORT_FILE))
    if whole.get("version") != VERSION:
        raise ConfigError(
            "a report of another version",
            expected=str(VERSION),
            received=str(whole.get("version")),
            hint="Evaluate again",
        )
    reports = whole.get("reports")
    if not isinstance(reports, list) or not all(isinstance(raw, dict) for raw in reports):
        raise ConfigError("not an evaluation report", received=str(path / REPORT_FILE))
    return tuple(
        replace(Report.from_dict(raw), trials=_read_trials(path / _trials_name(index)))
        for index, raw in enumerate(reports)
    )


def _trials_name(index: int) -> str:
    return f"trials-{index}.npz"


def _write_trials(trials: Trials, path: Path) -> None:
    columns: dict[str, Any] = {name: trials.rows[name] for name in ROW.names or ()}
    np.savez_compressed(path, writers=np.array(trials.writers), **columns)


def _read_trials(path: Path) -> Trials | None:
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            rows = np.zeros(len(stored["score"]), ROW)
            for name in ROW.names or ():
                # Reports of before there was such a column took the score itself.
                rows[name] = stored["score" if name == "decided" and name not in stored else name]
            return Trials(tuple(str(name) for name in stored["writers"]), rows)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError("the trials of a report cannot be read", received=f"{path}: {error}") from error


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _selection(raw: Mapping[str, Any] | None) -> Selection | None:
    return None if raw is None else Selection(**{**raw, "choice": Choice(raw["choice"])})


def _condition(raw: Mapping[str, Any]) -> Condition:
    impostors = {TrialKind(kind): _errors(errors) for kind, errors in raw["impostors"].items()}
    profiles = tuple(
        ProfilePoint(
            **{
                **point,
                "profile": Profile(point["profile"]),
                "genuine_refused": Share(**point["genuine_refused"]),
                "accepted": {TrialKind(kind): Share(**share) for kind, share in point["accepted"].items()},
            }
        )
        for point in raw.get("profiles", ())
    )
    return Condition(**{**raw, "impostors": impostors, "profiles": profiles})


def _errors(raw: Mapping[str, Any]) -> ImpostorErrors:
    calibration = raw["calibration"]
    return ImpostorErrors(
        **{
            **raw,
            "eer": Estimate(**raw["eer"]),
            "eer_per_writer": Estimate(**raw["eer_per_writer"]),
            "points": tuple(
                OperatingPoint(**{**point, "fnmr": Estimate(**point["fnmr"])}) for point in raw["points"]
            ),
            "promised": tuple(PromisedPoint(**point) for point in raw["promised"]),
            "det": DetCurve(**_tuples(raw["det"])),
            "calibration": None if calibration is None else CalibrationFigures(**_tuples(calibration)),
        }
    )


def _tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
