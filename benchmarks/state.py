"""What it costs that removed and put-back rows are found: opening a large store, and each `verify`.

It decides whether all rows may be compared with the head at each opening (a second, for 100,000 people), and
which counter may stand outside: its price is paid by each change that waits for the disk.

    python benchmarks/state.py --people 100000
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import typer

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.modality.pen.signature import Signature
from sigverify.policy import Policy
from sigverify.policy.replay import KIND as REPLAY
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.counter import Counter, FileCounter
from sigverify.store.sealed import write_template
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
A_TRANSACTION = 1000


def main(people: int = 100_000, tries: int = 100) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        fill(path, people)
        typer.echo(f"{people} people of five references, {path.stat().st_size / 1e9:.2f} GB")
        for name, prepare in (("in memory", lambda: None), ("on the disk", lambda: drop(path))):
            compared, not_compared = (opening(path, prepare, compare=each) for each in (True, False))
            typer.echo(f"opening, pages {name}: {compared:.2f} s; {not_compared:.2f} s without comparing")
    with tempfile.TemporaryDirectory() as folder:
        counters = {"no counter": None, "a counter in a file": FileCounter(Path(folder, "count"))}
        for name, counter in counters.items():
            took = verify(Path(folder, f"{name}.db"), counter, tries)
            typer.echo(f"verify, {name}: {1e3 * took:.2f} ms")


def fill(path: Path, people: int) -> None:
    """Enroll one person, and all others by what that one left."""
    with Verifier.open(path, key=KEY) as verifier:
        verifier.enroll("user-0", signatures(5), quality="record")
        one = verifier.store.get("user-0", "pen")
        seen = verifier.store.read_record(REPLAY, "user-0") or b""
        store = verifier.store
        for start in range(1, people, A_TRANSACTION):
            with store.changing() as rows, store.transaction() as records:
                for number in range(start, min(people, start + A_TRANSACTION)):
                    write_template(store.ledger, rows, replace(one, user_id=f"user-{number}"))
                    records.put(REPLAY, f"user-{number}", seen)
                store.ledger.revise()


def signatures(count: int, seed: int = 1) -> list[Signature]:
    """Return as many of one invented writer."""
    corpus = synthesize(SyntheticConfig(writers=1, genuine=count, skilled=0, seed=seed))
    return [sample.capture for sample in corpus.samples]


def opening(path: Path, prepare: Callable[[], None], *, compare: bool) -> float:
    """Return the median time of five openings."""
    times = []
    for _ in range(5):
        prepare()
        begun = time.perf_counter()
        SqliteStore(path, key=KEY, compare=compare).close()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def drop(path: Path) -> None:
    """Have the system drop the file's pages from memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def verify(path: Path, counter: Counter | None, tries: int) -> float:
    """Return the median time of a try that is refused, which waits for the disk."""
    policy = Policy(per_user=None, per_device=None)
    with Verifier.open(path, key=KEY, policy=policy, counter=counter) as verifier:
        references, probes = signatures(5), signatures(tries, seed=2)
        verifier.enroll("alice", references, quality="record")
        times = []
        for probe in probes:
            begun = time.perf_counter()
            verifier.verify("alice", probe)
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    typer.run(main)
