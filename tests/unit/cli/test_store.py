import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from builders import template
from old_stores import KEY, old_file

from sigverify.protection.keys import Key
from sigverify.store import SqliteStore


@pytest.fixture
def key(tmp_path):
    Key.generate().to_file(tmp_path / "store.key")
    return tmp_path / "store.key"


@pytest.fixture
def path(tmp_path, key):
    with SqliteStore(tmp_path / "store.db", key=Key.from_file(key)) as store:
        for number, user in enumerate(("alice", "bob")):
            store.put(template(user, 2, seed=number))
    return tmp_path / "store.db"


def test_keygen(run, answer, tmp_path):
    file = tmp_path / "new.key"
    assert answer("store", "keygen", file) == (0, {"key_file": str(file)})
    assert Key.from_file(file)
    code, printed = run("store", "keygen", file)
    assert code == 4
    assert "there already" in printed


def test_check(run, answer, path, key):
    code, content = answer("store", "check", "--store", path, "--key", key)
    assert code == 0
    assert content == {"sound": True, "templates": 2, "records": 0, "entries": 0, "findings": []}
    assert "sound: 2 templates" in run("store", "check", "--store", path, "--key", key)[1]


def test_check_and_repair_of_a_damaged_store(run, answer, path, key):
    with SqliteStore(path, key=Key.from_file(key)) as store, store.changing() as rows:
        store.database.execute(
            "UPDATE templates SET content = zeroblob(99) WHERE subject = ?", (rows.user("bob"),)
        )
    code, content = answer("store", "check", "--store", path, "--key", key)
    assert (code, content["sound"], content["templates"]) == (4, False, 1)
    found = [(each["part"], each["row"], each["damage"]) for each in content["findings"]]
    assert found == [("templates", "bob", "unreadable")]
    code, printed = run("store", "check", "--store", path, "--key", key)
    assert code == 4
    assert "templates bob (pen): does not open: a sealed template does not open" in " ".join(printed.split())
    code, content = answer("store", "check", "--store", path, "--key", key, "--repair")
    assert (code, content["sound"], content["templates"]) == (0, True, 1)


def test_a_check_of_a_file_that_is_cut_off_does_not_advise_itself(run, path, key):
    path.write_bytes(path.read_bytes()[:8192])
    code, printed = run("store", "check", "--store", path, "--key", key)
    assert code == 4
    assert "The file is damaged: restore a backup" in printed
    assert "sigverify store check" in run("users", "--store", path, "--key", key)[1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE templates SET content = zeroblob(99) WHERE subject = ?",
        "DELETE FROM vectors WHERE subject = ?",
    ],
)
def test_what_a_check_finds_does_not_advise_to_check(answer, path, key, statement):
    with SqliteStore(path, key=Key.from_file(key)) as store, store.changing() as rows:
        store.database.execute(statement, (rows.user("bob"),))
    code, content = answer("store", "check", "--store", path, "--key", key)
    assert code == 4
    assert content["findings"]
    assert "lists" not in str(content)


def test_a_check_names_the_command_that_takes_a_store_as_it_is(answer, path, key):
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM seals WHERE subject = (SELECT MIN(subject) FROM seals)")
    content = answer("store", "check", "--store", path, "--key", key)[1]
    said = next(each["detail"] for each in content["findings"] if each["damage"] == "tampered")
    assert "sigverify store check --repair --accept-state" in said
    assert said.count("store check") == 1


@pytest.mark.parametrize("command", ["check", "rekey"])
def test_without_the_key(answer, path, command, tmp_path):
    (tmp_path / "other.key").write_text("f0" * 31 + "00")
    (tmp_path / "other.key").chmod(0o600)
    code, content = answer("store", command, "--store", path, "--key", tmp_path / "other.key")
    assert (code, content["error"]) == (4, "WrongKey")


def test_rekey(answer, path, key, tmp_path):
    answer("store", "keygen", tmp_path / "new.key")
    code, content = answer("store", "rekey", "--store", path, "--key", key, "--new-key", tmp_path / "new.key")
    assert (code, content) == (0, {"templates": 2, "new_key": True, "erasure": "done"})
    assert answer("users", "--store", path, "--key", key)[0] == 4
    assert answer("users", "--store", path, "--key", tmp_path / "new.key")[1] == {
        "user_ids": ["alice", "bob"]
    }
    code, content = answer("store", "rekey", "--store", path, "--key", tmp_path / "new.key")
    assert (code, content) == (0, {"templates": 2, "new_key": False, "erasure": "done"})
    code, content = answer("store", "check", "--store", path, "--key", tmp_path / "new.key")
    assert content["entries"] == 2  # of the audit log


def test_backup_and_restore(answer, path, key, tmp_path):
    code, content = answer("store", "backup", "--store", path, "--key", key, tmp_path / "backup.db")
    assert (code, content["sound"], content["templates"]) == (0, True, 2)
    answer("forget", "--store", path, "--key", key, "--user", "alice")
    code, content = answer("store", "restore", "--store", path, "--key", key, tmp_path / "backup.db")
    assert (code, content) == (0, {"templates": 2})
    assert answer("users", "--store", path, "--key", key)[1] == {"user_ids": ["alice", "bob"]}


@contextmanager
def read_only(folder, monkeypatch):
    """Let nobody write to the folder; root, whom no mode holds back, is told so."""
    access = os.access
    folder.chmod(0o500)
    with monkeypatch.context() as patched:
        patched.setattr(
            os,
            "access",
            lambda at, mode: (
                not (mode & os.W_OK and folder in (Path(at), Path(at).parent)) and access(at, mode)
            ),
        )
        yield
    folder.chmod(0o700)


def test_a_store_that_cannot_be_written_is_backed_up_and_that_is_said(
    run, answer, path, key, tmp_path, monkeypatch
):
    folder, backup = path.parent / "medium", tmp_path / "backup.db"
    folder.mkdir()
    path = path.rename(folder / "store.db")
    before = path.read_bytes()
    with read_only(folder, monkeypatch):
        code, printed = run("store", "backup", "--store", path, "--key", key, backup)
        assert code == 0, printed
        assert "sound: 2 templates" in printed
        assert "its audit log does not tell of this backup" in printed
        code, content = answer("store", "backup", "--store", path, "--key", key, tmp_path / "second.db")
        assert (code, content["noted"]) == (0, False)
    assert path.read_bytes() == before
    assert [each.name for each in folder.iterdir()] == ["store.db"]
    assert answer("users", "--store", backup, "--key", key)[1] == {"user_ids": ["alice", "bob"]}
    assert answer("store", "backup", "--store", path, "--key", key, tmp_path / "third.db")[1]["noted"] is True


def exported(answer, path, key, file, transport):
    """Write one template to a file, sealed under a key for the way; return what the command says."""
    its = ("--store", path, "--key", key, "--user", "alice", file, "--transport-key", transport)
    return answer("store", "export", *its)


def test_an_import_that_is_refused_leaves_no_store_behind(answer, path, key, tmp_path):
    file, transport, other = tmp_path / "alice.sigx", tmp_path / "transport.key", tmp_path / "other.db"
    answer("store", "keygen", transport)
    exported(answer, path, key, file, transport)
    damaged = tmp_path / "damaged.sigx"
    damaged.write_bytes(b"SIGX" + bytes(20))
    import_ = ("store", "import", "--store", other, "--key", key)
    for arguments, error in (
        ((damaged, "--transport-key", transport), "MalformedTemplate"),
        ((file, "--transport-key", tmp_path / "none.key"), "KeyUnavailable"),
        ((file, "--transport-key", key), "WrongKey"),
    ):
        code, content = answer(*import_, *arguments)
        assert (code, content["error"]) == (4, error)
        assert not other.exists()
    assert answer(*import_, file, "--transport-key", transport)[0] == 0
    assert other.exists()


def test_of_somebody_enrolled_by_several_modalities_one_is_exported(answer, path, key, tmp_path):
    with SqliteStore(path, key=Key.from_file(key)) as store:
        store.put(template("alice", 3, modality="image", model_id="f" * 16))
    file, transport, other = tmp_path / "alice.sigx", tmp_path / "transport.key", tmp_path / "other.db"
    answer("store", "keygen", transport)
    export = ("store", "export", "--store", path, "--key", key, "--user", "alice", file)
    code, refused = answer(*export, "--transport-key", transport)
    assert code == 4
    assert "--modality image or pen" in str(refused)
    assert answer(*export, "--transport-key", transport, "--modality", "image")[0] == 0
    code, content = answer("store", "import", "--store", other, file, "--transport-key", transport)
    assert (code, content["references"], content["model_id"]) == (0, 3, "f" * 16)


def test_looking_at_an_old_store_changes_nothing(answer, tmp_path):
    old = old_file(tmp_path / "old.db")
    KEY.to_file(tmp_path / "old.key")
    before = old.read_bytes()
    code, content = answer("info", old, "--key", tmp_path / "old.key")
    assert (code, content["users"], content["references"]) == (0, 3, 3)
    assert list(content["models"]) == ["pen"]
    assert answer("store", "check", "--store", old, "--key", tmp_path / "old.key")[0] == 0
    assert old.read_bytes() == before
    assert answer("store", "backup", "--store", old, "--key", tmp_path / "old.key", tmp_path / "b.db")[0] == 0
    assert answer("users", "--store", old, "--key", tmp_path / "old.key")[1]["user_ids"][0] == "user-0"


def test_export_and_import(answer, path, key, tmp_path):
    file, transport, other = tmp_path / "alice.sigx", tmp_path / "transport.key", tmp_path / "other.db"
    answer("store", "keygen", transport)
    code, content = exported(answer, path, key, file, transport)
    assert (code, content) == (0, {"user_id": "alice", "bytes": file.stat().st_size})
    code, content = answer("store", "import", "--store", other, file, "--transport-key", transport)
    assert (code, content["user_id"], content["references"]) == (0, "alice", 2)
    code, content = answer("store", "import", "--store", other, file, "--transport-key", transport)
    assert (code, content["error"]) == (4, "AlreadyEnrolled")
    code, content = answer("store", "import", "--store", tmp_path / "third.db", file, "--transport-key", key)
    assert (code, content["error"]) == (4, "WrongKey")


def test_a_key_by_environment_and_by_variable_that_names_it(answer, path, key, monkeypatch):
    monkeypatch.setenv("MY_KEY", key.read_text())
    assert answer("users", "--store", path, "--key", "env:MY_KEY")[1] == {"user_ids": ["alice", "bob"]}
    monkeypatch.setenv("SIGVERIFY_KEY_FROM", str(key))
    assert answer("users", "--store", path)[1] == {"user_ids": ["alice", "bob"]}
    assert answer("info", path)[1]["users"] == 2


def test_a_key_by_file_descriptor(answer, path, key):
    with key.open() as opened:
        assert answer("users", "--store", path, "--key", f"fd:{opened.fileno()}")[0] == 0


def test_rows_that_were_removed_and_what_is_left_taken(answer, path, key):
    with SqliteStore(path, key=Key.from_file(key)) as store, store.transaction() as records:
        records.put("lockout", "bob", b"5 failures")
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM records")
        database.execute("DELETE FROM seals WHERE part = 'records'")
        database.commit()
    usual = ("--store", path, "--key", key)
    for command in (("users",), ("store", "rekey"), ("store", "check", "--repair")):
        code, content = answer(*command, *usual)
        assert (code, content["error"]) == (4, "DamagedStore"), command
    code, content = answer("store", "check", *usual)
    assert (code, [each["damage"] for each in content["findings"]]) == (4, ["tampered"])
    assert answer("audit", "verify", *usual)[1]["findings"] == [{"number": 0, "flaw": "state", "count": 1}]
    assert answer("store", "check", *usual, "--accept-state")[1]["error"] == "ConfigError"
    code, content = answer("store", "check", *usual, "--repair", "--accept-state")
    assert (code, content["sound"]) == (0, True)
    assert answer("users", *usual)[0] == 0
    code, content = answer("audit", "show", *usual)
    assert [each["event"] for each in content["entries"]] == ["state_accepted"]


def test_a_counter_in_a_file(answer, path, key, tmp_path):
    usual = ("--store", path, "--key", key)
    counted = (*usual, "--counter", f"file:{tmp_path / 'count'}")
    assert answer("store", "rekey", *counted)[0] == 0
    shutil.copy(path, tmp_path / "copy.db")
    assert answer("forget", *counted, "--user", "bob")[0] == 0
    assert answer("forget", *usual, "--user", "alice")[1]["error"] == "ConfigError"
    shutil.copy(tmp_path / "copy.db", path)
    code, content = answer("users", *counted)
    assert (code, content["error"]) == (4, "DamagedStore")
    code, content = answer("store", "check", *counted)
    assert [each["damage"] for each in content["findings"]] == ["older"]
    assert answer("store", "check", *counted, "--repair", "--accept-state")[0] == 0
    assert answer("users", *counted)[1] == {"user_ids": ["alice", "bob"]}
    assert answer("users", *usual, "--counter", "nothing")[1]["error"] == "ConfigError"
