"""`measure`: how fast one model is here; `Benchmark`: what was found."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import sigverify
from sigverify.decision import Decision
from sigverify.errors import ConfigError, SigverifyError, one_line
from sigverify.formats import read_capture
from sigverify.matcher import Matcher
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import Embedding, References
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.runtime.interpreters import Runtime
from sigverify.speed import first_decision
from sigverify.speed.board import Board
from sigverify.speed.timing import Timing, repeat
from sigverify.store import SqliteStore, Store
from sigverify.template import stored
from sigverify.verifier import Verifier

REFERENCES: Final = 5
STARTS: Final = 3
"""Processes of which the median start is told; each takes seconds on a slow board."""
START_TIMEOUT_S: Final = 300

STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "embed": "one capture to its embedding: features and network",
        "score": f"embed, unseal the template, compare with {REFERENCES} references",
        "verify": "the same, decided and recorded; no lock-out, no search for copies",
        "enroll": f"{REFERENCES} captures, checked and written to the disk",
        "identify": "the most alike of all who are enrolled",
    }
)
"""What is timed, and what each is."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What `measure` found.

    Attributes:
        model: the model's name.
        model_id: `Model.id`.
        modality: kind of the captures.
        runtime: what computed, never `auto`.
        native_core: whether the core in C had a part in it.
        threads: for the network.
        people: who were enrolled when `identify` was timed.
        steps: of each of `STEPS` its timing.
        cold_start_ms: process start to first decision, median of `STARTS`.
        peak_memory_mb: most that such a process held in memory; None where the system does not say.
        decision: of the probe, an acceptance with the captures that ship.
        embedding: SHA-256 of the probe's embedding, rounded as it is kept; equal numbers compute alike.
        load: other programs that were running, on average of the last minute; None where nobody says.
        board: the machine.
    """

    model: str
    model_id: str
    modality: str
    runtime: str
    native_core: bool
    threads: int
    people: int
    steps: Mapping[str, Timing]
    cold_start_ms: float
    peak_memory_mb: float | None
    decision: Decision
    embedding: str
    load: float | None
    board: Board

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "sigverify": sigverify.__version__,
            "model": self.model,
            "model_id": self.model_id,
            "modality": self.modality,
            "runtime": self.runtime,
            "native_core": self.native_core,
            "threads": self.threads,
            "people": self.people,
            "references": REFERENCES,
            "steps": {name: timing.to_dict() for name, timing in self.steps.items()},
            "cold_start_ms": self.cold_start_ms,
            "peak_memory_mb": self.peak_memory_mb,
            "accepted": self.decision.accepted,
            "score": self.decision.score,
            "embedding_sha256": self.embedding,
            "load": self.load,
            "machine": self.board.to_dict(),
        }


def measure(
    files: Sequence[Path],
    *,
    model: str = "base",
    runtime: Runtime | str = Runtime.AUTO,
    threads: int = 1,
    people: int = 20,
    seconds: float = 10.0,
) -> Benchmark:
    """Time each of `STEPS` in a store of its own that is deleted afterwards; no other store is opened.

    Args:
        files: captures of one person, `REFERENCES` to enroll and one to verify.
        model: a .sigmodel file, or the name of a model that ships.
        runtime: what runs it, see `Verifier.open`.
        threads: CPU threads for the network.
        people: how many are enrolled when `identify` is timed.
        seconds: how long the steps are repeated, all together; a slow machine takes longer, since each is run
            some times at least, and cold starts come on top.

    Raises:
        ConfigError: not so many files, or settings out of range.
        FormatError, ModelError, RuntimeUnavailable: what is wrong, and what to do.
        SigverifyError: a process that was started to be timed failed.
    """
    if len(files) != REFERENCES + 1:
        raise ConfigError(
            "number of captures", expected=f"{REFERENCES + 1} of one person", received=str(len(files))
        )
    if people < 1 or not 0 <= seconds < float("inf"):
        raise ConfigError("nothing to measure", expected="at least one person, and a length of time")
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    *references, probe = [read_capture(file) for file in files]
    with tempfile.TemporaryDirectory() as name:
        store, key = Path(name, "bench.db"), Path(name, "bench.key")
        Key.generate().to_file(key)
        matcher = Matcher.open(Model.read(model), runtime=runtime, threads=threads)
        with SqliteStore(store, key=Key.from_file(key)) as opened:
            verifier = Verifier(opened, matcher, policy=Policy.unguarded())
            steps = _time_steps(verifier, matcher, references, probe, people, seconds)
            decision = verifier.verify(first_decision.USER, probe)
        arguments = [store, key, model, runtime, threads, files[-1]]
        cold_start_ms = sorted(_start(arguments, 1)[0] for _ in range(STARTS))[STARTS // 2]
        _, peak_memory_mb = _start(arguments, first_decision.VERIFIES)
    return Benchmark(
        model=matcher.model.manifest.name,
        model_id=matcher.model.id,
        modality=matcher.modality.name,
        runtime=str(matcher.runtime),
        native_core=matcher.engine.aligner is not NUMPY,
        threads=threads,
        people=people,
        steps=steps,
        cold_start_ms=cold_start_ms,
        peak_memory_mb=peak_memory_mb,
        decision=decision,
        embedding=digest(matcher.embed(probe)),
        load=load,
        board=Board.here(),
    )


def digest(embedding: Embedding) -> str:
    """Return the SHA-256 of all that is kept of a capture, as it is kept."""
    kept = stored(References.stack([embedding]))
    parts = (kept.series, kept.detail, kept.sequence, kept.vector.astype("<f2"), kept.extent.astype("<f4"))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def _time_steps(
    verifier: Verifier,
    matcher: Matcher,
    references: Sequence[object],
    probe: object,
    people: int,
    seconds: float,
) -> dict[str, Timing]:
    """Enroll somebody, and time each step about them for an equal share of the time."""
    user = first_decision.USER

    def enroll() -> object:
        return verifier.enroll(user, references, replace=True, quality="record")

    enroll()
    _fill(verifier.store, user, people - 1)
    steps: dict[str, Callable[[], object]] = {
        "embed": lambda: matcher.embed(probe),
        "score": lambda: verifier.score(user, probe),
        "verify": lambda: verifier.verify(user, probe),
        "enroll": enroll,
        "identify": lambda: verifier.identify(probe, remember=False),
    }
    return {name: repeat(steps[name], seconds=seconds / len(STEPS)) for name in STEPS}


def _fill(store: Store, user: str, people: int) -> None:
    """Enroll the same person under other names: a search takes as long, however alike people are."""
    template = store.get(user, store.modalities(user)[0])
    with store.transaction():
        for number in range(people):
            store.put(replace(template, user_id=f"person-{number:05d}"))


def _start(arguments: Sequence[object], decisions: int) -> tuple[float, float | None]:
    """Run `first_decision` in a process; return milliseconds, and the megabytes that it held at most."""
    home = str(Path(sigverify.__file__).parents[1])
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
    # Without the folder that this was started in, where a file may have the name of a module.
    command = [sys.executable, "-P", "-m", first_decision.__name__, *map(str, arguments), str(decisions)]
    begun = time.perf_counter()
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a module of this package
            command,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=True,
        )
        took_ms = round(1000 * (time.perf_counter() - begun), 1)
        return took_ms, json.loads(done.stdout.splitlines()[-1])["peak_memory_mb"]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError) as error:
        said = str(getattr(error, "stderr", None) or "").strip().splitlines() or [one_line(error)]
        raise SigverifyError(
            "a process that was started to be timed did not decide", received=said[-1]
        ) from error
