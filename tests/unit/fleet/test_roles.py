"""What each database role may do on a real server: by hand, with anything, and by the SDK."""

import contextlib
import itertools

import pytest
from builders import arithmetic_matcher, signature

from sigverify.administration import forget, unlock
from sigverify.audit import AuditLog
from sigverify.errors import ConfigError, StoreError
from sigverify.fleet import FleetStore
from sigverify.fleet.roles import Roles, make_roles, statements
from sigverify.fleet.shipped import kiosks, shipped_log
from sigverify.protection.keys import Key
from sigverify.search.groups import join_group
from sigverify.store.check import check
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
NUMBERS = itertools.count()
MEMBERS = {"kiosk": "kiosks", "other": "kiosks", "station": "stations", "administrator": "administrators"}


def genuine(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


class Fleet:
    """A server with roles, and a login in each of them."""

    def __init__(self, postgres, url, folder):
        self.postgres, self.owner, self.folder = postgres, url, folder
        self.prefix = f"test{next(NUMBERS)}"
        self.roles = Roles.of(self.prefix)
        with PostgresStore(self.owner, key=KEY) as store:
            make_roles(store, self.roles)
        admitted = "INSERT INTO sigverify.kiosk_keys VALUES ('one', '\\x01', '')"
        postgres.execute(admitted, self.owner)
        for login, role in MEMBERS.items():
            group = getattr(self.roles, role)
            postgres.execute(f"CREATE ROLE {self.prefix}_{login} LOGIN IN ROLE {group}", self.owner)

    def url(self, login):
        return self.owner.replace("tester@", f"{self.prefix}_{login}@")

    @contextlib.contextmanager
    def verifier(self, login):
        cache = self.folder / f"{login}.db"
        store = FleetStore(self.url(login), key=KEY, cache=cache, create=False, poll_s=None)
        with Verifier(store, arithmetic_matcher()) as its:
            yield its

    def attempt(self, login, statement):
        """Try a statement, undo it, and say what came of it."""
        import psycopg

        with psycopg.connect(self.url(login)) as connection:
            connection.execute("SET search_path TO sigverify, pg_catalog")
            try:
                cursor = connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                return "refused"
            else:
                return "allowed" if cursor.rowcount else "nothing"
            finally:
                connection.rollback()

    def log_of(self, login):
        """The kind of the journal that a login began."""
        asked = f"SELECT kind FROM sigverify.log_owners WHERE owner = '{self.prefix}_{login}'"  # noqa: S608
        ((kind,),) = self.postgres.execute(asked, self.owner)
        return kind


@pytest.fixture(scope="module")
def fleet(postgres, tmp_path_factory):
    """A fleet with two people, a log of its own, and one of each of two kiosks."""
    its = Fleet(postgres, postgres.url(), tmp_path_factory.mktemp("fleet"))
    with its.verifier("station") as verifier:
        verifier.enroll("alice", genuine(0), groups=["staff"])
        verifier.enroll("bob", genuine(1))
    for login in ("kiosk", "other"):
        with its.verifier(login) as verifier:
            assert not verifier.verify("alice", signature(2, 7 + len(login))).accepted
    return its


A, NO, Z = "allowed", "refused", "nothing"
"""Done; an error; no row is seen, and none is changed."""
WHO = ("kiosk", "station", "administrator")
TABLES = (
    "version",
    "state",
    "models",
    "templates",
    "vectors",
    "records",
    "gone",
    "journals",
    "log_owners",
    "kiosk_keys",
    "seals",
    "counters",
)


def note(kind):
    return f"INSERT INTO records (kind, subject, content) VALUES ('{kind}', '\\x00', '')"  # noqa: S608


def add(kind):
    end = f"(SELECT COALESCE(MAX(number), 0) + 1 FROM journals WHERE kind = '{kind}')"  # noqa: S608
    return f"INSERT INTO journals VALUES ('{kind}', {end}, '')"  # noqa: S608


COUNTING = "INSERT INTO counters (store, number, mac) VALUES ('x', 5, ''); UPDATE counters SET number = {}"
ACTIONS = {
    # what: the statement, and what comes of it for a kiosk, a station and an administrator
    "read who is enrolled": ("SELECT * FROM templates", A, A, A),
    "read the head": ("SELECT * FROM state", A, A, A),
    "read what kiosks share": ("SELECT * FROM records WHERE kind = 'lockout'", A, A, A),
    "read captures seen": ("SELECT * FROM records WHERE kind = 'seen'", Z, A, A),
    "read the fleet's log": ("SELECT * FROM journals WHERE kind = 'audit'", Z, A, A),
    "read its own log": ("SELECT * FROM journals WHERE kind = '{own}'", A, Z, A),
    "read another's log": ("SELECT * FROM journals WHERE kind = '{others}'", Z, Z, A),
    "begin a change": ("SELECT 1 FROM state FOR UPDATE", A, A, A),
    "count a change": ("UPDATE state SET revision = revision + 1", NO, A, A),
    "give it another secret": ("UPDATE state SET salt = '', secret = ''", NO, NO, A),
    "delete the head": ("DELETE FROM state", NO, NO, NO),
    "a second head": ("INSERT INTO state SELECT * FROM state", NO, NO, NO),
    "say another version": ("UPDATE version SET version = 9", NO, NO, NO),
    "write the tally": ("UPDATE state SET tally = ''", A, A, A),
    "read the marks": ("SELECT * FROM seals", A, A, A),
    "mark somebody enrolled": ("INSERT INTO seals VALUES ('people', 'pen', '\\x00', '')", NO, A, A),
    "mark people otherwise": ("UPDATE seals SET mark = '' WHERE part = 'people'", Z, A, A),
    "take marks of people": ("DELETE FROM seals WHERE part = 'people'", Z, Z, A),
    "mark a failure": ("INSERT INTO seals VALUES ('records', 'lockout', '\\x00', '')", A, A, A),
    "take marks of failures": ("DELETE FROM seals WHERE kind = 'lockout'", A, A, A),
    "take marks of captures": ("DELETE FROM seals WHERE kind = 'replay'", Z, A, A),
    "mark a group": ("INSERT INTO seals VALUES ('records', 'groups', '\\x00', '')", NO, A, A),
    "mark its own log's head": ("UPDATE seals SET mark = '' WHERE kind = '{own}'", A, Z, A),
    "mark another log's head": ("UPDATE seals SET mark = '' WHERE kind = '{others}'", Z, Z, A),
    "make a mark another's": ("UPDATE seals SET kind = 'groups' WHERE kind = 'lockout'", NO, NO, NO),
    "begin a counter": ("INSERT INTO counters (store, number, mac) VALUES ('x', 1, '')", A, A, A),
    "another's counter": (
        "INSERT INTO counters (store, number, mac, owner) VALUES ('x', 1, '', 'tester')", NO, NO, NO,
    ),
    "count up": (COUNTING.format("number + 1"), A, A, A),
    "count down": (COUNTING.format("number - 1"), NO, NO, NO),
    "delete a counter": ("DELETE FROM counters", NO, NO, NO),
    "enroll": ("INSERT INTO templates VALUES ('\\x00', 'pen', '')", NO, A, A),
    "enroll to be found": ("INSERT INTO vectors VALUES ('\\x00', 'pen', '', 0)", NO, A, A),
    "replace": ("UPDATE templates SET content = ''", NO, A, A),
    "bind a model": ("INSERT INTO models VALUES ('iris', '')", NO, A, A),
    "forget": ("DELETE FROM templates", NO, NO, A),
    "forget vectors": ("DELETE FROM vectors", NO, NO, A),
    "free a model": ("DELETE FROM models", NO, NO, A),
    "note a failure": (note("lockout"), A, A, A),
    "alter failures": ("UPDATE records SET content = '' WHERE kind = 'lockout'", A, A, A),
    "clear failures": ("DELETE FROM records WHERE kind = 'lockout'", A, A, A),
    "note a capture": (note("replay"), A, A, A),
    "delete captures": ("DELETE FROM records WHERE kind = 'replay'", Z, A, A),
    "join a group": (note("groups"), NO, A, A),
    "change groups": ("UPDATE records SET content = '' WHERE kind = 'groups'", Z, A, A),
    "leave groups": ("DELETE FROM records WHERE kind = 'groups'", Z, A, A),
    "any other record": (note("x"), NO, A, A),
    "make a record another's": ("UPDATE records SET kind = 'groups' WHERE kind = 'lockout'", NO, NO, NO),
    "date a record back": ("UPDATE records SET changed = 0", NO, NO, NO),
    "its own log's head": ("UPDATE records SET content = '' WHERE kind = '{own}'", A, Z, A),
    "another log's head": ("UPDATE records SET content = '' WHERE kind = '{others}'", Z, Z, A),
    "a head for another's log": (
        note("{others}"), NO, NO, A,
    ),
    "delete its own log's head": ("DELETE FROM records WHERE kind = '{own}'", Z, Z, A),
    "the fleet's log's head": ("UPDATE records SET content = '' WHERE kind = 'audit'", Z, A, A),
    "delete the fleet's log's head": ("DELETE FROM records WHERE kind = 'audit'", Z, Z, A),
    "forget what was deleted": ("DELETE FROM gone", NO, NO, NO),
    "say that a record was deleted": ("INSERT INTO gone VALUES ('groups', '\\x00', 0)", NO, NO, NO),
    "add to its own log": (add("{own}"), A, NO, NO),
    "add to another's log": (add("{others}"), NO, NO, NO),
    "begin a log": ("INSERT INTO journals VALUES ('audit of anybody', 1, '')", A, A, A),
    "add to the fleet's log": (add("audit"), NO, A, A),
    "leave a gap in its own log": ("INSERT INTO journals VALUES ('{own}', 4711, '')", NO, NO, NO),
    "any other journal": ("INSERT INTO journals VALUES ('x', 1, '')", NO, NO, A),
    "alter its own log": ("UPDATE journals SET content = '' WHERE kind = '{own}'", NO, NO, A),
    "alter another's log": ("UPDATE journals SET content = '' WHERE kind = '{others}'", NO, NO, A),
    "alter the fleet's log": ("UPDATE journals SET content = '' WHERE kind = 'audit'", NO, NO, A),
    "move an entry": ("UPDATE journals SET number = 4711", NO, NO, NO),
    "delete its own log": ("DELETE FROM journals WHERE kind = '{own}'", NO, NO, NO),
    "delete the fleet's log": ("DELETE FROM journals WHERE kind = 'audit'", NO, NO, NO),
    "take over a log": ("UPDATE log_owners SET owner = SESSION_USER", NO, NO, NO),
    "say a log is one's own": ("INSERT INTO log_owners VALUES ('audit of x', SESSION_USER)", NO, NO, NO),
    "read keys wrapped for kiosks": ("SELECT * FROM kiosk_keys", A, A, A),
    "admit a kiosk": ("INSERT INTO kiosk_keys VALUES ('three', '\\x00', '')", NO, NO, A),
    "exchange a kiosk's key": ("UPDATE kiosk_keys SET wrapped = ''", NO, NO, A),
    "revoke a kiosk": ("DELETE FROM kiosk_keys", NO, NO, A),
    "make a table": ("CREATE TABLE sigverify.mine (x INT)", NO, NO, NO),
    "make a temporary table": ("CREATE TEMPORARY TABLE gone (x INT)", NO, NO, NO),
    "make a function": ("CREATE FUNCTION sigverify.f() RETURNS INT LANGUAGE sql RETURN 1", NO, NO, NO),
    "make a schema": ("CREATE SCHEMA mine", NO, NO, NO),
    "make a role": ("CREATE ROLE mine", NO, NO, NO),
    "plant a trigger": (
        "CREATE TRIGGER t BEFORE DELETE ON records FOR EACH ROW EXECUTE FUNCTION note_record()", NO, NO, NO,
    ),
    "switch a trigger off": ("ALTER TABLE journals DISABLE TRIGGER ALL", NO, NO, NO),
    "switch policies off": ("ALTER TABLE records DISABLE ROW LEVEL SECURITY", NO, NO, NO),
    "read without policies": ("SET row_security TO off; SELECT * FROM journals", NO, NO, NO),
    "skip triggers": ("SET session_replication_role TO replica", NO, NO, NO),
    "call what notes": ("SELECT note_record()", NO, NO, NO),
    "be an administrator": ("SET ROLE {administrators}", NO, NO, "nothing or allowed"),
    "count on": ("SELECT nextval('record_changes')", NO, NO, NO),
    **{f"empty {table}": (f"TRUNCATE {table}", NO, NO, NO) for table in TABLES},
    **{f"drop {table}": (f"DROP TABLE {table} CASCADE", NO, NO, NO) for table in TABLES},
}  # fmt: skip


@pytest.mark.parametrize("what", ACTIONS)
def test_what_each_role_may(fleet, what):
    statement, *expected = ACTIONS[what]
    own, others = map(fleet.log_of, ("kiosk", "other"))
    for login, wanted in zip(WHO, expected, strict=True):
        asked = statement.format(own=own, others=others, administrators=fleet.roles.administrators)
        assert fleet.attempt(login, asked) in wanted.split(" or "), login


@pytest.fixture
def own_fleet(postgres, database, tmp_path):
    """A fleet of the test's own, with alice in it."""
    its = Fleet(postgres, database, tmp_path)
    with its.verifier("station") as verifier:
        verifier.enroll("alice", genuine(0))
    return its


def test_a_kiosk_does_its_work(own_fleet):
    with own_fleet.verifier("kiosk") as one, own_fleet.verifier("other") as other:
        assert one.verify("alice", signature(0, 7)).accepted
        assert not one.verify("alice", signature(1, 7)).accepted
        assert [match.user_id for match in one.identify(signature(0, 8))] == ["alice"]
        for each in (one, other):
            each.store.synchronize()
        assert not other.verify("alice", signature(0, 7)).accepted  # a copy of what was shown at the first
        assert other.verify("alice", signature(0, 9)).accepted  # and so the failures there are cleared
        for each in (other, one):
            each.store.synchronize()
        assert one.store.read_record("lockout", "alice") is None
    with PostgresStore(own_fleet.url("administrator"), key=KEY) as store:
        logs = [shipped_log(store, name) for name in kiosks(store)]
        assert all(log.verify() for log in logs)
        assert [log.verify().entries for log in logs] == [2, 2]


@pytest.mark.parametrize(
    "change",
    [
        lambda verifier: verifier.enroll("mallory", genuine(3)),
        lambda verifier: verifier.enroll("alice", genuine(3), replace=True),
        lambda verifier: verifier.forget("alice"),
        lambda verifier: join_group(verifier.store, "alice", "staff"),
        lambda verifier: unlock(verifier.store, "alice"),
    ],
    ids=["enroll", "replace", "forget", "join", "unlock"],
)
def test_a_kiosk_changes_nobody(own_fleet, change):
    with own_fleet.verifier("kiosk") as verifier:
        with pytest.raises(StoreError, match=r"fleet\.md, roles"):
            change(verifier)
        assert verifier.users() == ("alice",)
        assert verifier.verify("alice", signature(0, 9)).accepted
    with PostgresStore(own_fleet.owner, key=KEY) as store:
        assert store.users() == ("alice",)
        assert AuditLog(store).verify().entries == 1
        assert check(store)


def test_a_station_enrolls_and_does_not_forget(own_fleet):
    with own_fleet.verifier("station") as verifier:
        verifier.enroll("bob", genuine(1), groups=["staff"])
        verifier.enroll("bob", genuine(2), replace=True)
        verifier.leave("bob", "staff")
        verifier.unlock("bob")
        assert verifier.verify("bob", signature(2, 9, noise=0.2)).accepted
        with pytest.raises(StoreError, match=r"fleet\.md, roles"):
            verifier.forget("bob")
        assert verifier.users() == ("alice", "bob")


def test_an_administrator_forgets_and_rekeys(own_fleet):
    with own_fleet.verifier("kiosk") as verifier:
        verifier.verify("alice", signature(0, 9))
    with own_fleet.verifier("station") as verifier:
        verifier.enroll("bob", genuine(1), groups=["staff"])
    with PostgresStore(own_fleet.url("administrator"), key=KEY) as store:
        forget(store, "alice")
        assert rekey(store) == 1
        assert check(store)
        assert AuditLog(store).verify()
        assert all(shipped_log(store, name).verify() for name in kiosks(store))
    with own_fleet.verifier("kiosk") as verifier:
        assert verifier.users() == ("bob",)
        assert verifier.verify("bob", signature(1, 9)).accepted
    with PostgresStore(own_fleet.owner, key=KEY) as store:
        assert all(shipped_log(store, name).verify() for name in kiosks(store))


def test_a_log_that_its_own_kiosk_spoils_shows_it(own_fleet):
    import psycopg

    with own_fleet.verifier("kiosk") as verifier:
        verifier.verify("alice", signature(0, 9))
    kind = own_fleet.log_of("kiosk")
    with psycopg.connect(own_fleet.url("kiosk"), autocommit=True) as connection:
        connection.execute(f"UPDATE sigverify.records SET content = '' WHERE kind = '{kind}'")  # noqa: S608
    with PostgresStore(own_fleet.owner, key=KEY) as store:
        with pytest.raises(StoreError):
            shipped_log(store, kind.removeprefix("audit of ")).verify()
        assert not check(store)


def test_making_the_roles_again_changes_nothing(own_fleet):
    with PostgresStore(own_fleet.owner, key=KEY) as store:
        make_roles(store, own_fleet.roles)
    with own_fleet.verifier("kiosk") as verifier:
        assert verifier.verify("alice", signature(0, 9)).accepted
    assert own_fleet.attempt("kiosk", "DELETE FROM templates") == NO


def test_rights_given_by_hand_before_are_gone(own_fleet, postgres):
    postgres.execute(
        f"GRANT ALL ON ALL TABLES IN SCHEMA sigverify TO {own_fleet.roles.kiosks}", own_fleet.owner
    )
    assert own_fleet.attempt("kiosk", "DELETE FROM templates") == A
    with PostgresStore(own_fleet.owner, key=KEY) as store:
        make_roles(store, own_fleet.roles)
    assert own_fleet.attempt("kiosk", "DELETE FROM templates") == NO


def test_an_owner_who_is_no_superuser(postgres, tmp_path):
    import psycopg

    url, prefix = postgres.url(), f"test{next(NUMBERS)}"
    owner, kiosk = (url.replace("tester@", f"{prefix}_{each}@") for each in ("owner", "kiosk"))
    postgres.execute(f"CREATE ROLE {prefix}_owner LOGIN CREATEROLE", url)
    database = url.partition("@/")[2].partition("?")[0]
    postgres.execute(f"GRANT CREATE ON DATABASE {database} TO {prefix}_owner", url)
    with PostgresStore(owner, key=KEY) as store, Verifier(store, arithmetic_matcher()) as verifier:
        for _ in range(2):
            make_roles(store, Roles.of(prefix))
        verifier.enroll("alice", genuine(0))
    postgres.execute(f"CREATE ROLE {prefix}_kiosk LOGIN IN ROLE {prefix}_kiosks", url)
    store = FleetStore(kiosk, key=KEY, cache=tmp_path / "k.db", create=False, poll_s=None)
    with Verifier(store, arithmetic_matcher()) as verifier:
        assert verifier.verify("alice", signature(0, 9)).accepted
    # The database is somebody else's, and lets everybody make temporary tables: what runs as the owner of
    # ours must not take one of those for ours.
    with psycopg.connect(kiosk, autocommit=True) as connection:
        run = connection.execute
        columns = "kind TEXT, subject BYTEA, changed BIGINT, PRIMARY KEY (kind, subject)"
        run(f"CREATE TEMPORARY TABLE gone ({columns})")
        run("INSERT INTO sigverify.records (kind, subject, content) VALUES ('lockout', '\\x07', '')")
        run("DELETE FROM sigverify.records WHERE subject = '\\x07'")
        assert run("SELECT * FROM pg_temp.gone").fetchall() == []
        run("CREATE TEMPORARY TABLE log_owners (kind TEXT PRIMARY KEY, owner NAME)")
        run("INSERT INTO pg_temp.log_owners VALUES ('audit of another', SESSION_USER)")
        assert run("SELECT sigverify.owns_log('audit of another')").fetchone() == (False,)
    assert postgres.execute("SELECT kind FROM sigverify.gone WHERE subject = '\\x07'", url) == [("lockout",)]


def test_nobody_but_the_owner_makes_roles(own_fleet):
    with PostgresStore(own_fleet.url("administrator"), key=KEY) as store, pytest.raises(StoreError):
        make_roles(store, own_fleet.roles)


@pytest.mark.parametrize("prefix", ["", "A", "a b", 'a"; DROP ROLE tester; --', "é", "x" * 41, "1a"])
def test_what_cannot_begin_the_name_of_a_role(prefix):
    with pytest.raises(ConfigError, match="no prefix"):
        Roles.of(prefix)


def test_the_statements_name_each_role_and_no_place_to_fill_in():
    said = statements(Roles.of("north"))
    assert all(f"north_{each}" in said for each in ("kiosks", "stations", "administrators"))
    assert "<" not in said.replace("<>", "")
