"""Print what a search of 1:N costs from a thousand vectors to a million, and what that means for more.

    python benchmarks/large_gallery.py           # up to 100,000 vectors: a minute or two
    python benchmarks/large_gallery.py --full    # up to 1,000,000: a quarter of an hour

Five references a person. Each store is a real one but for its templates, which a search does not read; each
figure is of a process of its own. Times are the processor's, so that other programs disturb little: a disk
that is slow comes on top, and what runs on two cores takes half of it. Decides from how many people on
`index="approximate"` is worth its misses, and how a process has to begin. The last columns are extrapolated
from the two largest sizes measured.
"""

import argparse
import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from crowd import make_crowd

from sigverify import Key, Model
from sigverify.errors import RuntimeUnavailable
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.runtime.native.library import Library
from sigverify.search import Searcher
from sigverify.store import SqliteStore
from sigverify.template import Template, stored

REFERENCES = 5
PAGE = 2_000
PROBES = 1_000
SHORTLIST = 12
TARGET = 0.99
KEY = Key(bytes(range(32)))

SMALL = (1_000, 10_000, 100_000)
FULL = (*SMALL, 500_000, 1_000_000)
BEYOND = (1_000_000, 10_000_000, 100_000_000)

FIGURES = {
    "open_s": "open the store, s",
    "rows_s": "first search by rows, s",
    "gallery_s": "first search by the gallery, s",
    "gallery_mb": "gallery, MB",
    "exact_ms": "exact, ms",
    "exact_mb": "exact, MB in memory",
    "build_s": "build the graph, s of all processors",
    "restored_s": "restore it, s",
    "graph_mb": "graph, MB",
    "approximate_ms": "approximate, ms",
    "approximate_mb": "approximate, MB in memory",
    "recall": "recall@1",
    "recall_12": f"recall@{SHORTLIST}",
}
BOUNDED = ("recall", "recall_12")
"""What does not grow with the vectors, and is not extrapolated."""

CURVED = ("build_s", "approximate_ms")
"""What a graph takes grows faster, or slower, than the vectors in it."""

CHANGES = {
    1_000: "all in the processor's cache; read from the rows, no gallery",
    10_000: "the gallery begins, at 2,000 people",
    100_000: "coarse parts, 6.4 MB, leave the cache: memory's speed from here on",
    500_000: "the first search by rows takes seconds: prepare at the start, from the gallery",
    1_000_000: "the approximate index is worth its misses, its graph has to be kept",
    10_000_000: "exact search misses a gate's patience; opening compares the marks of two million people",
    100_000_000: "no single process: parts of the people each on a machine of its own",
}


def main():
    """Measure in child processes, print a table as docs/search.md has it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="up to a million vectors")
    parser.add_argument("--vectors", nargs="+", type=int, help="these numbers instead")
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "FOLDER", "PEOPLE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, folder, people = options.child
        sys.stdout.write(json.dumps(CHILDREN[what](Path(folder), int(people))) + "\n")
        return 0
    sizes = options.vectors or (FULL if options.full else SMALL)
    measured = {size: _measure(size) for size in sizes}
    sys.stdout.write("\n".join(_table(measured)) + "\n")
    return int(any(found.get("recall", 1) < TARGET for found in measured.values()))


def _measure(vectors):
    people, found = vectors // REFERENCES, {}
    with tempfile.TemporaryDirectory() as name:
        for what in ("fill", "by_rows", "by_gallery", "build", "restore"):
            sys.stderr.write(f"{vectors:,}: {what}\n")
            command = [sys.executable, __file__, "--child", what, name, str(people)]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
            found |= json.loads(done.stdout.splitlines()[-1])
    return found


def fill(folder, people):
    """Make a store; its templates are a few bytes that nobody opens."""
    matcher = Matcher.open(Model.read("base"))
    crowd = make_crowd(matcher)
    one = _one_template(matcher, crowd)
    probes = []
    with SqliteStore(folder / "its.db", key=KEY) as store:
        for start in range(0, people, PAGE):
            count = min(PAGE, people - start)
            vectors = crowd.people(count, references=REFERENCES, seed=start)
            probes.append(vectors[:, REFERENCES])
            turned = _turned(vectors[:, :REFERENCES].reshape(count * REFERENCES, -1), store.renewal)
            with store.changing() as rows:
                if not start:
                    store.ledger.put_model("pen", matcher.model.id)
                for number, its in enumerate(turned.reshape(count, REFERENCES, -1), start=start):
                    user = f"user-{number:07d}"
                    references = dataclasses.replace(one.references, vector=its)
                    sealed = rows.seal_vectors(dataclasses.replace(one, user_id=user, references=references))
                    nonce = rows.seal_entry("none", number, b"")
                    store.ledger.put_person(rows.user(user), "pen", nonce, sealed)
                store.ledger.revise()
        everybody = np.concatenate(probes)
        rng = np.random.default_rng(1)
        chosen = everybody[rng.choice(len(everybody), min(PROBES, len(everybody)), replace=False)]
        np.save(folder / "probes.npy", _turned(chosen, store.renewal).astype(np.float32))
    return {}


def by_rows(folder, _people):
    """Open and search for the first time; where there are many people, that writes the gallery."""
    opened, searched, *_ = _search(folder, "exact")
    beside = folder / "its.db-gallery"
    size = sum(path.stat().st_size for path in beside.iterdir()) / 2**20 if beside.is_dir() else math.nan
    return {"open_s": opened, "rows_s": searched, "gallery_mb": size}


def by_gallery(folder, _people):
    """The same by a process that comes later, and a search."""
    _, searched, memory, searcher = _search(folder, "exact")
    found, took = _nearest(searcher, np.load(folder / "probes.npy"))
    np.save(folder / "nearest.npy", np.array(found))
    kept = (folder / "its.db-gallery").is_dir()
    return {"gallery_s": searched if kept else math.nan, "exact_ms": took, "exact_mb": memory}


def build(folder, _people):
    """The first search by the approximate index; where there are many people, that keeps its graph."""
    return {"build_s": _search(folder, "approximate")[1]}


def restore(folder, _people):
    """The same by a process that comes later, and how often it finds whom the exact index finds."""
    _, searched, memory, searcher = _search(folder, "approximate")
    found, took = _nearest(searcher, np.load(folder / "probes.npy"))
    wanted = np.load(folder / "nearest.npy").tolist()
    path = folder / "its.db-gallery" / "pen.graph"
    return {
        "restored_s": searched if path.exists() else math.nan,
        "graph_mb": path.stat().st_size / 2**20 if path.exists() else math.nan,
        "approximate_ms": took,
        "approximate_mb": memory,
        "recall": float(np.mean([f[:1] == w[:1] for f, w in zip(found, wanted, strict=True)])),
        "recall_12": float(np.mean([len({*f} & {*w}) / len(w) for f, w in zip(found, wanted, strict=True)])),
    }


CHILDREN = {each.__name__: each for each in (fill, by_rows, by_gallery, build, restore)}


def _search(folder, kind):
    """Open the store and prepare a search: seconds of each, megabytes that it added, and what searches."""
    matcher = Matcher.open(Model.read("base"))
    begun = time.process_time()
    store = SqliteStore(folder / "its.db", key=KEY)
    opened = time.process_time() - begun
    before, searcher = _resident_mb(), Searcher(store, matcher, kind=kind)
    begun = time.process_time()
    searcher.prepare()
    searched = time.process_time() - begun
    return opened, searched, _resident_mb() - before, searcher


def _nearest(searcher, probes):
    """Return the nearest people to each probe, by user id, and the median milliseconds of the index alone."""
    found, took = [], []
    for probe in probes:
        begun = time.process_time()
        ids, _ = searcher._finder.nearest(probe, SHORTLIST)
        took.append(time.process_time() - begun)
        found.append(ids)
    return found, 1000 * float(np.median(took))


def _one_template(matcher, crowd):
    vectors = crowd.people(1, references=REFERENCES, seed=0)[0, :REFERENCES]
    return Template(
        user_id="one",
        model_id=matcher.model.id,
        modality="pen",
        references=stored(_references(vectors)),
        spread=np.zeros((REFERENCES, REFERENCES, 1), np.float32),
        created=datetime.now(UTC),
    )


def _turned(vectors, renewal):
    """Bring vectors `(n, e)` into a store's coordinates."""
    return stored(renewal.turn(_references(vectors))).vector


def _references(vectors):
    """References of nothing but vectors."""
    count = len(vectors)
    empty = np.zeros((count, 1, 0), np.int8)
    return References(
        series=empty, detail=empty, sequence=empty, vector=vectors, extent=np.ones(count, np.float32)
    )


def _resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _table(measured):
    yield f"{_how()}; medians of up to {PROBES:,} probes. ≈: extrapolated from the two largest."
    yield ""
    shown = {size: dict(found) for size, found in measured.items()}
    marks = dict.fromkeys(shown, "")
    if len(measured) > 1:
        for size in BEYOND:
            if size > max(measured):
                shown[size], marks[size] = _extrapolated(measured, size), "≈ "
    yield "| vectors | " + " | ".join(f"{marks[size]}{size:,}" for size in shown) + " |"
    yield "|" + "---|" * (len(shown) + 1)
    for name, title in FIGURES.items():
        cells = (f"{marks[size]}{_said(found.get(name, math.nan))}" for size, found in shown.items())
        yield f"| {title} | " + " | ".join(cells) + " |"
    yield ""
    yield "| from about | what changes |"
    yield "|---|---|"
    for size in shown:
        if size in CHANGES:
            yield f"| {size:,} vectors | {CHANGES[size]} |"


def _how():
    try:
        Library.find()
    except RuntimeUnavailable:
        return "Exact search in numpy"
    return "Exact search in C"


def _extrapolated(measured, size):
    """Go on as the two largest sizes do: in proportion, or along a power of the number of vectors."""
    small, large = sorted(measured)[-2:]
    found = {}
    for name in FIGURES:
        first, last = measured[small].get(name, math.nan), measured[large].get(name, math.nan)
        if name in BOUNDED or not (first > 0 and last > 0):
            continue
        if name in CURVED:
            power = math.log(last / first) / math.log(large / small)
            found[name] = last * (size / large) ** power
        else:
            found[name] = last + (last - first) / (large - small) * (size - large)
    return found


def _said(value):
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
