"""Print what it costs to let a PostgreSQL server with pgvector find people, beside the exact search.

    python benchmarks/server_search.py                      # 10,000 and 100,000 vectors: some minutes
    python benchmarks/server_search.py --vectors 500000     # these numbers instead

Five references a person, in a server of its own behind a socket: on a network each of the eight questions of
a search adds a round trip. Templates hold nothing but vectors, so what is measured is the search, not the
comparison in full. Times are by the clock, of up to 300 probes those that one in ten stays below: other
programs only add to them. Decides from how many people on `index="server"` is worth what it gives away, and
up to which size a group is compared whole.
"""

import argparse
import dataclasses
import json
import math
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from crowd import make_crowd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from postgres_server import PostgresServer, find_binaries

from sigverify import Key, Model
from sigverify.arrays import Float32Array
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.search import server_finder
from sigverify.search.groups import KIND
from sigverify.search.index import IndexKind
from sigverify.search.memory_finder import MemoryFinder
from sigverify.search.server_finder import ServerFinder, make_vectors
from sigverify.store.clear_vectors import ClearVectors
from sigverify.store.postgres import PostgresStore
from sigverify.template import Template, stored

REFERENCES = 5
NEW = 100
SHORTLIST = 12
PROBES = 300
PAGE = 1_000
SHARES = (1, 10, 100, 1_000)
"""One person in so many is in a group."""
BEYOND = (1_000_000, 10_000_000, 100_000_000)
KEY = Key(bytes(range(32)))

SIZES = """
SELECT pg_table_size('sigverify.clear_vectors'), pg_relation_size('sigverify.clear_vectors_pkey'),
    pg_relation_size('sigverify.clear_pen_64'), count(*) FROM sigverify.clear_vectors
"""
PARTS = ("rows", "primary key", "graph")


def main():
    """Measure each size on a database of its own, and print a table as docs/search.md has it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--memory", default="512MB", help="maintenance_work_mem, for building the graph")
    options = parser.parse_args()
    binaries = find_binaries(extension="vector")
    if binaries is None:
        sys.exit("no PostgreSQL server with pgvector here")
    matcher = Matcher.open(Model.read("base"))
    crowd = make_crowd(matcher)
    server = PostgresServer(binaries)
    try:
        found = {size: measure(server, matcher, crowd, size, options.memory) for size in options.vectors}
    finally:
        server.close()
    show(found)
    return 0


def measure(server, matcher, crowd, vectors, memory):
    """Fill a store, and search it both ways."""
    url = server.url()
    server.execute("CREATE EXTENSION vector", url)
    with PostgresStore(f"{url}&options=-c%20maintenance_work_mem%3D{memory}", key=KEY) as store:
        sys.stderr.write(f"{vectors:,}: fill\n")
        probes = fill(store, matcher, crowd, vectors // REFERENCES)
        ClearVectors(store).make()
        begun = time.perf_counter()
        ServerFinder(store, "pen").prepare()
        result = {"put vectors there, s": time.perf_counter() - begun}
        begun = time.perf_counter()
        make_vectors(store)
        result["make the graph, s"] = time.perf_counter() - begun
        *sizes, count = server.execute(SIZES, url)[0]
        bytes_each = {
            f"{name}, bytes a vector": size / count for name, size in zip(PARTS, sizes, strict=True)
        }
        result |= bytes_each | {"all, bytes a vector": sum(bytes_each.values())}
        exact, by_server = MemoryFinder(store, "pen", IndexKind.EXACT), ServerFinder(store, "pen")
        for name, finder in (("exact", exact), ("server", by_server)):
            before, begun = resident_mb(), time.perf_counter()
            finder.prepare()
            result[f"{name}: a process begins, s"] = time.perf_counter() - begun
            result[f"{name}: MB in memory"] = resident_mb() - before
        sys.stderr.write(f"{vectors:,}: search\n")
        wanted, took = searched(lambda probe: exact.nearest(probe, SHORTLIST), probes)
        # The same people are read and opened, so that both are the whole way to the shortlist's templates.
        _, result["exact, ms"] = searched(lambda probe: ids(exact.find(probe, SHORTLIST)), probes)
        result["exact, index alone, ms"] = took
        found, result["server, ms"] = searched(lambda probe: ids(by_server.find(probe, SHORTLIST)), probes)
        result["recall@1"], result[f"recall@{SHORTLIST}"] = recall(found, wanted)
        before = resident_mb()
        by_server.find(probes[0], SHORTLIST, "one in 1")
        result["server, everybody in a group: MB in memory"] = resident_mb() - before
        for share in SHARES:
            result |= of_group(exact, by_server, probes, share)
        enroll(store, matcher, crowd, vectors // REFERENCES, NEW)
        begun = time.perf_counter()
        by_server.prepare()
        result[f"{NEW} people who are new, s"] = time.perf_counter() - begun
        return result


def of_group(exact, by_server, probes, share):
    """Search one group by both ways of the server, whichever it would take."""
    group, some = f"one in {share}", probes[: max(20, len(probes) // 10)]
    wanted, _ = searched(lambda probe: exact.nearest(probe, SHORTLIST, group), some)
    result, worth = {}, server_finder._WORTH
    for name, its in (("whole", math.inf), ("walked", 0)):
        server_finder._WORTH = its
        found, took = searched(lambda probe: ids(by_server.find(probe, SHORTLIST, group)), some)
        result[f"{group}, {name}: ms"] = took
        result[f"{group}, {name}: recall@{SHORTLIST}"] = recall(found, wanted)[1]
    server_finder._WORTH = worth
    return result


def fill(store, matcher, crowd, people):
    """Enroll so many; return turned probes of some of them, each `(e,)`."""
    probes = [
        enroll(store, matcher, crowd, start, min(PAGE, people - start)) for start in range(0, people, PAGE)
    ]
    everybody, rng = np.concatenate(probes), np.random.default_rng(1)
    chosen = everybody[rng.choice(len(everybody), min(PROBES, len(everybody)), replace=False)]
    empty = np.zeros((1, 1, 0), np.int8)
    return [vector_of(store.renewal.turn(references(its[None], empty))) for its in chosen]


def enroll(store, matcher, crowd, start, count):
    """Enroll people of these numbers; return a probe of each, `(count, e)`."""
    empty = np.zeros((REFERENCES, 1, 0), np.int8)
    vectors = crowd.people(count, references=REFERENCES, seed=start)
    one = Template(
        user_id="one",
        model_id=matcher.model.id,
        modality="pen",
        references=stored(references(vectors[0, :REFERENCES], empty)),
        spread=np.zeros((REFERENCES, REFERENCES, 1), np.float32),
        created=datetime.now(UTC),
    )
    with store.transaction() as records, store.changing() as rows:
        if not start:
            store.ledger.put_model("pen", matcher.model.id)
        for number, its in enumerate(vectors[:, :REFERENCES], start=start):
            user = f"user-{number:07d}"
            turned = store.renewal.turn(references(its, empty))
            template = dataclasses.replace(one, user_id=user, references=stored(turned))
            sealed = rows.seal_template(template), rows.seal_vectors(template)
            store.ledger.put_person(rows.user(user), "pen", *sealed)
            groups = [f"one in {share}" for share in SHARES if number % share == 0]
            records.put(KIND, user, json.dumps(groups).encode())
        store.ledger.revise()
    return vectors[:, REFERENCES]


def references(vectors, empty):
    """References of nothing but vectors."""
    return References(
        series=empty, detail=empty, sequence=empty, vector=vectors, extent=np.ones(len(vectors), np.float32)
    )


def vector_of(turned) -> Float32Array:
    """Return the only vector."""
    return np.asarray(turned.vector[0], np.float32)


def ids(found):
    """Return user ids in place of templates."""
    templates, people = found
    return [each.user_id for each in templates], people


def searched(search, probes):
    """Return who is found for each probe, and the milliseconds that one in ten stays below."""
    found, took = [], []
    for probe in probes:
        begun = time.perf_counter()
        people, _ = search(probe)
        took.append(time.perf_counter() - begun)
        found.append(people)
    return found, 1000 * float(np.percentile(took, 10))


def resident_mb():
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def recall(found, wanted):
    """Return the shares of those first, and of those of the shortlist, that are found."""
    pairs = list(zip(found, wanted, strict=True))
    first = np.mean([f[:1] == w[:1] for f, w in pairs])
    return float(first), float(np.mean([len({*f} & {*w}) / max(1, len(w)) for f, w in pairs]))


def show(found):
    """Print a table of what was measured, and what the bytes come to for more."""
    sizes = list(found)
    sys.stdout.write("| vectors | " + " | ".join(f"{size:,}" for size in sizes) + " |\n")
    sys.stdout.write("|" + "---|" * (len(sizes) + 1) + "\n")
    for name in found[sizes[-1]]:
        sys.stdout.write(f"| {name} | " + " | ".join(f"{found[size][name]:.4g}" for size in sizes) + " |\n")
    each = found[sizes[-1]]
    sys.stdout.write("\n| GB on the server, in proportion | " + " | ".join(f"{n:,}" for n in BEYOND) + " |\n")
    sys.stdout.write("|" + "---|" * (len(BEYOND) + 1) + "\n")
    for part in (*PARTS, "all"):
        cells = (f"{each[f'{part}, bytes a vector'] * size / 1e9:.3g}" for size in BEYOND)
        sys.stdout.write(f"| {part} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    sys.exit(main())
