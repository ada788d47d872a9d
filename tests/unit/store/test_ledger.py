"""Somebody who can write the file or the tables, and has no key: what they remove or put back is found.

Two of them: one knows of rows alone, the other also of the marks beside them (`seals`).
"""

import json
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest
from builders import arithmetic_matcher, signature, template

from sigverify.audit import AuditLog, Event, LogFlaw
from sigverify.decision import Reason
from sigverify.errors import DamagedStore, StoreError, UnknownUser, WrongKey
from sigverify.policy import Policy, Schedule
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.sightings import KIND as SIGHTINGS
from sigverify.protection.keys import Key
from sigverify.protection.sealing import Sealer
from sigverify.store import SqliteStore
from sigverify.store.check import Damage, Part, check, repair
from sigverify.store.ledger import Ledger
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.store.tally import Share, Tally, Terms
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
MODEL_VERSION = "model-version"
TABLES = ("models", "templates", "vectors", "records", "journals", "seals")


class InFile:
    """A store in a file, and who else can write it."""

    def __init__(self, path):
        self.path = path

    def open(self, **options):
        return SqliteStore(self.path, key=KEY, **options)

    def execute(self, statement, values=()):
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            return database.execute(statement, values).fetchall()


class OnServer:
    """The same of a store on a server."""

    def __init__(self, url):
        self.url = url

    def open(self, **options):
        return PostgresStore(self.url, key=KEY, **options)

    def execute(self, statement, values=()):
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET search_path TO sigverify")
            found = connection.execute(statement.replace("?", "%s"), values)
            return found.fetchall() if found.description else []


@pytest.fixture(params=["file", "server"])
def place(request, tmp_path):
    if request.param == "file":
        return InFile(tmp_path / "store.db")
    return OnServer(request.getfixturevalue("database"))


@pytest.fixture
def filled(place):
    """Two people, and a record of each kind that policies and models leave."""
    with place.open() as store:
        for number, user in enumerate(("alice", "bob")):
            store.put(template(user, 2, seed=number))
        with store.transaction() as records:
            for kind, subject in (
                (LOCKOUT, "alice"),
                (REPLAY, "alice"),
                (SIGHTINGS, "5"),
                (MODEL_VERSION, "base"),
            ):
                records.put(kind, subject, b"content of " + kind.encode())
            AuditLog(store).append(records, Event.LOCKED_OUT, "alice")
    return place


def rows_of(place):
    """Return all that is in the tables, for putting some of it back."""
    return {table: place.execute(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608


def put_back(place, table, rows):
    for row in rows:
        marks = ", ".join("?" * len(row))
        place.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608


def refuses(place):
    """Opening is refused, to read and to write."""
    options = [{}, {"read_only": True}] if isinstance(place, InFile) else [{}]
    for each in options:
        with pytest.raises(DamagedStore, match="without its key"):
            place.open(**each)
    with place.open(compare=False) as store:
        findings = {(each.part, each.damage) for each in check(store).findings}
        assert (Part.HEAD, Damage.TAMPERED) in findings
        assert [each.flaw for each in AuditLog(store).verify().findings] == [LogFlaw.STATE]
    return True


@pytest.mark.parametrize("kind", [LOCKOUT, REPLAY, SIGHTINGS, MODEL_VERSION])
@pytest.mark.parametrize("knows_marks", [False, True])
def test_a_record_that_was_removed_is_not_taken_for_none(filled, kind, knows_marks):
    subject = {SIGHTINGS: "5", MODEL_VERSION: "base"}.get(kind, "alice")
    filled.execute("DELETE FROM records WHERE kind = ?", (kind,))
    if knows_marks:
        filled.execute("DELETE FROM seals WHERE part = 'records' AND kind = ?", (kind,))
        assert refuses(filled)
        return
    with filled.open() as store:
        for read in (lambda: store.read_record(kind, subject), lambda: store.records(kind)):
            with pytest.raises(DamagedStore, match="is gone"):
                read()
        with pytest.raises(DamagedStore), store.transaction() as records:
            records.get(kind, subject)
        assert [(each.part, each.damage) for each in check(store).findings] == [
            (Part.RECORDS, Damage.REMOVED)
        ]


@pytest.mark.parametrize("knows_marks", [False, True])
def test_a_record_of_before_is_not_taken_for_the_newest(filled, knows_marks):
    before = rows_of(filled)
    with filled.open() as store, store.transaction() as records:
        records.put(LOCKOUT, "alice", b"more failures")
    old = [row for row in before["records"] if row[0] == LOCKOUT]
    filled.execute("DELETE FROM records WHERE kind = ?", (LOCKOUT,))
    put_back(filled, "records", old)
    if knows_marks:
        filled.execute("DELETE FROM seals WHERE part = 'records' AND kind = ?", (LOCKOUT,))
        put_back(filled, "seals", [row for row in before["seals"] if row[1] == LOCKOUT])
        assert refuses(filled)
        return
    with filled.open() as store:
        with pytest.raises(DamagedStore, match="not the newest"):
            store.read_record(LOCKOUT, "alice")
        assert [each.damage for each in check(store).findings] == [Damage.SUPERSEDED]


@pytest.mark.parametrize("knows_marks", [False, True])
def test_somebody_forgotten_stays_so_when_their_rows_are_put_back(filled, knows_marks):
    before = rows_of(filled)
    with filled.open() as store:
        with store.reading() as rows:
            alice = rows.user("alice")
        store.delete("alice")
    for table in ("templates", "vectors"):
        put_back(filled, table, [row for row in before[table] if row[0] == alice])
    if knows_marks:
        put_back(filled, "seals", [row for row in before["seals"] if row[2] == alice])
        assert refuses(filled)
        return
    with filled.open() as store:
        with pytest.raises(UnknownUser):
            store.get("alice", "pen")
        assert (store.users(), len(store), store.count("pen")) == (("bob",), 1, 1)
        assert [change.user_id for change in store.changes("pen")] == ["bob"]
        assert store.page() == ("bob",)
        found = {(each.part, each.row, each.damage) for each in check(store).findings}
        assert found == {
            (Part.TEMPLATES, "alice", Damage.PUT_BACK),
            (Part.VECTORS, "alice", Damage.PUT_BACK),
        }
        assert repair(store).sound
        assert store.users() == ("bob",)
    assert len(filled.execute("SELECT 1 FROM templates")) == 1


@pytest.mark.parametrize("knows_marks", [False, True])
def test_a_template_that_was_replaced_is_not_taken_again(filled, knows_marks):
    before = rows_of(filled)
    with filled.open() as store:
        with store.reading() as rows:
            alice = rows.user("alice")
        store.put(template("alice", 3, seed=9), replace=True)
    for table in ("templates", "vectors"):
        filled.execute(f"DELETE FROM {table} WHERE subject = ?", (alice,))  # noqa: S608
        put_back(filled, table, [row for row in before[table] if row[0] == alice])
    if knows_marks:
        filled.execute("DELETE FROM seals WHERE subject = ?", (alice,))
        put_back(filled, "seals", [row for row in before["seals"] if row[2] == alice])
        assert refuses(filled)
        return
    with filled.open() as store:
        with pytest.raises(DamagedStore, match="not the newest"):
            store.get("alice", "pen")
        assert store.users() == ("bob",)
        assert [change.user_id for change in store.changes("pen")] == ["bob"]
        with pytest.raises(DamagedStore):
            rekey(store)


@pytest.mark.parametrize("statement", [
    "DELETE FROM seals",
    "DELETE FROM models",
    "UPDATE models SET model_id = 'ffffffffffffffff'",
    "UPDATE seals SET mark = ? WHERE part = 'people'",
    "INSERT INTO seals (part, kind, subject, mark) VALUES ('strange', 'x', ?, ?)",
])  # fmt: skip
def test_marks_and_models_are_no_more_theirs_to_change(filled, statement):
    filled.execute(statement, (bytes(16),) * statement.count("?"))
    with pytest.raises(DamagedStore):
        filled.open()


@pytest.mark.parametrize("mark", [5, "text", b"", bytes(25)])
def test_marks_of_another_shape(tmp_path, mark):
    place = InFile(tmp_path / "store.db")
    with place.open() as store:
        store.put(template("alice", 1))
        with store.transaction() as records:
            records.put(LOCKOUT, "alice", b"failures")
    place.execute("UPDATE seals SET mark = ?", (mark,))
    with pytest.raises(DamagedStore):
        place.open()
    with place.open(compare=False) as store:
        for read in (
            lambda: store.get("alice", "pen"),
            lambda: store.read_record(LOCKOUT, "alice"),
            lambda: rekey(store),
        ):
            with pytest.raises(DamagedStore):
                read()
        assert store.users() == ()
        assert not check(store)
        assert repair(store, accept=True).sound
        assert store.users() == ("alice",)


def test_the_head_of_before_is_not_taken_with_the_rows_of_now(filled):
    (before,) = filled.execute("SELECT tally, revision FROM state")
    with filled.open() as store:
        store.put(template("carol", 1))
    filled.execute("UPDATE state SET tally = ?, revision = ?", before)
    assert refuses(filled)
    filled.execute("UPDATE state SET tally = ?", (bytes(200),))
    with pytest.raises(DamagedStore, match="head of the store"):
        filled.open()


def test_the_number_of_changes_is_bound_to_the_head(filled):
    filled.execute("UPDATE state SET revision = revision - 1")
    with pytest.raises(DamagedStore, match="head of the store"):
        filled.open()


def test_a_head_of_another_store_under_the_same_key(filled, tmp_path):
    with SqliteStore(tmp_path / "other.db", key=KEY) as other, other.database.reading():
        head = other.database.execute("SELECT salt, secret, tally, revision FROM state").fetchone()
    filled.execute("UPDATE state SET salt = ?, secret = ?, tally = ?, revision = ?", head)
    with pytest.raises(DamagedStore):
        filled.open()


def test_what_is_left_is_taken_on_demand_and_no_sooner(filled):
    filled.execute("DELETE FROM records WHERE kind = ?", (LOCKOUT,))
    filled.execute("DELETE FROM seals WHERE kind = ?", (LOCKOUT,))
    with filled.open(compare=False) as store:
        with pytest.raises(DamagedStore, match="--accept-state"):
            repair(store)
        assert repair(store, accept=True).sound
    with filled.open() as store:
        assert store.read_record(LOCKOUT, "alice") is None
        assert store.users() == ("alice", "bob")
        assert AuditLog(store).verify().intact


def test_a_repair_without_it_mends_single_rows(filled):
    filled.execute("DELETE FROM records WHERE kind = ?", (REPLAY,))
    filled.execute("DELETE FROM vectors")
    with filled.open() as store:
        assert not check(store).sound
        assert repair(store).sound
        assert store.read_record(REPLAY, "alice") is None
        assert store.users() == ("alice", "bob")


def test_the_log_stands_for_the_state(filled):
    with filled.open() as store:
        report = AuditLog(store).verify()
        anchor = report.anchor
        assert report.intact
        with store.transaction() as records:
            records.delete(LOCKOUT, "alice")  # not logged: what is now was not there at the entry
        assert AuditLog(store).verify(anchor).intact
    filled.execute("DELETE FROM seals WHERE kind = ?", (SIGHTINGS,))
    with filled.open(compare=False) as store:
        assert [each.flaw for each in AuditLog(store).verify(anchor).findings] == [LogFlaw.STATE]


def test_an_entry_names_the_rows_of_its_moment(tmp_path):
    """The newest entry and the head agree with the rows; a head made anew by who has the key does not."""
    place = InFile(tmp_path / "store.db")
    with place.open() as store:
        with store.transaction() as records:
            records.put(LOCKOUT, "alice", b"x")
            AuditLog(store).append(records, Event.LOCKED_OUT, "alice")
        with store.changing() as rows:
            # The tally is changed, and its count of changes is not.
            store.ledger.put_record(
                LOCKOUT, rows.subject(LOCKOUT, "alice"), rows.seal_record(LOCKOUT, "alice", b"y")
            )
            pending = store.database.opened.pending
            pending.tally = Tally(pending.tally.changes - 1, 0, *pending.tally.rows)
        assert [each.flaw for each in AuditLog(store).verify().findings] == [LogFlaw.STATE]


def test_what_a_verifier_does_ends_with_an_entry_that_names_the_rows(tmp_path):
    place = InFile(tmp_path / "store.db")
    with Verifier(place.open(), arithmetic_matcher(), policy=Policy(fmr=0.1, adaptive=True)) as verifier:
        for do in (
            lambda: verifier.enroll("alice", [signature(0, each) for each in range(5)], groups=["staff"]),
            lambda: verifier.verify("alice", signature(0, 8)),
            lambda: verifier.verify("alice", signature(1, 8)),
            lambda: verifier.unlock("alice"),
            lambda: verifier.leave("alice", "staff"),
            lambda: verifier.forget("alice"),
        ):
            do()
            (_, newest) = verifier.store.journal("audit")[-1]
            changes, _, digest = json.loads(newest[32:])["state"].partition(":")
            now = verifier.store.state("audit", "head")
            # The entry itself changed the head of the log.
            assert (int(changes) + 1, digest) == (now.changes, now.digest.hex())


def test_a_store_passed_off_as_one_of_a_version_before(tmp_path):
    place = InFile(tmp_path / "store.db")
    with place.open() as store:
        store.put(template("alice"))
    with closing(sqlite3.connect(place.path)) as database:
        database.executescript(
            "DROP TABLE seals; ALTER TABLE state DROP COLUMN tally; PRAGMA user_version = 4"
        )
    for options in ({}, {"read_only": True}):
        with pytest.raises((WrongKey, DamagedStore)):
            place.open(**options)


def test_a_store_of_a_version_before_is_read_without_a_tally(tmp_path):
    from old_stores import old_file

    with SqliteStore(old_file(tmp_path / "old.db", version=4), key=KEY, read_only=True) as store:
        assert store.state("audit", "head") is None
        assert store.read_record("lockout", "user-1") == b"tries"


def test_pages_that_lead_astray(tmp_path):
    """Looking a row up would not find it, going through all pages does: the sum alone would not tell."""
    place = InFile(tmp_path / "store.db")
    with place.open() as store, store.transaction() as records:
        for number in range(400):
            records.put(LOCKOUT, f"user-{number}", b"failures")
    ((root,),) = place.execute("SELECT rootpage FROM sqlite_master WHERE name = 'seals'")
    ((size,),) = place.execute("PRAGMA page_size")
    data = bytearray(place.path.read_bytes())
    page = memoryview(data)[(root - 1) * size : root * size]
    assert page[0] == 2  # an interior page of an index: each row in it has a page of smaller rows before it
    first, second = (int.from_bytes(page[12 + 2 * cell : 14 + 2 * cell], "big") for cell in (0, 1))
    one, other = bytes(page[first : first + 4]), bytes(page[second : second + 4])
    page[first : first + 4], page[second : second + 4] = other, one
    place.path.write_bytes(data)
    with pytest.raises(DamagedStore, match="out of their order"):
        place.open()


# ---- a store that is open


POLICY = Policy(fmr=0.1, per_user=Schedule(tries=2))


@pytest.mark.parametrize("knows_marks", [False, True])
def test_a_wait_cannot_be_ended_beneath_an_open_verifier(tmp_path, knows_marks):
    place = InFile(tmp_path / "store.db")
    with Verifier(place.open(), arithmetic_matcher(), policy=POLICY) as verifier:
        verifier.enroll("alice", [signature(0, repetition) for repetition in range(5)])
        for repetition in range(3):
            last = verifier.verify("alice", signature(1, repetition))
        assert last.reason is Reason.LOCKED
        place.execute("DELETE FROM records")
        if knows_marks:
            place.execute("DELETE FROM seals WHERE part = 'records'")
        for repetition in range(3, 6):
            with pytest.raises(DamagedStore):
                verifier.verify("alice", signature(1, repetition))


def test_changes_of_other_processes_are_no_alarm(tmp_path):
    place = InFile(tmp_path / "store.db")
    with place.open() as one, place.open() as other:
        for number in range(5):
            one.put(template(f"user-{number}", 1))
            with other.transaction() as records:
                records.put("kind", "subject", bytes([number]))
        assert len(other) == len(one) == 5
        assert one.read_record("kind", "subject") == b"\4"


def test_somebody_elses_change_between_two_of_ours_is_found_when_time_has_passed(tmp_path, monkeypatch):
    place = InFile(tmp_path / "store.db")
    with place.open() as one, place.open() as other:
        one.put(template("alice", 1))
        other.users()
        place.execute("DELETE FROM seals")
        monkeypatch.setattr(Ledger, "look", lambda *_: None)  # of a process that does not look
        with one.transaction() as records:
            records.put("kind", "subject", b"")
        monkeypatch.undo()
        other.ledger._took_s = 0.0
        with pytest.raises(DamagedStore, match="without its key"):
            other.users()


# ---- transactions


def test_what_is_rolled_back_is_not_counted(filled):
    class Cut(Exception):
        pass

    with filled.open() as store:
        before = store.state("audit", "head")
        with pytest.raises(Cut), store.transaction() as records:  # noqa: PT012
            records.put("kind", "one", b"1")
            with store.transaction() as inner:
                inner.put("kind", "two", b"2")
                store.put(template("carol", 1))
            raise Cut
        assert store.state("audit", "head") == before
        with store.transaction() as records:
            records.delete("kind", "never there")
        assert store.state("audit", "head") == before


def test_a_row_written_half_is_not_committed(filled, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with filled.open() as store:
        before = store.state("audit", "head")
        with pytest.raises(StoreError, match="interrupted"), store.transaction() as records:  # noqa: PT012
            monkeypatch.setattr(Ledger, "_write_seal", interrupted)
            with suppress(KeyboardInterrupt):
                records.put("kind", "subject", b"half")
            monkeypatch.undo()
            records.put("kind", "other", b"whole")
        assert store.state("audit", "head") == before
        assert store.records("kind") == {}
        assert check(store).sound


def test_rows_are_written_within_a_transaction_only(filled):
    with filled.open() as store, store.reading(), pytest.raises(StoreError, match="within a transaction"):
        store.ledger.put_record("kind", bytes(16), bytes(40))


def test_the_order_of_changes_does_not_matter_and_a_rekey_keeps_the_rows(filled):
    with filled.open() as store:
        with store.reading():
            one = store.ledger.tally()
        store.put(template("carol", 1))
        store.delete("carol")
        with store.reading():
            assert store.ledger.tally().rows == one.rows
            assert store.ledger.tally().changes > one.changes
        rekey(store, Key(bytes(range(1, 33))))
        with store.reading():
            assert [each.count for each in store.ledger.tally().rows] == [each.count for each in one.rows]
        assert check(store).sound


def test_a_share_counts_rows_whatever_their_order():
    terms = Terms(bytes(range(32)))
    numbers = [terms.of("records", "kind", bytes([n] * 16), bytes(12)) for n in range(5)]
    share = Share()
    for number in numbers:
        share = share.plus(number)
    for number in (numbers[3], numbers[0]):
        share = share.minus(number)
    assert share == Share().plus(numbers[4]).plus(numbers[2]).plus(numbers[1])
    assert share != Share().plus(numbers[4]).plus(numbers[2]).plus(numbers[0])


@pytest.mark.parametrize("other", [
    ("people", "kind", b"subject", b"mark"),
    ("records", "kin", b"dsubject", b"mark"),
    ("records", "kind", b"subjec", b"tmark"),
    ("recordsk", "ind", b"subject", b"mark"),
])  # fmt: skip
def test_no_two_rows_read_the_same(other):
    terms = Terms(bytes(range(32)))
    assert terms.of("records", "kind", b"subject", b"mark") != terms.of(*other)


def test_a_tally_in_bytes():
    tally = Tally(7, 3, Share(1, 2), Share(3, 2**255), Share(4, 5))
    assert Tally.from_bytes(tally.to_bytes()) == tally
    with pytest.raises(DamagedStore, match="another shape"):
        Tally.from_bytes(tally.to_bytes()[:-1])


def test_nothing_else_writes_rows():
    """Every statement that writes rows is the ledger's, or makes or moves the tables themselves."""
    import re
    from pathlib import Path

    import sigverify

    writing = re.compile(
        r"(INSERT INTO|DELETE FROM|UPDATE) +(main\.)?(\{table\}|" + "|".join(TABLES) + "|state)"
    )
    folder = Path(sigverify.__file__).parent
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if writing.search(path.read_text("utf-8"))
    }
    assert found == {"store/ledger.py", "store/migration.py", "store/backup.py"}


def test_a_file_of_before_is_the_newest_to_who_has_no_counter(tmp_path):
    place = InFile(tmp_path / "store.db")
    with place.open() as store:
        store.put(template("alice", 1))
    shutil.copy(place.path, tmp_path / "copy.db")
    with place.open() as store:
        store.delete("alice")
    shutil.copy(tmp_path / "copy.db", place.path)
    with place.open() as store:
        assert store.users() == ("alice",)


def test_a_sealer_cannot_be_told_to_open_a_secret_of_before(tmp_path):
    place = InFile(tmp_path / "store.db")
    place.open().close()
    ((salt, secret),) = place.execute("SELECT salt, secret FROM state")
    with pytest.raises(DamagedStore):
        Sealer(KEY, salt).open("secret", secret)
