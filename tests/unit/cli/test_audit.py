import os

import pytest

from sigverify.audit import KIND, AuditLog, Event
from sigverify.store import SqliteStore


@pytest.fixture
def path(tmp_path):
    with SqliteStore(tmp_path / "store.db") as store, store.transaction() as records:
        log = AuditLog(store, clock=lambda: 0)
        for event in (Event.ENROLLED, Event.ACCEPTED, Event.REJECTED):
            log.append(records, event, "alice", references=5)
        log.append(records, Event.FORGOTTEN, "bob")
    return tmp_path / "store.db"


def test_an_intact_log(path, answer, run):
    code, content = answer("audit", "verify", "--store", path)
    assert (code, content["intact"], content["entries"], content["findings"]) == (0, True, 4, [])
    code, printed = run("audit", "verify", "--store", path, "--anchor", content["anchor"])
    assert code == 0
    assert "intact: 4 entries" in printed


def test_a_log_that_lacks_its_anchor(path, answer, run):
    _, content = answer("audit", "verify", "--store", path)
    number, digest = content["anchor"].split(":")
    later = f"{int(number) + 1}:{digest}"
    code, content = answer("audit", "verify", "--store", path, "--anchor", later)
    assert code == 4
    assert [(each["number"], each["flaw"]) for each in content["findings"]] == [(5, "anchor")]
    code, printed = run("audit", "verify", "--store", path, "--anchor", later)
    assert code == 4
    assert "entry 5 is not the one of the anchor" in printed


def test_a_log_that_was_altered(path, answer):
    with SqliteStore(path) as store, store.transaction() as records:
        records.append(KIND, bytes(32) + b"{}")
    code, content = answer("audit", "verify", "--store", path)
    assert code == 4
    assert {each["number"] for each in content["findings"]} == {5}


def test_no_anchor_is_an_error_not_a_finding(path, answer):
    code, content = answer("audit", "verify", "--store", path, "--anchor", "4")
    assert (code, content["error"]) == (4, "ConfigError")


def test_show(path, answer, run):
    code, content = answer("audit", "show", "--store", path)
    assert code == 0
    entries = content["entries"]
    assert [each["event"] for each in entries] == ["enrolled", "accepted", "rejected", "forgotten"]
    assert entries[0]["time_ms"] == 0
    assert entries[0]["detail"] == {"references": 5}
    assert entries[0]["actor"]["kind"] == "process"  # made by the SDK, not by a command
    assert entries[0]["user_id"] is None  # the log names those whom the store holds
    assert [
        each["number"] for each in answer("audit", "show", "--store", path, "--last", 2)[1]["entries"]
    ] == [3, 4]
    assert [
        each["number"] for each in answer("audit", "show", "--store", path, "--after", 3)[1]["entries"]
    ] == [4]
    code, printed = run("audit", "show", "--store", path, "--user", "bob")
    assert "forgotten" in printed
    assert "bob" in printed
    assert "enrolled" not in printed
    assert "No entries" in run("audit", "show", "--store", path, "--user", "carol")[1]


def test_no_such_store(tmp_path, answer):
    code, content = answer("audit", "verify", "--store", tmp_path / "missing.db")
    assert (code, content["error"]) == (4, "StoreError")


def test_text_follows_the_language_and_json_does_not(path, answer, run, monkeypatch):
    german = {"LC_ALL": "de_DE.UTF-8"}
    assert "gelöscht" in run("audit", "show", "--store", path, **german)[1]
    later = f"9:{'ab' * 32}"
    code, printed = run("audit", "verify", "--store", path, "--anchor", later, **german)
    assert code == 4
    assert "Eintrag 9 ist nicht der des Ankers" in printed
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    entries = answer("audit", "show", "--store", path)[1]["entries"]
    assert [each["event"] for each in entries][-1] == "forgotten"


def test_what_a_command_did_names_its_user(path, answer, run):
    assert run("unlock", "--store", path)[0] == 0
    (entry,) = answer("audit", "show", "--store", path, "--last", 1)[1]["entries"]
    assert entry["actor"]["kind"] == "command"
    assert entry["actor"]["name"].startswith(f"uid {os.getuid()}")
    assert f"command uid {os.getuid()}" in run("audit", "show", "--store", path)[1]
