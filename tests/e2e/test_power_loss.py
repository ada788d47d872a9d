"""What was acknowledged survives: processes killed at any moment, torn logs, full disks."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import template

from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.check import check
from sigverify.store.rekey import rekey

KEY = Key(bytes(range(32)))
SUPPORT = Path(__file__).parents[1] / "support"

BEGINNING = """
import json, os, random, resource, signal, sqlite3, sys, time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from builders import template
from sigverify.errors import StoreError
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.check import check
from sigverify.store.rekey import rekey
KEY, PATH, ITS = Key(bytes(range(32))), Path(sys.argv[2]), template(count=1)

# Lets a child do the work, and kills it at a random moment: returns whether that came first, and the next
# usual_s. How long the work takes changes with what else runs, so the range of moments follows it: it grows
# by 10 % where the child was killed and shrinks by 30 % where it had ended, so about one child in five ends.
def killed_within(work, usual_s):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    time.sleep(random.uniform(0.0, usual_s))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return bool(status), usual_s * (1.1 if status else 0.7)
"""


def run(script, *arguments, timeout=100):
    command = [sys.executable, "-c", BEGINNING + script, str(SUPPORT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


KILLING = """
# Each round a child enrolls, forgets and journals as fast as it can, and says so on a pipe after each; it is
# killed somewhere in between. What it said was acknowledged before. From time to time the store is a new one:
# all of it is read after each kill.
def work(path, turn, said):
    with SqliteStore(path, key=KEY) as store:
        for step in range(10**6):
            name = f"{turn}-{step}"
            with store.transaction() as records:
                store.put(replace(ITS, user_id=name))
                if step % 3 == 2:
                    store.delete(f"{turn}-{step - 1}")
                records.append("audit", name.encode())
            os.write(said, f"{step}\\n".encode())

random.seed(int(sys.argv[3]))
rounds, acknowledged, lost, unsound = int(sys.argv[4]), 0, [], 0
for turn in range(rounds):
    path = PATH.with_name(f"{turn // 30}.db")
    listening, said = os.pipe()
    child = os.fork()
    if not child:
        os.close(listening)
        work(path, turn, said)
    os.close(said)
    time.sleep(random.uniform(0.004, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(listening, "rb") as pipe:
        steps = len(pipe.read().splitlines())
    acknowledged += steps
    # The step that was under way may have been done, too.
    gone = {step - 1 for step in range(steps + 1) if step % 3 == 2}
    with SqliteStore(path, key=KEY) as store:
        users = set(store.users())
        entries = {content.decode() for _, content in store.journal("audit")}
        lost += sorted({f"{turn}-{step}" for step in range(steps) if step not in gone} - users)
        lost += sorted({f"{turn}-{step}" for step in range(steps)} - entries)
        # A change is there wholly or not at all: whoever is enrolled has an entry.
        lost += sorted(users - entries)
        if turn % 10 == 9:
            unsound += not check(store).sound
            for user in sorted(users)[:-5]:
                with store.transaction(durable=False):
                    store.delete(user)
print(json.dumps({"rounds": rounds, "acknowledged": acknowledged, "lost": lost, "unsound": unsound}))
"""


@pytest.mark.slow
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path):
    result = run(KILLING, tmp_path / "store.db", 1, 300)
    assert result["lost"] == []
    assert result["unsound"] == 0
    assert result["acknowledged"] > 100


def test_killed_a_few_times(tmp_path):
    result = run(KILLING, tmp_path / "store.db", 2, 10)
    assert result["lost"] == []
    assert result["unsound"] == 0


REKEYING = """
random.seed(3)
with SqliteStore(PATH, key=KEY) as store:
    for number in range(40):
        store.put(replace(ITS, user_id=f"user-{number}"))
    start = time.perf_counter()
    rekey(store)
    usual_s = 2 * (time.perf_counter() - start) + 0.05  # a child opens the store first
keys, outcomes = [KEY, Key(bytes(range(1, 33)))], []
def with_the_next_key():
    with SqliteStore(PATH, key=keys[0]) as store:
        rekey(store, keys[1])
for turn in range(int(sys.argv[3])):
    _, usual_s = killed_within(with_the_next_key, usual_s)
    fitting = []
    for key in keys:
        try:
            with SqliteStore(PATH, key=key) as store:
                health = check(store)
                fitting.append(health.sound and health.templates == 40)
        except StoreError:
            fitting.append(None)
    outcomes.append(fitting)
    if fitting[1]:
        keys.reverse()
print(json.dumps(outcomes))
"""


def test_killed_while_rekeying_exactly_one_of_the_keys_opens_everything(tmp_path):
    outcomes = run(REKEYING, tmp_path / "store.db", 30)
    assert all(sorted(outcome, key=str) == [None, True] for outcome in outcomes)
    assert {tuple(outcome) for outcome in outcomes} == {(True, None), (None, True)}


MIGRATING = """
# Each round a child opens an old store for writing, and is killed somewhere in between.
from old_stores import old_file
old_file(PATH, people := int(sys.argv[3]))
original = PATH.read_bytes()
def begin():
    for end in ("-wal", "-shm"):
        Path(f"{PATH}{end}").unlink(missing_ok=True)
    PATH.write_bytes(original)
def version():
    with closing(sqlite3.connect(f"file:{PATH}?mode=ro", uri=True)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]
def migrate():
    SqliteStore(PATH, key=KEY).close()
for _ in range(2):  # the first takes longer than any after it
    begin()
    start = time.perf_counter()
    migrate()
    usual_s = 1.2 * (time.perf_counter() - start)
random.seed(5)
rounds = int(sys.argv[4])
killed, versions, wrong = 0, [], []
for turn in range(rounds):
    begin()
    first, usual_s = killed_within(migrate, usual_s)
    killed += first
    versions.append(version())
    # First as a reader finds it, then as the next writer does; that one migrates what is not migrated yet.
    for options in ({"read_only": True}, {}):
        with SqliteStore(PATH, key=KEY, **options) as store:
            health = check(store)
            counts = (health.templates, health.records, health.entries, len(store.users("pen")))
            if not health.sound or counts != (people,) * 4:
                wrong.append([turn, counts, [str(each) for each in health.findings]])
    if version() != 5:
        wrong.append([turn, version()])
print(json.dumps({"killed": killed, "versions": sorted(set(versions)), "wrong": wrong}))
"""


@pytest.mark.slow
def test_killed_while_migrating_nothing_is_lost(tmp_path):
    """The tables of 30 people before and after are larger than the cache: SQLite writes before it commits."""
    result = run(MIGRATING, tmp_path / "store.db", 30, 200)
    assert result["wrong"] == []
    assert result["killed"] > 100
    assert result["versions"] == [3, 5]


@pytest.mark.slow
def test_killed_while_migrating_hundreds_nothing_is_lost(tmp_path):
    """Five of the batches in which rows are moved, and ten times what the cache holds."""
    result = run(MIGRATING, tmp_path / "store.db", 500, 8, timeout=300)
    assert result["wrong"] == []
    assert 3 in result["versions"]


def test_killed_a_few_times_while_migrating(tmp_path):
    result = run(MIGRATING, tmp_path / "store.db", 40, 12)
    assert result["wrong"] == []


MIGRATING_ON_A_FULL_DISK = """
from old_stores import old_file
old_file(PATH, 300)
before = PATH.read_bytes()
outcomes = []
for room_kb in map(int, sys.argv[3:]):
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_kb * 1000, resource.RLIM_INFINITY))
        try:
            SqliteStore(PATH, key=KEY)
        except StoreError as error:
            os._exit(7 if "before it is safe" in str(error) else 8)
        os._exit(0)
    outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    with SqliteStore(PATH, key=KEY, read_only=True) as store:
        assert check(store).sound and check(store).templates == 300
        assert store.database.is_old()
with SqliteStore(PATH, key=KEY) as store:
    assert check(store).sound and check(store).templates == 300
print(json.dumps(outcomes))
"""


def test_a_full_disk_leaves_an_old_store_as_it_was(tmp_path):
    assert run(MIGRATING_ON_A_FULL_DISK, tmp_path / "store.db", 50, 300, 900) == [7, 7, 7]


def test_a_torn_log_leaves_all_up_to_some_moment(tmp_path):
    """A power cut may leave any beginning of the write-ahead log, followed by nothing or by old bytes."""
    with SqliteStore(tmp_path / "store.db", key=KEY) as store:
        store.put(template("user-0", 1))
        store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(1, 6):
            store.put(template(f"user-{number}", 1))
        shutil.copy(tmp_path / "store.db", tmp_path / "before.db")
        log = (tmp_path / "store.db-wal").read_bytes()
    rng, seen = random.Random(4), set()
    for turn in range(60):
        cut = rng.randrange(len(log) + 1)
        end = b"" if turn % 3 == 0 else b"\0" * 4096 if turn % 3 == 1 else rng.randbytes(4096)
        path = tmp_path / f"torn-{turn}.db"
        shutil.copy(tmp_path / "before.db", path)
        Path(f"{path}-wal").write_bytes(log[:cut] + end)
        with SqliteStore(path, key=KEY) as store:
            users = store.users()
            assert check(store).sound
            store.put(template("later", 1))
        assert users == tuple(f"user-{number}" for number in range(len(users)))
        seen.add(len(users))
    assert seen >= {1, 2, 3, 4, 5}


FULL = """
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
kept, failures = [], []
with SqliteStore(PATH, key=KEY) as store:
    for number in range(300):
        try:
            with store.transaction() as records:
                store.put(replace(ITS, user_id=f"user-{number}"))
                records.append("audit", b"enrolled")
            kept.append(f"user-{number}")
        except StoreError as error:
            failures.append(str(error))
            if len(failures) == 3:
                break
    # What was refused may lie, sealed, behind the end of the log until there is room again.
    damages = {each.damage.value for each in check(store).findings}
    full = damages <= {"remains"} and set(store.users()) == set(kept)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.put(replace(ITS, user_id="later"))
with SqliteStore(PATH, key=KEY) as store:
    again = check(store).sound and set(store.users()) == {*kept, "later"}
    entries = len(store.journal("audit"))
print(json.dumps({"kept": len(kept), "failures": failures, "full": full, "again": again, "entries": entries}))
"""


@pytest.mark.parametrize("limit_kb", [160, 400, 999])
def test_a_full_disk_refuses_one_enrollment_and_loses_none(tmp_path, limit_kb):
    result = run(FULL, tmp_path / "store.db", limit_kb * 1000)
    assert result["kept"] >= 3
    assert len(result["failures"]) == 3
    assert all("before it is safe" in failure for failure in result["failures"])
    assert result["full"]
    assert result["again"]
    assert result["entries"] == result["kept"]


READ_ONLY = """
SqliteStore(":memory:").put(ITS)  # loads now what else is loaded as another user
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
results = {}
for name, options in {"reading": {"read_only": True}, "writing": {}, "making": {}}.items():
    path = PATH.with_name("new.db") if name == "making" else PATH
    try:
        with SqliteStore(path, key=KEY, **options) as store:
            results[name] = [list(store.users()), check(store).sound]
            store.put(ITS, replace=True)
    except StoreError as error:
        results[name + " failed"] = str(error)
print(json.dumps(results))
"""


@pytest.mark.parametrize("log_left", [False, True])
def test_where_nothing_can_be_written_reading_works(log_left):
    folder = Path("/tmp") / f"sigverify-read-only-{os.getpid()}"  # noqa: S108, pytest's is closed to others
    folder.mkdir()
    try:
        store = SqliteStore(folder / "store.db", key=KEY)
        store.put(template("alice", 1))
        if log_left:  # as after a crash: nobody tidied up
            for suffix in ("", "-wal"):
                shutil.copy(folder / f"store.db{suffix}", folder / f"crashed.db{suffix}")
        store.close()
        for each in folder.iterdir():
            each.chmod(0o444)
        folder.chmod(0o555)
        result = run(READ_ONLY, folder / ("crashed.db" if log_left else "store.db"))
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    if not log_left:
        assert result["reading"] == [["alice"], True]
        assert "readonly" in result["reading failed"]
    assert "this user may write" in result["writing failed"]
    assert "this user may write" in result["making failed"]


CROWD = """
name = sys.argv[3]
with SqliteStore(PATH, key=KEY) as store:
    for step in range(12):
        store.put(replace(ITS, user_id=f"{name}-{step}"))
        with store.transaction() as records:
            count = int(records.get("count", "") or b"0")
            records.put("count", "", b"%d" % (count + 1))
            records.append("audit", name.encode())
        store.get(f"{name}-{step}", "pen")
        if step % 4 == 3:
            store.delete(f"{name}-{step}")
print(0)
"""


def test_several_processes_and_a_rekey_among_them(tmp_path):
    path = tmp_path / "store.db"
    with SqliteStore(path, key=KEY) as store:
        command = [sys.executable, "-c", BEGINNING + CROWD, str(SUPPORT), str(path)]
        crowd = [subprocess.Popen([*command, name]) for name in ("one", "two", "three")]
        rekeys = 0
        while any(process.poll() is None for process in crowd):
            rekey(store)
            rekeys += 1
            time.sleep(0.05)  # SQLite's lock knows no queue: without a pause nobody else gets it
        assert [process.wait() for process in crowd] == [0, 0, 0]
        assert rekeys > 3
        assert check(store).sound
        assert len(store.users()) == 27
        assert store.read_record("count", "") == b"36"
        assert len(store.journal("audit")) == 36
