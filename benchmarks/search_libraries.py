"""Is the exact search of 1:N worth its own code? The same vectors by libraries, in one run.

    python benchmarks/search_libraries.py                       # 100,000 people of five references
    pip install faiss-cpu && python benchmarks/search_libraries.py

All find the twelve nearest of all vectors (64 dimensions, of length 1) by inner product on one thread, whose
own time is measured, so that other programs disturb little. The
floor is what memory gives: as many bytes read and added up as the vectors take as int8. It decides whether
`sigverify/search/exact.py` stays, as docs/own-code.md says.
"""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import typer

from sigverify.arrays import Float32Array, Int8Array
from sigverify.errors import RuntimeUnavailable
from sigverify.runtime.native.library import Library
from sigverify.search.exact import ExactIndex

DIMENSIONS = 64
REFERENCES = 5
NEAREST = 12
REPETITIONS = 25
WANTED = NEAREST * REFERENCES
"""Vectors that a library has to return: all may be of one person."""
NOISE = 0.05

Search = Callable[[], object]


def main(people: Annotated[int, typer.Option("--people")] = 100_000) -> None:
    """Print medians, and how many times the floor each is."""
    rng = np.random.default_rng(0)
    vectors = _unit(rng.standard_normal((people * REFERENCES, DIMENSIONS)))
    probe = _unit(vectors[7] + NOISE * rng.standard_normal(DIMENSIONS))
    bytes_ = np.rint(127 * vectors).astype(np.int8)
    asked = np.rint(127 * probe).astype(np.int8)
    words = bytes_.view(np.int64)
    floor = _median_ms(words.sum)
    typer.echo(f"{people:,} people, {len(vectors):,} vectors, {bytes_.nbytes / 1e6:.0f} MB as int8")
    typer.echo(f"{'floor: int8 read once':42s} {floor:7.2f} ms")
    searches = [
        *_ours(vectors, probe),
        ("numpy, float32, products alone", lambda: vectors @ probe),
        *_numkong(bytes_, asked),
        *_usearch(bytes_, asked),
        *_faiss(vectors, probe),
    ]
    for name, search in searches:
        median = _median_ms(search)
        typer.echo(f"{name:42s} {median:7.2f} ms  {median / floor:5.1f} times the floor")


def _ours(vectors: Float32Array, probe: Float32Array) -> Iterator[tuple[str, Search]]:
    owners = np.repeat(np.arange(len(vectors) // REFERENCES, dtype=np.int32), REFERENCES)
    with contextlib.suppress(RuntimeUnavailable):
        compiled = ExactIndex(DIMENSIONS, Library.find())
        compiled.put(owners, vectors)
        yield "ours in C: exact, people ranked", lambda: compiled.nearest(probe, NEAREST)
    index = ExactIndex(DIMENSIONS)
    index.put(owners, vectors)
    yield "ours in numpy: the same", lambda: index.nearest(probe, NEAREST)


def _numkong(vectors: Int8Array, probe: Int8Array) -> Iterator[tuple[str, Search]]:
    if numkong := _library("numkong"):
        asked = probe[np.newaxis]
        yield "numkong, int8, products alone", lambda: numkong.cdist(asked, vectors, metric="dot")


def _usearch(vectors: Int8Array, probe: Int8Array) -> Iterator[tuple[str, Search]]:
    if usearch := _library("usearch.index"):
        asked, metric = probe[np.newaxis], usearch.MetricKind.IP
        yield (
            "usearch, int8, exact",
            lambda: usearch.search(vectors, asked, WANTED, metric=metric, exact=True, threads=1),
        )


def _faiss(vectors: Float32Array, probe: Float32Array) -> Iterator[tuple[str, Search]]:
    if faiss := _library("faiss"):
        faiss.omp_set_num_threads(1)
        asked = probe[np.newaxis]
        flat = faiss.IndexFlatIP(DIMENSIONS)
        flat.add(vectors)
        yield "faiss, float32, exact", lambda: flat.search(asked, WANTED)
        coded = faiss.IndexScalarQuantizer(
            DIMENSIONS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        coded.train(vectors)
        coded.add(vectors)
        yield "faiss, 8 bits, exact", lambda: coded.search(asked, WANTED)


def _library(name: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        typer.echo(f"{name} is not installed")
        return None


def _unit(vectors) -> Float32Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def _median_ms(search: Search) -> float:
    search()
    taken = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        search()
        taken.append(time.process_time() - start)
    return 1000 * float(np.median(taken))


if __name__ == "__main__":
    typer.run(main)
