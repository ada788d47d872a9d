"""Print what a kiosk feels of the SDK as a whole: cold start, verify, memory, a large store, identify.

    python benchmarks/footprint.py [--people N] [--runs N] [--verifies N] [--json]
    python benchmarks/footprint.py --growth [--verifies N]

Everything is measured in processes of their own, on one thread, with the policy for trusted callers but no
waits (the same person tries all day), and by libsigverify where that is built (`SIGVERIFY_NATIVE=off`: not).
What each line decides is said in `LINES`. Below its floor a line cannot go: that is the core, sealing, SQLite
and the libraries alone, without anything of ours in Python; where it is above a target, that is out of reach.
`--growth` verifies many times, and prints what is resident on the way.
The large store takes 20 kB a person on the disk while this runs.
100,000 people and 100,000 verifies take about a quarter of an hour.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

REFERENCES = 5
SMALL = 10
PROBES = 200
"""Written as files. What is shown a second time is refused: where acceptance counts, each is a new one."""
SHARE = 5
"""Of the runs of `verify`: so many of them for one in the large store."""
WRITER = 5
"""The seed that invents alice."""
STARTS = 15
FASTEST = 0.05
TWINS = 40
"""More than the templates that a store keeps open."""


KEPT = 64
"""Captures remembered of one person."""
WRITTEN = (2_000, 21_500, 40, 300, 136)
"""Bytes that a try reads and writes: digests of captures, what is remembered of the person, head and entry of
the log, the tally."""
LIBRARIES = """
import dataclasses, datetime, hashlib, json, logging, os, pathlib, sqlite3, threading, typing
import numpy
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
AESGCM(bytes(32)).encrypt(bytes(12), b"", b"")
from sigverify.runtime.native.declarations import ffi
import importlib.util, sigverify
folder = pathlib.Path(sigverify.__file__).parent
library = pathlib.Path(os.environ.get("SIGVERIFY_NATIVE") or folder / "runtime/native/libsigverify.so")
if not library.is_file():
    import ai_edge_litert.interpreter
else:
    core = ffi.dlopen(str(library))
    content = ffi.from_buffer((folder / "models/base.sigmodel").read_bytes())
    model, networks = ffi.new("sv_model **"), ffi.new("sv_litert **")
    litert = importlib.util.find_spec("ai_edge_litert").submodule_search_locations[0] + "/libLiteRt.so"
    core.sv_model_open(content, len(content), model), core.sv_litert_open(litert.encode(), model[0], networks)
print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
"""


@dataclass(frozen=True)
class Line:
    """One measure: its name, what it is, its unit, the most it may be, and what it decides."""

    name: str
    what: str
    unit: str
    most: float | None
    decides: str


LINES = (
    Line(
        "cold_start",
        "process start to first decision, median",
        "ms",
        500,
        "one process a decision, or a daemon",
    ),
    Line("verify_p50", "verify, accepted, median", "ms", 0.8, "whether a person at the gate notices"),
    Line(
        "verify_cpu",
        "the same, the processor's time, the fastest in twenty",
        "ms",
        None,
        "the same on a busy machine",
    ),
    Line(
        "verify_others",
        "the same, of somebody else each time",
        "ms",
        None,
        "what it is worth to keep templates open",
    ),
    Line("verify_floor", "its floor: core, sealing, one commit", "ms", None, "how little it could be"),
    Line(
        "verify_p99",
        "verify, accepted, 99th percentile / median",
        "x",
        3,
        "whether a deadline can be promised",
    ),
    Line("verify_rejected", "verify, rejected (synced to disk), median", "ms", None, "what the disk adds"),
    Line("score_p50", "score, no policy, median", "ms", None, "what policy costs"),
    Line(
        "core", "embed and compare with five references, alone, median", "ms", None, "how little it could be"
    ),
    Line(
        "over_core",
        "verify, accepted / that",
        "x",
        None,
        "whether to make the core faster or what is around it",
    ),
    Line("enroll", "enroll five signatures, median", "ms", 4, "the wait at the counter"),
    Line(
        "enroll_cpu",
        "the same, the processor's time, the fastest in twenty",
        "ms",
        None,
        "the same on a busy machine",
    ),
    Line("enroll_floor", "its floor: core, one synced commit", "ms", None, "how little it could be"),
    Line("memory", "resident after the first verifies", "MB", 50, "how small a board may be"),
    Line("memory_floor", "its floor: Python and libraries", "MB", None, "how little it could be"),
    Line("growth", "growth from there to the last verify", "MB", 1, "whether it may run for years"),
    Line("large_verify", "verify in the large store / in one of ten", "x", 1.2, "stores need not be split"),
    Line(
        "prepare_rows",
        "read all rows of the large store for the very first search",
        "ms",
        None,
        "whether a gallery is worth its disk",
    ),
    Line(
        "prepare",
        "the same from the gallery, in every process after that",
        "ms",
        1000,
        "prepare at start, not at the gate",
    ),
    Line(
        "identify", "identify among all of the large store, median", "ms", 20, "until when no index is needed"
    ),
    Line("identify_p99", "the same, 99th percentile", "ms", None, "whether a deadline can be promised"),
    Line(
        "gallery_memory", "what the gallery adds to a process", "MB", 100, "how many people a board may hold"
    ),
    Line(
        "identify_memory",
        "resident with the gallery in memory",
        "MB",
        200,
        "how small the server of a gate may be",
    ),
)


def main():
    """Measure in child processes and print the table, or measure one thing as such a child."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--verifies", type=int, default=100_000)
    parser.add_argument("--growth", action="store_true", help="print what is resident after many verifies")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "FOLDER", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, folder, count = options.child
        sys.stdout.write(json.dumps(CHILDREN[what](Path(folder), int(count))) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as name:
        found = _growth(Path(name), options) if options.growth else _measure(Path(name), options)
    if options.growth:
        for count, resident in found["resident"].items():
            sys.stdout.write(f"{int(count):9,} verifies: {resident:.1f} MB resident\n")
        return 0
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found, options)
    return int(any(line.most is not None and found[line.name] > line.most for line in LINES))


def _measure(folder, options):
    _prepare_signatures(folder)
    found = {"runtime": _make_stores(folder, options.people), "cold_start": _cold_start(folder)}
    for what, count in (
        ("verify", options.runs),
        ("floor", 200),
        ("grow", options.verifies),
        ("large", options.runs // SHARE),
        ("write", 1),
        ("identify", max(200, options.runs // 20)),
    ):
        found |= _child(what, folder, count)
    return found


def _growth(folder, options):
    """The small store alone."""
    _prepare_signatures(folder)
    _make_stores(folder, SMALL)
    return _child("grow", folder, options.verifies)


def _child(what, folder, count):
    """Run one measurement in a fresh process, on one thread, with its keys in `folder`."""
    command = [sys.executable, __file__, "--child", what, folder, str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=_environment(folder))
    return json.loads(done.stdout.splitlines()[-1])


def _environment(folder):
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder)}


def _cold_start(folder):
    """From outside: interpreter, imports, model, store, one signature file, one decision."""
    took = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        _child("first", folder, 1)
        took.append(1000 * (time.perf_counter() - begun))
    return float(np.median(took))


def _prepare_signatures(folder):
    """Write one synthetic writer's signatures as files: a device reads, it does not invent."""
    from sigverify.formats.plain_csv import encode

    for number, signature in enumerate(_invented(REFERENCES + PROBES)):
        (folder / f"{number:04d}.csv").write_bytes(encode(signature))


def _invented(count):
    from sigverify.corpora.synthetic import SyntheticConfig, synthesize

    corpus = synthesize(SyntheticConfig(writers=1, genuine=count, skilled=0, seed=WRITER))
    return [sample.capture for sample in corpus.samples]


def _make_stores(folder, people):
    """Enroll the writer into two stores of strangers, one small, one large; return what computes."""
    os.environ["XDG_STATE_HOME"] = str(folder)
    from crowd import make_crowd

    from sigverify import Verifier
    from sigverify.matcher import Matcher

    with Verifier.open(folder / "small.db") as verifier:
        verifier.enroll("alice", _signatures(folder, REFERENCES), quality="record")
        alice = verifier.store.get("alice", "pen")
        matcher = Matcher.open(verifier.model)
        crowd = make_crowd(matcher)
    for name, count in (("small.db", SMALL), ("large.db", people)):
        with Verifier.open(folder / name) as verifier:
            if name == "large.db":
                verifier.enroll("alice", _signatures(folder, REFERENCES), quality="record")
            _fill(verifier.store, alice, crowd, count - 1)
    return str(matcher.runtime)


def _fill(store, template, crowd, people):
    """Strangers with vectors of their own, and everything else as in `template`."""
    page = 2_000
    for start in range(0, people, page):
        vectors = crowd.people(min(page, people - start), references=REFERENCES, seed=start)[:, :REFERENCES]
        with store.transaction():
            for number, its in enumerate(_turned(vectors, store.renewal), start=start):
                references = replace(template.references, vector=its)
                user = f"user-{number:06d}"
                store.put(replace(template, user_id=user, references=references, created=datetime.now(UTC)))


def _turned(vectors, renewal):
    """Bring vectors `(n, r, e)` into a store's coordinates."""
    from sigverify.matching.embedding import References
    from sigverify.template import stored

    flat = vectors.reshape(-1, vectors.shape[-1])
    empty = np.zeros((len(flat), 1, 0), np.int8)
    extents = np.ones(len(flat), np.float32)
    its = References(series=empty, detail=empty, sequence=empty, vector=flat, extent=extents)
    return stored(renewal.turn(its)).vector.reshape(vectors.shape)


def _signatures(folder, count, start=0):
    from sigverify import read_signature

    return [read_signature(folder / f"{number:04d}.csv") for number in range(start, start + count)]


def _open(folder, name="small.db"):
    from sigverify import Verifier
    from sigverify.policy import Policy

    return Verifier.open(folder / name, policy=Policy(per_user=None, per_device=None))


def first(folder, _count):
    """One decision."""
    with _open(folder) as verifier:
        return {"accepted": verifier.verify("alice", _signatures(folder, 1, REFERENCES)[0]).accepted}


def verify(folder, count):
    """Latencies of everything about one person, who signs anew each time."""
    from sigverify.matcher import Matcher

    probes = _invented(REFERENCES + count)[REFERENCES:]
    with _open(folder) as verifier:
        by_outcome = {True: [], False: []}
        by_processor = []
        for probe in probes[: count // 2]:
            begun = time.process_time()
            took, decision = _timed(verifier.verify, "alice", probe)
            by_outcome[decision.accepted].append(took)
            if decision.accepted:
                by_processor.append(1000 * (time.process_time() - begun))
        twins = _twins(verifier.store)
        by_others = []
        for number, probe in enumerate(probes[count // 2 :]):
            took, decision = _timed(verifier.verify, twins[number % len(twins)], probe)
            if decision.accepted:
                by_others.append(took)
        scores = [_timed(verifier.score, "alice", probe)[0] for probe in probes[: count // 10]]
        matcher, template = Matcher.open(verifier.model), verifier.store.get("alice", "pen")

        def core(probe):
            return matcher.distances(matcher.embed(probe), template.references)

        alone = [_timed(core, probe)[0] for probe in probes[: count // 10]]
        references = _signatures(folder, REFERENCES, REFERENCES)
        enrolled, enrolled_by_processor = [], []
        for number in range(60):
            begun = time.process_time()
            enrolled.append(_timed(verifier.enroll, f"bob-{number}", references, quality="record")[0])
            enrolled_by_processor.append(1000 * (time.process_time() - begun))
    accepted = by_outcome[True]
    return {
        "verify_p50": float(np.median(accepted)),
        "verify_cpu": float(np.quantile(by_processor, FASTEST)),
        "verify_others": float(np.median(by_others)),
        "verify_p99": float(np.quantile(accepted, 0.99) / np.median(accepted)),
        "verify_rejected": float(np.median(by_outcome[False])) if by_outcome[False] else 0.0,
        "score_p50": float(np.median(scores)),
        "core": float(np.median(alone)),
        "over_core": float(np.median(accepted) / np.median(alone)),
        "enroll": float(np.median(enrolled)),
        "enroll_cpu": float(np.quantile(enrolled_by_processor, FASTEST)),
    }


def grow(folder, count):
    """Memory after some verifies and after many."""
    probes = _signatures(folder, PROBES, REFERENCES)
    with _open(folder) as verifier:
        resident = {}
        for number in range(1, count + 1):
            verifier.verify("alice", probes[number % PROBES])
            if number in (min(1000, count // 2), 10_000, 100_000, count):
                resident[number] = _resident_mb()
        early, *_, late = resident.values()
        return {"memory": early, "growth": late - early, "resident": resident}


def floor(folder, count):
    """What verifying, enrolling and the memory cannot go below."""
    from sigverify.matcher import Matcher
    from sigverify.matching.embedding import References
    from sigverify.model_file import Model

    matcher = Matcher.open(Model.read("base"))
    probes = _signatures(folder, REFERENCES + PROBES)
    outlines = [matcher.outlines(probe)[0] for probe in probes[: KEPT + REFERENCES]]
    references = References.stack([matcher.embed(probe) for probe in probes[:REFERENCES]])

    def compared(probe):
        examined = matcher.examine(probe, outlined=True)
        if examined.embedding is not None:
            matcher.distances(examined.embedding, references)
            matcher.runs_along(examined.outlines, outlines[REFERENCES:])

    def five(_probe):
        for probe in probes[:REFERENCES]:
            matcher.examine(probe, outlined=True)
            matcher.assess(probe)
        for _ in range(2):  # with pressure and without
            matcher.spread(references)
            for number in range(0 if matcher.model.people is None else len(matcher.model.people)):
                matcher.distances(matcher.model.people[number], references)

    def fastest(step):
        return float(
            np.quantile([_timed(step, probes[number % PROBES])[0] for number in range(count)], FASTEST)
        )

    sealed, synced = (_committing(folder / f"floor-{name}.db", sync=name) for name in ("NORMAL", "FULL"))
    return {
        "verify_floor": fastest(compared) + fastest(_sealing()) + fastest(sealed),
        "enroll_floor": fastest(five) + fastest(synced),
        "memory_floor": _libraries_mb(),
    }


def _sealing():
    """Return what opens and seals as much as one try does."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, nonce = AESGCM(bytes(32)), bytes(12)
    contents = [bytes(size) for size in WRITTEN]
    closed = [cipher.encrypt(nonce, content, b"") for content in contents]

    def step(_probe):
        for content, sealed in zip(contents, closed, strict=True):
            cipher.decrypt(nonce, sealed, b"")
            cipher.encrypt(nonce, content, b"")

    return step


def _committing(path, *, sync):
    """Return what reads and writes as much as one try does, in one transaction of SQLite."""
    database = sqlite3.connect(path, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        f"PRAGMA synchronous = {sync}",
        "CREATE TABLE rows (number INTEGER PRIMARY KEY, content BLOB)",
    ):
        database.execute(statement)
    contents = [bytes(size) for size in WRITTEN]

    def step(_probe):
        database.execute("BEGIN IMMEDIATE")
        for number, content in enumerate(contents):
            database.execute("SELECT content FROM rows WHERE number = ?", (number,)).fetchone()
            database.execute("INSERT OR REPLACE INTO rows VALUES (?, ?)", (number, content))
        database.execute("COMMIT")

    return step


def _libraries_mb():
    """Return what is resident where Python has loaded the libraries, and LiteRT the networks, and no more."""
    command = [sys.executable, "-c", LIBRARIES]
    return float(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    )


def _twins(store):
    """Enroll the writer under other names too, which need no comparing; return these."""
    alice = store.get("alice", "pen")
    names = [f"alice-{number}" for number in range(TWINS)]
    with store.transaction():
        for name in names:
            store.put(replace(alice, user_id=name))
    return names


def large(folder, count):
    """The same person in a small and in a large store, in turn, so that both meet the same load."""
    probes = _invented(REFERENCES + (SHARE + 1) * count)[-count:]  # after those that `verify` showed
    took = {"small.db": [], "large.db": []}
    with _open(folder) as small, _open(folder, "large.db") as big:
        for probe in probes:
            for name, verifier in (("small.db", small), ("large.db", big)):
                milliseconds, decision = _timed(verifier.verify, "alice", probe)
                if decision.accepted:
                    took[name].append(milliseconds)
    return {"large_verify": float(np.median(took["large.db"]) / np.median(took["small.db"]))}


def write(folder, _count):
    """Read all rows for the first search, and write the gallery."""
    with _open(folder, "large.db") as verifier:
        return {"prepare_rows": _timed(verifier.prepare)[0]}


def identify(folder, count):
    """Search the large store; the memory is that of a process which does nothing else."""
    probes = _signatures(folder, PROBES, REFERENCES)
    with _open(folder, "large.db") as verifier:
        before = _resident_mb()
        prepared, _ = _timed(verifier.prepare)
        added = _resident_mb() - before
        took, found = [], 0
        for number in range(count):
            milliseconds, matches = _timed(verifier.identify, probes[number % PROBES])
            took.append(milliseconds)
            found += matches[0].user_id == "alice"
        if found < 0.9 * count:
            raise SystemExit(f"found the writer {found} times of {count}: this measures something else")
        return {
            "prepare": prepared,
            "identify": float(np.median(took)),
            "identify_p99": float(np.quantile(took, 0.99)),
            "gallery_memory": added,
            "identify_memory": _resident_mb(),
        }


CHILDREN = {each.__name__: each for each in (first, verify, floor, grow, large, write, identify)}


def _timed(call, *arguments, **options):
    """Return milliseconds and the result."""
    begun = time.perf_counter()
    result = call(*arguments, **options)
    return 1000 * (time.perf_counter() - begun), result


def _resident_mb():
    """Return what this process holds in memory, libraries included, as the system counts it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _print(found, options):
    out = [
        f"{options.people:,} people in the large store, {options.runs:,} runs, {options.verifies:,} verifies",
        f"runtime: {found['runtime']}",
        "",
    ]
    for line in LINES:
        value, most = found[line.name], "" if line.most is None else f"≤ {line.most:g}"
        note = "" if line.most is None or value <= line.most else "   <- above its target"
        out.append(f"{value:9.2f} {line.unit:3}{most:>7}   {line.what}; decides: {line.decides}{note}")
    busy = os.getloadavg()[0] - 1
    if busy > 0.5:
        out.append(f"\nAbout {busy:.1f} other programs were running beside this: quiet figures are lower.")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    sys.exit(main())
