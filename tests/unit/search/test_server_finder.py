"""A search by a PostgreSQL server with pgvector: it finds whom the exact one does, and is not trusted."""

import re
import subprocess
import threading

import numpy as np
import pytest
from builders import arithmetic_matcher, references, signature, template
from in_threads import in_threads

from sigverify.errors import ConfigError, DamagedStore, StoreError, StoreUnreachable
from sigverify.fleet import FleetStore
from sigverify.fleet.roles import Roles, make_roles
from sigverify.matching.embedding import Embedding
from sigverify.protection.keys import Key
from sigverify.search import Searcher, server_finder
from sigverify.search.groups import join_group, leave_group
from sigverify.search.index import IndexKind
from sigverify.search.memory_finder import MemoryFinder
from sigverify.search.server_finder import ServerFinder, drop_vectors, make_vectors
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.check import Damage, Part, check, repair
from sigverify.store.clear_vectors import ClearVectors
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import change_renewal, rekey
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
MATCHER = arithmetic_matcher()
VECTORS = "SELECT COUNT(*) FROM sigverify.clear_vectors"


@pytest.fixture
def url(searching_postgres):
    """A database that has the extension."""
    its = searching_postgres.url()
    searching_postgres.execute("CREATE EXTENSION vector", its)
    yield its
    searching_postgres.take_back(its)


@pytest.fixture
def store(url):
    with PostgresStore(url, key=KEY) as its:
        make_vectors(its)
        yield its


@pytest.fixture
def ask(searching_postgres, url):
    """Return a function that does to the server what its administrator could."""
    return lambda statement: searching_postgres.execute(statement, url)


def put(store, its, **options):
    store.put(change_renewal(its, None, store.renewal), **options)


def people(store, count, *, start=0):
    each = [template(f"user-{seed:03d}", 1 + seed % 3, seed=seed) for seed in range(start, start + count)]
    with store.transaction():
        for its in each:
            put(store, its)
    return each


def like(its, index=0):
    """A probe near one reference of a template."""
    noise = references(1, seed=7_000)[0].vector
    vector = its.references.vector[index] + 0.3 * noise
    return Embedding(
        series=its.references.series[index],
        detail=its.references.detail[index],
        sequence=its.references.sequence[index],
        vector=vector / np.linalg.norm(vector),
        extent=float(its.references.extent[index]),
    )


def ids(matches):
    return [match.user_id for match in matches]


def both(store):
    return Searcher(store, MATCHER, kind="server"), Searcher(store, MATCHER)


def test_finds_whom_the_exact_one_finds(store):
    everybody = people(store, 40)
    by_server, exact = both(store)
    for its in everybody[::4]:
        found = by_server.search(like(its), top_k=12)
        assert found == exact.search(like(its), top_k=12)
        assert found[0].user_id == its.user_id
        assert by_server.search(like(its), top_k=3, fpir=0.01) == exact.search(like(its), top_k=3, fpir=0.01)
    assert by_server.prepare() == 40
    assert len(by_server.search(like(everybody[0]), top_k=99)) == 40


@pytest.fixture
def thousands(url):
    """A store of 1,000 people, 3,000 vectors with a graph, opened so that nothing but the graph is used."""
    only = "&options=-c%20enable_seqscan%3Doff%20-c%20enable_bitmapscan%3Doff%20-c%20enable_sort%3Doff"
    with PostgresStore(url + only, key=KEY) as its:
        rng = np.random.default_rng(0)
        one = template("x", 3)
        with its.changing() as rows:
            its.ledger.put_model("pen", one.model_id)
            for number in range(1_000):
                vectors = rng.normal(size=(3, one.references.vector.shape[1])).astype(np.float32)
                vectors[1:] = vectors[0] + 0.5 * vectors[1:]
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                person = _with_vectors(one, f"user-{number}", vectors)
                sealed = rows.seal_template(person), rows.seal_vectors(person)
                its.ledger.put_person(rows.user(person.user_id), "pen", *sealed)
            its.ledger.revise()
        assert make_vectors(its) == {"pen": one.references.vector.shape[1]}
        yield its


def _with_vectors(one, user_id, vectors):
    from dataclasses import replace

    from sigverify.template import stored

    return replace(one, user_id=user_id, references=stored(replace(one.references, vector=vectors)))


def test_the_graph_misses_hardly_anybody(thousands):
    finder = ServerFinder(thousands, "pen")
    exact = MemoryFinder(thousands, "pen", IndexKind.EXACT)
    rng, met = np.random.default_rng(1), []
    for _ in range(60):
        probe = rng.normal(size=template("x", 1).references.vector.shape[1]).astype(np.float32)
        probe /= np.linalg.norm(probe)
        found, number = finder.find(probe, 12)
        wanted, _ = exact.nearest(probe, 12)
        assert (len(found), number) == (12, 1_000)
        met.append(len({each.user_id for each in found} & {*wanted}) / 12)
    assert np.mean(met) > 0.97
    ((plan,),) = [row for row in _plan(thousands, probe) if "Index Scan" in row[0]]
    assert "clear_pen_64" in plan


def _plan(store, probe):
    with store.reading():
        return store.database.execute(
            "EXPLAIN SELECT subject, seal FROM clear_vectors WHERE modality = ? "
            "ORDER BY (vector::public.halfvec(64)) OPERATOR(public.<#>) ?::public.halfvec LIMIT ?",
            ("pen", str(probe.tolist()), 144),
        ).fetchall()


@pytest.mark.parametrize("worth", [0, 10**9], ids=["walked", "whole"])
def test_groups(store, worth, monkeypatch):
    monkeypatch.setattr(server_finder, "_WORTH", worth)
    everybody = people(store, 30)
    for its in everybody[:4]:
        join_group(store, its.user_id, "staff")
    by_server, exact = both(store)
    for its in (everybody[2], everybody[20]):
        found = by_server.search(like(its), top_k=9, among="staff")
        assert found == exact.search(like(its), top_k=9, among="staff")
        assert len(found) == 4
        strict = {"top_k": 9, "among": "staff", "fpir": 0.01}
        assert by_server.search(like(its), **strict) == exact.search(like(its), **strict)
    assert by_server.search(like(everybody[0]), among="cleaners") == []
    leave_group(store, "user-001", "staff")
    join_group(store, "user-020", "staff")
    assert sorted(ids(by_server.search(like(everybody[20]), top_k=9, among="staff"))) == [
        "user-000", "user-002", "user-003", "user-020",
    ]  # fmt: skip
    assert ServerFinder(store, "pen").find(like(everybody[0]).vector, 12, "staff")[1] == 4
    with pytest.raises(ConfigError, match="name a group"):
        by_server.search(like(everybody[0]), among="a\nb")


def test_a_name_that_can_be_spelled_in_two_ways_is_one_member(store):
    put(store, template("zo\u00eb", 2, seed=3))
    join_group(store, "zoe\u0308", "staff")
    finder = ServerFinder(store, "pen")
    found, number = finder.find(template("x", 1, seed=3).references.vector[0], 12, "staff")
    assert ([each.user_id for each in found], number) == (["zo\u00eb"], 1)


def test_groups_follow_a_rekey_and_whoever_is_forgotten(url):
    with PostgresStore(url, key=KEY) as store:
        make_vectors(store)
        with Verifier(store, MATCHER, index="server") as verifier:
            for writer in range(4):
                genuine = [signature(writer, k) for k in range(3)]
                verifier.enroll(f"user-{writer}", genuine, quality="record", groups=["staff"])
            assert len(verifier.identify(signature(2, 9), among="staff")) == 4
            verifier.forget("user-1")
            assert sorted(ids(verifier.identify(signature(2, 9), among="staff"))) == [
                "user-0", "user-2", "user-3",
            ]  # fmt: skip
            rekey(store)
            assert ids(verifier.identify(signature(2, 10), among="staff"))[0] == "user-2"
            assert len(verifier.identify(signature(2, 11), among="staff")) == 3


def test_forgotten_replaced_and_rekeyed_vectors_are_gone_at_once(store, ask):
    everybody = people(store, 9)
    by_server, exact = both(store)
    assert by_server.prepare() == 9
    before = ask("SELECT vector::text FROM sigverify.clear_vectors")
    # By another connection, which knows nothing of any search.
    with PostgresStore(store.database._url, key=KEY) as other:
        other.delete("user-002")  # had three vectors
        put(other, template("user-003", 2, seed=500), replace=True)  # had one
    assert ask(VECTORS) == [(len(before) - 3 - 1,)]
    new = template("user-003", 2, seed=500)
    assert ids(by_server.search(like(new), top_k=1)) == ["user-003"]
    assert "user-002" not in ids(by_server.search(like(everybody[2]), top_k=20))
    rekey(store)
    assert ask(VECTORS) == [(0,)]
    assert by_server.search(like(everybody[5]), top_k=8) == exact.search(like(everybody[5]), top_k=8)
    after = ask("SELECT vector::text FROM sigverify.clear_vectors")
    assert len(after) == len(before) - 3 - 1 + 2
    assert not {*before} & {*after}


def test_who_joins_a_group_is_not_placed_anew(store, ask):
    people(store, 3)
    finder = ServerFinder(store, "pen")
    finder.prepare()
    places = "SELECT ctid::text FROM sigverify.clear_vectors ORDER BY 1"
    before = ask(places)
    join_group(store, "user-001", "staff")
    finder.prepare()
    assert ask(places) == before


def test_several_processes_at_once(url, ask):
    with PostgresStore(url, key=KEY) as store:
        make_vectors(store)
        people(store, 250)
        ready, found = threading.Barrier(3), []

        def begin(_):
            with PostgresStore(url, key=KEY) as its:
                searcher = Searcher(its, MATCHER, kind="server")
                ready.wait()
                found.append(searcher.prepare())
                found.append(ids(searcher.search(like(template("user-007", 2, seed=7)), top_k=1)))

        in_threads(3, begin)
        assert sorted(found, key=str) == [250] * 3 + [["user-007"]] * 3
        assert ask(VECTORS) == [(sum(1 + seed % 3 for seed in range(250)),)]


def test_who_is_forgotten_or_replaced_meanwhile_does_not_come_back(store, url, monkeypatch, ask):
    people(store, 6)
    putting = ClearVectors._put

    def put_late(its, *arguments):
        arguments = [list(each) if not isinstance(each, str) else each for each in arguments]
        with PostgresStore(url, key=KEY) as other:
            other.delete("user-001")
            put(other, template("user-002", 1, seed=900), replace=True)
        monkeypatch.setattr(ClearVectors, "_put", putting)
        putting(its, *arguments)

    monkeypatch.setattr(ClearVectors, "_put", put_late)
    searcher = Searcher(store, MATCHER, kind="server")
    assert searcher.prepare() == 5
    assert ClearVectors(store).strays() == []
    assert ids(searcher.search(like(template("user-002", 1, seed=900)), top_k=1)) == ["user-002"]
    assert ask("SELECT COUNT(DISTINCT subject) FROM sigverify.clear_vectors") == [(5,)]


def test_interrupted_within_a_page(store, monkeypatch, ask):
    monkeypatch.setattr(server_finder, "_PAGE", 5)
    everybody = people(store, 12)
    searcher, putting, pages = Searcher(store, MATCHER, kind="server"), ClearVectors._put, []

    def put_two_pages(its, *arguments):
        putting(its, *arguments)
        pages.append(1)
        if len(pages) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClearVectors, "_put", put_two_pages)
        with pytest.raises(KeyboardInterrupt):
            searcher.prepare()
    assert ask("SELECT COUNT(DISTINCT subject) FROM sigverify.clear_vectors") == [(5,)]
    for its in everybody:
        assert ids(searcher.search(like(its), top_k=1)) == [its.user_id]


def test_a_line_that_breaks_within_a_page(store, monkeypatch, ask):
    everybody = people(store, 4)
    searcher, putting = Searcher(store, MATCHER, kind="server"), ClearVectors._put

    def put_and_break(its, *arguments):
        putting(its, *arguments)
        store.database.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(ClearVectors, "_put", put_and_break)
        with pytest.raises(StoreUnreachable):
            searcher.prepare()
    assert ask(VECTORS) == [(0,)]
    assert ids(searcher.search(like(everybody[3]), top_k=1)) == ["user-003"]


def test_another_model_after_all_are_gone(store, ask):
    people(store, 5)
    searcher = Searcher(store, MATCHER, kind="server")
    assert make_vectors(store) == {"pen": 64}
    for user in store.users():
        store.delete(user)
    assert ask(VECTORS) == [(0,)]
    assert searcher.search(like(template("x", 1))) == []
    other = template("user-001", 2, model_id="f" * 16)
    short = other.references.vector[:, :32] / np.linalg.norm(other.references.vector[:, :32], axis=1)[:, None]
    store.put(_with_vectors(other, "user-001", short))
    with pytest.raises(StoreError, match="fleet init --vectors"):
        searcher.prepare()
    assert make_vectors(store) == {"pen": 32}
    assert searcher.prepare() == 1


class TestWhatIsMissing:
    def test_no_extension(self, searching_postgres):
        with PostgresStore(searching_postgres.url(), key=KEY) as its:
            for asked in (make_vectors, lambda store: Searcher(store, MATCHER, kind="server")):
                with pytest.raises(ConfigError, match=r"CREATE EXTENSION vector") as caught:
                    asked(its)
                assert "postgresql-17-pgvector" in str(caught.value)

    def test_an_extension_that_is_too_old(self, url, ask):
        ask("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
        with PostgresStore(url, key=KEY) as its, pytest.raises(ConfigError, match=r"0\.8 or newer"):
            make_vectors(its)

    def test_nobody_asked_for_the_table(self, url):
        with PostgresStore(url, key=KEY) as its, pytest.raises(ConfigError, match="fleet init --vectors"):
            Searcher(its, MATCHER, kind="server")

    def test_a_store_without_a_server_of_its_own(self, url, tmp_path):
        with SqliteStore(MEMORY, key=KEY) as its, pytest.raises(ConfigError, match="no server"):
            Searcher(its, MATCHER, kind="server")
        with (
            FleetStore(url, key=KEY, cache=tmp_path / "its.db", poll_s=None) as its,
            pytest.raises(ConfigError, match="opened without a copy"),
        ):
            Searcher(its, MATCHER, kind="server")

    def test_what_a_search_by_a_server_has_not(self, url, tmp_path):
        for place, options in (
            (tmp_path / "its.db", {}),
            (url, {"cache": tmp_path / "its.db"}),
        ):
            with pytest.raises(ConfigError, match="there is no copy here"):
                Verifier.open(place, key=KEY, index="server", **options)
        assert list(tmp_path.iterdir()) == []


def test_taken_away_again(store, ask):
    people(store, 2)
    drop_vectors(store)
    drop_vectors(store)
    store.delete("user-000")
    assert ask("SELECT 1 FROM pg_tables WHERE tablename = 'clear_vectors'") == []
    assert check(store).sound


def test_a_dump_without_the_vectors(store, searching_postgres, url):
    everybody = people(store, 5)
    make_vectors(store)
    tools = searching_postgres._binaries
    skipping = ["--schema=sigverify", "--exclude-table-data=sigverify.clear_vectors"]
    dump = subprocess.run([tools / "pg_dump", *skipping, url], capture_output=True, check=True).stdout
    assert b"clear_pen_64" in dump
    assert re.search(rb"\[-?0\.\d", dump) is None
    other = searching_postgres.url()
    searching_postgres.execute("CREATE EXTENSION vector", other)
    read = [tools / "psql", "--set=ON_ERROR_STOP=1", other]
    subprocess.run(read, input=dump, capture_output=True, check=True)
    with PostgresStore(other, key=KEY) as its:
        assert ids(Searcher(its, MATCHER, kind="server").search(like(everybody[3]), top_k=1)) == ["user-003"]


class TestAServerThatLies:
    """Whoever controls it alters rows as they like; they have no key."""

    @pytest.fixture
    def crowd(self, store):
        everybody = people(store, 30)
        make_vectors(store)
        return everybody

    def subject(self, store, user_id):
        return f"'\\x{store.subject(user_id).hex()}'"

    def test_it_invents_people(self, store, crowd, ask):
        searcher = Searcher(store, MATCHER, kind="server")
        wanted = searcher.search(like(crowd[7]), top_k=5)
        ask(
            "INSERT INTO sigverify.clear_vectors SELECT sha256(n::text::bytea), 'pen', 0, seal, vector "  # noqa: S608
            f"FROM sigverify.clear_vectors, generate_series(1, 300) AS n "
            f"WHERE subject = {self.subject(store, 'user-007')} AND place = 0"
        )
        assert searcher.search(like(crowd[7]), top_k=5) == wanted
        with store.reading():
            assert store.people() == 30

    def test_it_gives_somebody_the_vectors_of_another(self, store, crowd, ask):
        searcher = Searcher(store, MATCHER, kind="server")
        own = self.subject(store, "user-003")
        ask(
            "UPDATE sigverify.clear_vectors SET vector = (SELECT vector FROM sigverify.clear_vectors "  # noqa: S608
            f"WHERE subject = {self.subject(store, 'user-007')} AND place = 0) WHERE subject = {own}"
        )
        found = searcher.search(like(crowd[7]), top_k=30)
        scores = {match.user_id: match.score for match in found}
        honest = Searcher(store, MATCHER).search(like(crowd[7]), top_k=30)
        assert scores == {match.user_id: match.score for match in honest}
        assert ids(searcher.search(like(crowd[7]), fpir=0.001)) == ["user-007"]

    def test_it_says_a_vector_is_of_who_was_replaced(self, store, crowd, ask):
        searcher = Searcher(store, MATCHER, kind="server")
        ask("ALTER TABLE sigverify.seals DISABLE TRIGGER drop_clear_vectors")
        store.delete("user-005")
        put(store, template("user-004", 1, seed=800), replace=True)
        found = searcher.search(like(crowd[5]), top_k=30)
        assert "user-005" not in ids(found)
        assert ids(searcher.search(like(template("user-004", 1, seed=800)), top_k=1)) == ["user-004"]
        # Of the one who is gone all three vectors, and of the one replaced the second, are left.
        assert {(each.part, each.damage) for each in check(store).findings} == {
            (Part.CLEAR_VECTORS, Damage.REMAINS)
        }
        assert repair(store).sound
        assert check(store).sound
        assert ids(searcher.search(like(crowd[6]), top_k=1)) == ["user-006"]

    def test_it_exchanges_templates(self, store, crowd, ask):
        one, other = self.subject(store, "user-003"), self.subject(store, "user-007")
        ask(
            "UPDATE sigverify.templates SET content = (SELECT content FROM sigverify.templates "  # noqa: S608
            f"WHERE subject = {one}) WHERE subject = {other}"
        )
        with pytest.raises(DamagedStore):
            Searcher(store, MATCHER, kind="server").search(like(crowd[7]))

    def test_it_leaves_people_out(self, store, crowd, ask):
        searcher = Searcher(store, MATCHER, kind="server")
        searcher.prepare()
        ask(f"DELETE FROM sigverify.clear_vectors WHERE subject = {self.subject(store, 'user-007')}")  # noqa: S608
        assert "user-007" not in ids(searcher.search(like(crowd[7]), top_k=30))
        again = Searcher(store, MATCHER, kind="server")
        assert ids(again.search(like(crowd[7]), top_k=1)) == ["user-007"]

    def test_it_puts_something_else_in_the_place_of_the_table(self, store, crowd, ask):
        searcher = Searcher(store, MATCHER, kind="server")
        assert ids(searcher.search(like(crowd[7]), top_k=1)) == ["user-007"]
        ask("ALTER TABLE sigverify.clear_vectors RENAME TO aside")
        ask(
            "CREATE VIEW sigverify.clear_vectors AS "
            "SELECT NULL::bytea AS subject, modality, place, seal, vector FROM sigverify.aside"
        )
        assert searcher.search(like(crowd[7]), top_k=1) == []

    def test_it_makes_the_store_look_small(self, store, crowd, ask):
        finder = ServerFinder(store, "pen")
        finder.prepare()
        probe = like(crowd[7]).vector
        ask("DELETE FROM sigverify.clear_vectors")
        ask("DELETE FROM sigverify.seals WHERE part = 'people'")
        assert finder.find(probe, 12) == ([], 30)


@pytest.fixture
def roles(store, searching_postgres, url):
    """A store with roles, and a function that opens it as a login of each."""
    prefix = "searching"
    make_roles(store, Roles.of(prefix))
    for role in ("kiosks", "stations"):
        searching_postgres.execute(f"DROP ROLE IF EXISTS {role}_login", url)
        searching_postgres.execute(f"CREATE ROLE {role}_login LOGIN IN ROLE {prefix}_{role}", url)

    def opened(role):
        return PostgresStore(url.replace("tester@", f"{role}_login@"), key=KEY, create=False)

    yield opened
    for role in ("kiosks", "stations"):
        searching_postgres.execute(f"DROP ROLE {role}_login", url)


def test_stations_put_vectors_there_and_kiosks_search(store, roles):
    everybody = people(store, 8)
    with roles("kiosks") as its:
        assert Searcher(its, MATCHER, kind="server").search(like(everybody[3])) == []
    with roles("stations") as its:
        searcher = Searcher(its, MATCHER, kind="server")
        assert ids(searcher.search(like(everybody[3]), top_k=1)) == ["user-003"]
        put(its, template("user-003", 1, seed=600), replace=True)
        assert ids(searcher.search(like(template("user-003", 1, seed=600)), top_k=1)) == ["user-003"]
    with roles("kiosks") as its:
        searcher = Searcher(its, MATCHER, kind="server")
        assert ids(searcher.search(like(everybody[5]), top_k=1)) == ["user-005"]
        for statement in ("DELETE FROM clear_vectors", "UPDATE clear_vectors SET seal = ''"):
            with pytest.raises(StoreError, match="permission denied"), its.database.guard("write"):
                its.database.execute(statement)
    assert ClearVectors(store).strays() == []


def test_roles_that_were_made_first_may_use_the_table(url, searching_postgres):
    with PostgresStore(url, key=KEY) as store:
        make_roles(store, Roles.of("earlier"))
        make_vectors(store)
    may = "SELECT has_table_privilege('earlier_{}', 'sigverify.clear_vectors', '{}')"
    for role, right, has in (
        ("kiosks", "SELECT", True),
        ("kiosks", "INSERT", False),
        ("stations", "INSERT", True),
        ("stations", "DELETE", False),
    ):
        assert searching_postgres.execute(may.format(role, right), url) == [(has,)]
