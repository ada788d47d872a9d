"""The command line on a fleet's server."""

import pytest
from builders import arithmetic_matcher, signature, template, to_csv

from sigverify.cli.opening import shown
from sigverify.fleet import FleetStore
from sigverify.protection.keys import Key
from sigverify.verifier import Verifier


@pytest.fixture
def key(tmp_path):
    Key.generate().to_file(tmp_path / "fleet.key")
    return tmp_path / "fleet.key"


@pytest.fixture
def options(database, key, tmp_path):
    with FleetStore(database, key=Key.from_file(key), cache=tmp_path / "cache.db", poll_s=None) as store:
        store.put(template("alice", 2))
        store.put(template("bob", 1))
    return ["--store", database, "--key", key]


def test_listing_checking_and_forgetting(answer, options):
    assert answer("users", *options) == (0, {"user_ids": ["alice", "bob"]})
    assert answer("store", "check", *options)[1]["templates"] == 2
    assert answer("forget", "--user", "bob", *options) == (0, {"forgotten": "bob", "erasure": "server"})
    assert answer("users", *options)[1] == {"user_ids": ["alice"]}
    sealed = {"templates": 1, "new_key": False, "erasure": "server"}
    assert answer("store", "rekey", *options) == (0, sealed)
    assert answer("groups", "join", "--user", "alice", "staff", *options)[1]["groups"] == ["staff"]
    assert answer("audit", "verify", *options)[1]["entries"] == 3


def test_without_the_fleets_key(run, options):
    code, printed = run("users", *options[:2])
    assert code == 4
    assert "a fleet needs a key" in printed


def test_what_works_on_files_alone_says_so(run, options, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for command in (
        ("store", "backup", tmp_path / "new"),
        ("store", "restore", tmp_path / "file"),
        ("store", "import", tmp_path / "file", "--transport-key", tmp_path / "file"),
        ("unlock",),
    ):
        code, printed = run(*command, *options)
        assert code == 4
        assert "pg_dump" in printed
    assert run("unlock", "--user", "alice", *options)[0] == 0


def test_the_log_that_a_kiosk_shipped(run, answer, options, tmp_path):
    url, key = options[1], Key.from_file(options[3])
    with FleetStore(url, key=key, cache=tmp_path / "new.db", poll_s=None) as store:
        for user in ("alice", "bob"):
            store.delete(user)
        verifier = Verifier(store, arithmetic_matcher())
        verifier.enroll("carol", [signature(0, repetition) for repetition in range(5)])
        verifier.verify("carol", signature(0, 7))
        kiosk = store.kiosk
    code, content = answer("audit", "verify", "--kiosk", kiosk, *options)
    assert (code, content["intact"], content["entries"]) == (0, True, 1)
    entries = answer("audit", "show", "--kiosk", kiosk, *options)[1]["entries"]
    assert [(entry["event"], entry["user_id"]) for entry in entries] == [("accepted", "carol")]
    code, printed = run("audit", "verify", "--kiosk", "unheard", *options)
    assert code == 4
    assert kiosk in printed


def test_the_cache_is_a_store_that_can_be_looked_at(answer, options, tmp_path):
    cache = ["--store", tmp_path / "cache.db", *options[2:]]
    assert answer("users", *cache)[1] == {"user_ids": ["alice", "bob"]}
    assert answer("store", "check", *cache)[1]["sound"]
    assert answer("unlock", *cache) == (0, {"unlocked": None})


def test_no_password_is_printed():
    assert shown("postgresql://me:secret@db/fleet") == "postgresql://db/fleet"
    assert shown("kiosk.db") == "kiosk.db"


def test_roles_for_a_new_fleet(run, answer, postgres, key):
    url = postgres.url()
    options = ("--store", url, "--key", key, "--prefix", "by_command")
    code, content = answer("fleet", "init", *options, "--roles")
    assert (code, content["roles"]["kiosks"]) == (0, "by_command_kiosks")
    granted = "SELECT has_table_privilege('by_command_{}', 'sigverify.templates', '{}')"
    for role, right, has in (
        ("kiosks", "SELECT", True),
        ("kiosks", "INSERT", False),
        ("stations", "INSERT", True),
    ):
        assert postgres.execute(granted.format(role, right), url) == [(has,)]
    assert answer("users", *options[:4]) == (0, {"user_ids": []})
    assert "Roles: by_command_kiosks" in run("fleet", "init", *options, "--roles")[1]


def test_a_server_that_finds_people_by_itself(run, answer, searching_postgres, key, tmp_path):
    url, files = searching_postgres.url(), {}
    searching_postgres.execute("CREATE EXTENSION vector", url)
    options = ("--store", url, "--key", key)
    searching = (*options, "--index", "server")
    assert answer("fleet", "init", "--vectors", *options)[1]["graphs"] == {}
    for writer, name in enumerate(("alice", "bob")):
        files[name] = [to_csv(tmp_path / f"{name}{k}.csv", signature(writer, k)) for k in range(6)]
        enrolled = ("enroll", "--user", name, *files[name][:5], *options, "--cache", tmp_path / "its.db")
        assert run(*enrolled)[0] == 0
    assert answer("groups", "join", "--user", "bob", "staff", *options)[0] == 0
    probe = files["alice"][5]
    code, content = answer("identify", probe, "--fpir", "0.01", *searching)
    assert (code, [match["user_id"] for match in content["matches"]]) == (0, ["alice"])
    code, content = answer("identify", probe, "--among", "staff", *searching)
    assert [match["user_id"] for match in content["matches"]] == ["bob"]
    assert "Graph: pen, 64 dimensions" in run("fleet", "init", "--vectors", *options)[1]
    assert answer("store", "check", *options)[1]["sound"]
    assert answer("forget", "--user", "alice", *options)[1]["erasure"] == "server"
    assert searching_postgres.execute("SELECT COUNT(*) FROM sigverify.clear_vectors", url) == [(5,)]
    assert run("identify", probe, "--fpir", "0.01", *searching)[0] == 3
    assert answer("fleet", "init", "--no-vectors", *options)[0] == 0
    code, printed = run("identify", probe, *searching)
    assert (code, "fleet init --vectors" in printed) == (4, True)


def test_a_search_by_a_server_has_no_copy_here(run, postgres, key, tmp_path):
    store = ("--store", tmp_path / "its.db", "--key", key)
    probe = to_csv(tmp_path / "probe.csv", signature())
    code, printed = run("identify", probe, *store, "--index", "server")
    assert (code, "a PostgreSQL server searches" in printed) == (4, True)
    assert not (tmp_path / "its.db").exists()
    code, printed = run("identify", probe, *store, "--index", "fastest")
    assert (code, "exact or approximate or server" in printed) == (4, True)
    without = ("--store", postgres.url(), "--key", key)
    code, printed = run("fleet", "init", "--vectors", *without)
    assert (code, "CREATE EXTENSION vector" in printed) == (4, True)


def test_the_statements_can_be_read_before_without_a_server(answer, run):
    url = "postgresql://nobody.invalid/fleet"
    code, content = answer("fleet", "init", "--store", url, "--roles", "--dry-run")
    assert code == 0
    assert content["statements"] in run("fleet", "init", "--store", url, "--dry-run")[1]
    assert "CREATE POLICY" in content["statements"]


def test_roles_in_a_file_or_of_no_name(run, tmp_path):
    code, printed = run("fleet", "init", "--store", tmp_path / "a.db", "--roles")
    assert (code, "no server" in printed) == (4, True)
    code, printed = run("fleet", "init", "--store", "postgresql://x/y", "--prefix", "A;", "--dry-run")
    assert (code, "no prefix" in printed) == (4, True)


def test_a_kiosk_with_a_key_of_its_own(run, answer, postgres, key, tmp_path):
    url, own = postgres.url(), tmp_path / "own.key"
    fleet = ("--store", url, "--key", key)
    assert answer("fleet", "init", *fleet, "--prefix", "own_keys", "--roles")[0] == 0
    assert answer("store", "keygen", own)[0] == 0
    public = answer("fleet", "key", "--key", own)[1]["public_key"]
    by_own = ("--store", url, "--key", f"kiosk:{own}")
    assert answer("users", *by_own)[1]["error"] == "KeyUnavailable"
    assert answer("fleet", "admit", *fleet, "--kiosk", "seven", public) == (0, {"admitted": "seven"})
    assert answer("users", *by_own) == (0, {"user_ids": []})
    new = tmp_path / "new.key"
    Key.generate().to_file(new)
    assert answer("store", "rekey", *fleet, "--new-key", new)[1]["kiosks"] == 1
    assert answer("users", *by_own) == (0, {"user_ids": []})
    assert answer("users", *fleet)[1]["error"] == "WrongKey"
    assert "Now rekey" in run("fleet", "revoke", "--store", url, "--key", new, "--kiosk", "seven")[1]
    assert answer("users", *by_own)[1]["error"] == "KeyUnavailable"
    code, content = answer("users", "--store", tmp_path / "a.db", "--key", f"kiosk:{own}")
    assert (code, content["error"]) == (4, "KeyUnavailable")  # of a file that is none of a fleet
