"""`Origin`: a network that a run starts from, and what is known of where it comes from."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

from sigverify.errors import TrainingError
from sigverify.training.run.run import MODEL, PAIR_MODEL, PROVENANCE, Run, read_facts
from sigverify.whole_file import write_whole

UNKNOWN: Final = "unknown origin"
"""Stands in `trained_on` for whatever a network without provenance was trained on."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

SHIPPED: Final = Path(str(files("sigverify") / "models"))
"""Where `NAME.keras` and `NAME.keras.json` lie beside `NAME.sigmodel`."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A network to start from.

    Attributes:
        source: as it was named.
        network: its `.keras` file.
        facts: its provenance; empty where none lies beside it.
    """

    source: str
    network: Path
    facts: Mapping[str, Any]

    @classmethod
    def find(cls, source: str) -> Self:
        """Find a shipped model by its bare name, a run directory or a `.keras` file.

        The provenance of `x.keras` is `x.keras.json`, or `provenance.json` in a run directory.

        Raises:
            TrainingError: there is none, or its provenance is broken.
        """
        path = _shipped(source) or Path(source)
        network = path / MODEL if path.is_dir() else path
        if not network.is_file():
            raise TrainingError(
                f"{source} cannot be loaded",
                expected="a run directory, a .keras file or a model that ships",
                received=f"no such file; models that ship: {', '.join(shipped()) or 'none'}",
            )
        return cls(source=source, network=network, facts=_read_facts(network))

    @property
    def pair_network(self) -> Path | None:
        """Its pair network: `x.pair.keras`, or `pair.keras` in a run; None: it has none."""
        name = PAIR_MODEL if self.network.name == MODEL else f"{self.network.stem}.{PAIR_MODEL}"
        path = self.network.with_name(name)
        return path if path.is_file() else None

    @property
    def digest(self) -> str:
        """Hex sha256 of the `.keras` file."""
        return hashlib.sha256(self.network.read_bytes()).hexdigest()

    @property
    def trained_on(self) -> list[str]:
        """Names of the corpora, its own origin's among them."""
        return [str(name) for name in self.facts.get("trained_on", ())] or [UNKNOWN]

    @property
    def licence_note(self) -> str:
        """Terms of the data behind it."""
        if not self.facts.get("trained_on"):
            return f"started from weights of {UNKNOWN} ({Path(self.source).name}): their terms are not known"
        return str(self.facts.get("licence_note", ""))

    @property
    def corpora(self) -> list[Mapping[str, Any]]:
        """Records of the corpora, as `provenance` writes them."""
        return [record for record in self.facts.get("corpora", ()) if isinstance(record, Mapping)]


def shipped() -> tuple[str, ...]:
    """Names that `Origin.find` takes."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.keras") if "." not in path.stem))


def export(run: Run, name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Copy a run's networks and provenance to `NAME.keras`, `NAME.pair.keras` and `NAME.keras.json`.

    By default they lie where those of the models that ship do.

    Raises:
        TrainingError: the run has no network or no provenance, or the name is no bare name.
    """
    if not _NAME.fullmatch(name):
        raise TrainingError(
            "a model needs a bare name", expected="letters, digits, _ and -", received=repr(name)
        )
    facts = Run.open(run.path).provenance
    target = (SHIPPED if folder is None else Path(folder)) / f"{name}.keras"
    write_whole(_beside(target), json.dumps(facts, indent=2) + "\n")
    pair = target.with_name(f"{name}.{PAIR_MODEL}")
    pair.unlink(missing_ok=True)
    for source, copy in ((run.model_path, target), (run.pair_path, pair)):
        if source.is_file():
            write_whole(copy, source.read_bytes())
    return target


def _shipped(source: str) -> Path | None:
    return SHIPPED / f"{source}.keras" if source in shipped() else None


def _beside(network: Path) -> Path:
    return network.with_name(f"{network.name}.json")


def _read_facts(network: Path) -> Mapping[str, Any]:
    """Read the provenance of a network; empty where there is none."""
    for path in (_beside(network), network.with_name(PROVENANCE)):
        if path.is_file() and (path.name != PROVENANCE or network.name == MODEL):
            return read_facts(path)
    return {}
