import logging
import re
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders import signature
from starlette.websockets import WebSocketDisconnect

from firmware_bridge.capability import ALL, Capability, Grant
from firmware_bridge.kiosk.failures import Failure, Failures, StoreFailing
from sigverify.audit import AuditLog, Event
from sigverify.decision import Reason
from sigverify.errors import MalformedTemplate, StoreError
from sigverify.policy import Policy
from sigverify.policy.lockout import PER_DEVICE
from sigverify.store.sqlite_database import SqliteDatabase

LONG = "0123456789" * 2


def error_of(answer, http):
    assert answer.status_code == http, answer.text
    content = answer.json()
    assert set(content) == {"error", "status", "reason", "capability", "message", "retry_after_s"}
    return content


def enroll(operator, strokes, user="alice", writer=0):
    begun = operator.post("/api/enrollments", json={"user_id": user}).json()
    path = f"/api/enrollments/{begun['enrollment']}"
    for repetition in range(begun["remaining"]):
        body = {"strokes": strokes(signature(writer, repetition))}
        added = operator.post(f"{path}/signatures", json=body).json()
        assert added["accepted"], added
    return operator.post(f"{path}/commit")


def test_enrol_verify_identify_forget(operator, strokes, verifier):
    enrolled = enroll(operator, strokes)
    assert enrolled.status_code == 200
    assert enrolled.json()["user_id"] == "alice"
    assert enrolled.json()["references"] == 5
    assert operator.get("/api/users").json() == {"user_ids": ["alice"]}
    probe = {"user_id": "alice", "strokes": strokes(signature(0, 9))}
    decision = operator.post("/api/verify", json=probe).json()
    assert decision["outcome"] == "accept"
    assert decision["score"] >= decision["threshold"]
    assert operator.post("/api/verify", json=probe).json()["reason"] == Reason.REPLAY.value
    matches = operator.post("/api/identify", json={"strokes": strokes(signature(0, 10))}).json()["matches"]
    assert [match["user_id"] for match in matches] == ["alice"]
    assert operator.delete("/api/users?user_id=alice").json() == {}
    assert verifier.users() == ()
    assert error_of(operator.delete("/api/users?user_id=alice"), 404)["status"] == 41


def test_a_visitor_verifies_and_sees_no_score(operator, visitor, strokes):
    enroll(operator, strokes)
    accepted, rejected, unknown = (
        visitor.post(
            "/api/verify", json={"user_id": user_id, "strokes": strokes(signature(writer, 9))}
        ).json()
        for user_id, writer in (("alice", 0), ("alice", 1), ("nobody", 2))
    )
    assert (accepted["accepted"], rejected["accepted"]) == (True, False)
    for decision in (accepted, rejected):
        assert decision["score"] is decision["threshold"] is decision["confidence"] is None
        assert decision["unlike"] == []
    assert unknown == rejected


def test_an_operator_learns_who_is_not_enrolled(operator, strokes):
    answer = operator.post("/api/verify", json={"user_id": "nobody", "strokes": strokes(signature(0))})
    assert error_of(answer, 404)["error"] == "UnknownUser"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/identify", {"strokes": []}),
        ("POST", "/api/similarity", {"probe": {"strokes": []}, "references": [{"strokes": []}]}),
        ("POST", "/api/enrollments", {"user_id": "alice"}),
        ("POST", "/api/enrollments/x/signatures", {"strokes": []}),
        ("POST", "/api/enrollments/x/commit", None),
        ("DELETE", "/api/enrollments/x", None),
        ("GET", "/api/users", None),
        ("DELETE", "/api/users?user_id=alice", None),
        ("POST", "/api/unlock", {}),
    ],
)
def test_what_visitors_may_not_do(visitor, operator, strokes, verifier, method, path, body):
    enroll(operator, strokes)
    assert error_of(visitor.request(method, path, json=body), 403)["reason"] == "operators_only"
    visitor.headers["Sigverify-Operator"] = "made up"
    assert error_of(visitor.request(method, path, json=body), 403)
    assert verifier.users() == ("alice",)


def test_two_signatures_of_nobody_in_the_store(operator, strokes, verifier):
    def ask(probe, *references, http=200):
        body = {"probe": probe, "references": list(references)}
        answer = operator.post("/api/similarity", json=body)
        return answer.json() if http == 200 else error_of(answer, http)

    first, second, other = ({"strokes": strokes(signature(*each))} for each in ((0, 0), (0, 1), (1, 0)))
    same = ask(first, second)
    assert (same["kind"], same["references"], same["note"]) == ("pen", 1, "one")
    assert same["score"] > ask(first, other)["score"]
    assert ask(first, first)["copy"] is True
    assert ask(other, first, second)["references"] == 2
    assert ask(first, http=422)["error"] == "ConfigError"
    assert "at most 12" in ask(first, *[second] * 13, http=422)["message"]
    for wrong in (None, [], "x", 7, {}, {"strokes": 7}, {"strokes": [], "image": ""}, {"user_id": "alice"}):
        assert ask(wrong, first, http=422)["error"] in ("FormatError", "InvalidSignature")
        assert ask(first, wrong, http=422)["error"] in ("FormatError", "InvalidSignature")
    assert verifier.users() == ()
    logged = [(entry.event, entry.who) for entry in verifier.audit.entries()]
    assert logged == [(Event.SIGNED_IN, "")] + [(Event.COMPARED, "")] * 4, (
        "who is not in the store is not named"
    )


def test_signing_out(operator):
    assert operator.get("/api/info").json()["operator"] is True
    assert operator.delete("/api/operator").json() == {}
    assert operator.get("/api/info").json()["operator"] is False
    error_of(operator.get("/api/users"), 403)


def test_a_page_on_which_everybody_operates(page, verifier):
    client = page(code=None)
    said = client.get("/api/info").json()
    assert (said["operator"], said["open"], said["references"], said["keyboard"]) == (True, True, 5, True)
    assert said["model"] == verifier.model.manifest.name
    assert client.get("/api/users").json() == {"user_ids": []}
    assert error_of(client.post("/api/operator", json={"code": "123456"}), 409)


def test_an_enrollment_that_goes_wrong_stores_nothing(operator, strokes, verifier):
    name = operator.post("/api/enrollments", json={"user_id": "alice"}).json()["enrollment"]
    first = strokes(signature(0, 0))
    assert operator.post(f"/api/enrollments/{name}/signatures", json={"strokes": first}).json()["accepted"]
    again = operator.post(f"/api/enrollments/{name}/signatures", json={"strokes": first}).json()
    assert (again["accepted"], again["remaining"]) == (False, 4)
    assert again["reason"] == "copy"
    assert error_of(operator.post(f"/api/enrollments/{name}/commit"), 422)["error"] == "EnrollmentError"
    assert operator.delete(f"/api/enrollments/{name}").json() == {}
    assert error_of(operator.post(f"/api/enrollments/{name}/commit"), 404)
    assert verifier.users() == ()


def test_a_commit_whose_answer_was_lost_is_answered_again(operator, strokes, verifier):
    first = enroll(operator, strokes)
    path = first.request.url.path
    again = operator.post(path)
    assert (again.status_code, again.json()) == (200, first.json())
    enrolled = [entry for entry in AuditLog(verifier.store).entries() if entry.event is Event.ENROLLED]
    assert len(enrolled) == 1


def test_two_commits_at_once_store_once(operator, strokes, verifier):
    begun = operator.post("/api/enrollments", json={"user_id": "alice"}).json()
    path = f"/api/enrollments/{begun['enrollment']}"
    for repetition in range(5):
        operator.post(f"{path}/signatures", json={"strokes": strokes(signature(0, repetition))})
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: operator.post(f"{path}/commit"), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert verifier.users() == ("alice",)


def test_enrolled_twice(operator, strokes):
    enroll(operator, strokes)
    assert error_of(operator.post("/api/enrollments", json={"user_id": "alice"}), 409)["status"] == 42
    begun = operator.post("/api/enrollments", json={"user_id": "alice", "replace": True})
    assert begun.json()["remaining"] == 5


def test_locked_out_and_unlocked(operator, visitor, strokes):
    enroll(operator, strokes)

    def rejected(repetition):
        body = {"user_id": "alice", "strokes": strokes(signature(1, repetition))}
        return visitor.post("/api/verify", json=body).json()

    waits = [rejected(repetition)["retry_after_s"] for repetition in range(6)]
    assert waits[0] == 0
    assert waits[4] == 30
    assert rejected(7)["reason"] == Reason.LOCKED.value
    assert operator.post("/api/unlock", json={"user_id": "alice"}).json() == {}
    assert rejected(8)["reason"] == Reason.UNLIKE.value
    assert operator.post("/api/unlock", json={}).json() == {}
    assert error_of(operator.post("/api/unlock", json={"user_id": "nobody"}), 404)


def test_what_is_done_is_in_the_audit_log(operator, strokes, verifier):
    enroll(operator, strokes)
    operator.delete("/api/users?user_id=alice")
    entries = [entry.event.value for entry in AuditLog(verifier.store).entries()]
    assert entries == ["signed_in", "enrolled", "forgotten"]


def test_what_an_operator_asks_beside_is_logged_and_each_no_counts(operator, visitor, strokes, verifier):
    enroll(operator, strokes)
    assert operator.post("/api/identify", json={"strokes": strokes(signature(0, 9))}).json()["matches"]
    assert operator.get("/api/users").json()["user_ids"] == ["alice"]
    stranger = {"strokes": strokes(signature(7))}
    unlike = {"probe": stranger, "references": [{"strokes": strokes(signature(8))}]}
    for _ in range(PER_DEVICE.tries // 2):
        assert operator.post("/api/identify", json=stranger).json() == {"matches": [], "flaw": None}
        assert not operator.post("/api/similarity", json=unlike).json()["same_writer"]["balanced"]
    operator.post("/api/identify", json=stranger)  # a little of the first was forgotten meanwhile
    for path, body in (("/api/identify", stranger), ("/api/similarity", unlike)):
        refused = error_of(operator.post(path, json=body), 429)
        assert refused["reason"] == "too_many_questions"
        assert 0 < refused["retry_after_s"] <= 30
    assert operator.get("/api/users").json()["user_ids"] == ["alice"], "whom to unlock"
    probe = {"user_id": "alice", "strokes": strokes(signature(0, 10))}
    assert visitor.post("/api/verify", json=probe).json()["reason"] == "locked", "one budget"
    assert operator.post("/api/unlock", json={}).json() == {}
    anew = {"user_id": "alice", "strokes": strokes(signature(0, 11))}
    assert visitor.post("/api/verify", json=anew).json()["accepted"]
    counted = Counter(entry.event for entry in verifier.audit.entries())
    assert (counted[Event.IDENTIFIED], counted[Event.LISTED]) == (1, 2)
    assert counted[Event.COMPARED] == PER_DEVICE.tries // 2
    assert counted[Event.NOT_IDENTIFIED] == PER_DEVICE.tries // 2 + 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "user_id is missing"),
        (b"[]", "no object"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "too much in one request"),
        (b"[" * 1000, "nests too deeply"),
        (b'{"user_id": "a", "strokes": NaN}', "not JSON"),
        (b'{"user_id": 1, "strokes": []}', "user_id is of another type"),
        (b'{"user_id": "", "strokes": []}', "too short or too long"),
        (b'{"user_id": "' + b"a" * 300 + b'", "strokes": []}', "too short or too long"),
        (b'{"user_id": "a", "strokes": [], "fmr": 0.5}', "unknown property"),
        (b'{"user_id": "a", "strokes": 7}', "not groups of points"),
        (b'{"user_id": "a", "strokes": "[{\\"points\\": []}]"}', "the strokes are text"),
        (b'{"user_id": "a", "strokes": [{"points": "[1, 2]"}]}', "Hand in the list itself"),
        (b'{"user_id": "a", "strokes": [[{"x": 1}]]}', "y is not a number"),
        (b'{"user_id": "a", "strokes": [{"points": []}]}', "too few samples"),
    ],
)
def test_hostile_bodies(visitor, body, says):
    assert says in error_of(visitor.post("/api/verify", content=body), 422)["message"]


HALF = b'"\\ud800aaaaa"'  # of a surrogate pair: JSON, and no text


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/operator", b'{"code": %s}' % HALF), ("/api/verify", b'{"user_id": %s, "strokes": []}' % HALF)],
)
def test_halves_of_characters(visitor, path, body):
    assert "is not text" in error_of(visitor.post(path, content=body), 422)["message"]


def test_a_fault_of_ours_is_said_like_any_refusal(operator, monkeypatch):
    from starlette.testclient import TestClient

    from sigverify.verifier import Verifier

    monkeypatch.setattr(Verifier, "users", lambda _self: 1 / 0)
    client = TestClient(operator.app, str(operator.base_url), raise_server_exceptions=False)
    answer = client.get("/api/users", headers=operator.headers)
    assert "division" not in error_of(answer, 500)["message"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_unknown_queries_paths_and_methods(visitor, operator):
    assert "unknown property" in error_of(visitor.get("/api/info?x=1"), 422)["message"]
    assert "user_id is missing" in error_of(operator.delete("/api/users"), 422)["message"]
    assert "comes twice" in error_of(operator.delete("/api/users?user_id=a&user_id=b"), 422)["message"]
    error_of(visitor.get("/api/nothing"), 404)
    error_of(visitor.get("/api/info/"), 404)
    error_of(visitor.get("/app.js/"), 404)
    error_of(visitor.put("/api/verify"), 405)


def test_a_body_that_is_too_large(visitor):
    whole = b" " * (4 * 2**20 + 1)
    for content in (whole, iter([whole[:100], whole[100:]])):
        assert error_of(visitor.post("/api/verify", content=content), 413)["reason"] == "not_served"


@pytest.mark.parametrize(
    "content",
    ['{"user_id": "a", "user_id": "b"}', '{"user_id": "a", "strokes": [{"points": 1, "points": 2}]}'],
)
def test_a_name_that_comes_twice(visitor, content):
    assert "comes twice" in error_of(visitor.post("/api/verify", content=content), 422)["message"]


def test_a_store_that_is_gone(visitor, verifier):
    assert visitor.get("/api/health").json() == {"healthy": True}
    verifier.close()
    assert error_of(visitor.get("/api/health"), 503)["error"] == "StoreError"


def failing(*_arguments, **_options):
    raise StoreError("cannot write the store /srv/secret/k.db", received="database or disk is full")


def test_a_store_that_cannot_be_written(operator, visitor, strokes, verifier, monkeypatch, caplog):
    enroll(operator, strokes)
    probes = ({"user_id": "alice", "strokes": strokes(signature(0, each))} for each in range(9, 20))
    with monkeypatch.context() as full, caplog.at_level(logging.ERROR):
        full.setattr(verifier.store, "transaction", failing)
        for _ in range(3):
            said = error_of(visitor.post("/api/verify", json=next(probes)), 503)
            assert said["error"] == "StoreError"
            assert "secret" not in said["message"]
            assert "log" in said["message"]
    noted = [each.getMessage() for each in caplog.records]
    assert len(noted) == 2, "of many the 1st, 2nd, 4th …"
    assert all("/srv/secret/k.db" in each and "disk is full" in each for each in noted)
    assert error_of(visitor.get("/api/health"), 503)["error"] == "StoreFailing"
    assert visitor.get("/api/info").status_code == 200
    assert error_of(visitor.get("/api/health"), 503)["status"] == 40, "only a write shows that it is over"
    assert visitor.post("/api/verify", json=next(probes)).json()["outcome"] == "accept"
    assert visitor.get("/api/health").json() == {"healthy": True}


def full_disk(monkeypatch):
    """Let nothing be written, as on a full disk; what is read is read."""
    execute = SqliteDatabase.execute

    def executed(self, statement, values=()):
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            raise sqlite3.OperationalError("database or disk is full")
        return execute(self, statement, values)

    monkeypatch.setattr(SqliteDatabase, "execute", executed)


def test_a_try_that_is_refused_before_anything_is_written_makes_no_failed_store_healthy(
    operator, visitor, strokes, monkeypatch
):
    enroll(operator, strokes)
    copy = {"user_id": "alice", "strokes": strokes(signature(5, 0))}

    def reason():  # that it was seen before is known from the first time on
        return visitor.post("/api/verify", json=copy).json()["reason"]

    while reason() != "locked":
        pass
    with monkeypatch.context() as full:
        full_disk(full)
        assert error_of(visitor.post("/api/operator", json={"code": "0"}), 503)["error"] == "StoreError"
        assert error_of(visitor.get("/api/health"), 503)["error"] == "StoreFailing"
        assert reason() == "locked"
        assert error_of(visitor.get("/api/health"), 503)["error"] == "StoreFailing"
    assert error_of(visitor.get("/api/health"), 503)["error"] == "StoreFailing", "nobody has tried since"
    assert reason() == "locked"
    assert visitor.get("/api/health").json() == {"healthy": True}


def test_a_failure_meanwhile_is_not_over():
    failures, failure = Failures(), Failure(name="StoreError", reason="full", of_store=True)
    failures.note(failure)
    seen = failures.of_store()
    failures.note(failure)
    failures.note_written(seen)
    with pytest.raises(StoreFailing):
        failures.check()
    failures.note_written(failures.of_store())
    failures.check()


def test_what_is_wrong_with_one_person_is_not_the_store(operator, verifier, monkeypatch):
    def malformed(*_arguments, **_options):
        raise MalformedTemplate("of another model")

    with monkeypatch.context() as one:
        one.setattr(verifier.store, "transaction", malformed)
        assert error_of(operator.get("/api/users"), 503)["error"] == "MalformedTemplate"
    assert operator.get("/api/health").json() == {"healthy": True}


def test_the_operators_policy_differs_in_what_it_shows_only(verifier):
    from dataclasses import replace

    from firmware_bridge.kiosk.kiosk import Kiosk
    from firmware_bridge.kiosk.settings import Settings

    kiosk = Kiosk(verifier, Settings(code="123456"))
    assert kiosk.verifier(operator=False) is verifier
    assert verifier.policy == Policy.kiosk()
    theirs = kiosk.verifier(operator=True)
    assert theirs.store is verifier.store
    assert theirs.policy == replace(Policy.kiosk(), reveal_score=True, reveal_unknown=True)


def test_the_log_names_the_session_or_the_visitor(operator, visitor, strokes, verifier):
    enroll(operator, strokes)
    visitor.post("/api/verify", json={"user_id": "alice", "strokes": strokes(signature(0, 9))})
    visitor.headers["Sigverify-Operator"] = "no session"
    visitor.post("/api/verify", json={"user_id": "alice", "strokes": strokes(signature(1, 9))})
    operator.delete("/api/operator")
    entries = [(entry.event.value, str(entry.actor)) for entry in AuditLog(verifier.store).entries()]
    session = entries[0][1]
    assert re.fullmatch("operator operator, session [0-9a-f]{8}", session)
    assert entries == [
        ("signed_in", session), ("enrolled", session), ("accepted", "visitor testclient"),
        ("rejected", "visitor testclient"), ("signed_out", session),
    ]  # fmt: skip


def test_where_everybody_operates_the_log_says_so(page, strokes, verifier):
    everybody = page(code=None)
    enroll(everybody, strokes)
    assert [str(entry.actor) for entry in AuditLog(verifier.store).entries()] == [
        "operator everybody at testclient"
    ]


def test_refused_tokens_are_in_the_log_a_few_of_many(page, verifier):
    client = page(token=LONG)
    for _ in range(20):
        error_of(client.get("/api/info"), 401)
    with client.websocket_connect("/api/live") as live:
        live.send_json({"type": "hello", "token": "a wrong one"})
        with pytest.raises(WebSocketDisconnect):
            live.receive_json()
    entries = list(AuditLog(verifier.store).entries())
    assert {(entry.event, str(entry.actor)) for entry in entries} == {
        (Event.TOKEN_REFUSED, "visitor testclient")
    }
    assert [entry.detail["count"] for entry in entries] == [1, 2, 4, 8, 16]


def test_each_capability_is_one_of_its_own(page, strokes, verifier):
    """Everything that needs one, tried by an operator who has all but that."""
    probe = {"strokes": strokes(signature(0, 1))}
    asked = {
        "identify": ("POST", "/api/identify", probe),
        "compare": ("POST", "/api/similarity", {"probe": probe, "references": [probe]}),
        "enroll": ("POST", "/api/enrollments", {"user_id": "bob"}),
        "replace": ("POST", "/api/enrollments", {"user_id": "bob", "replace": True}),
        "users": ("GET", "/api/users", None),
        "forget": ("DELETE", "/api/users?user_id=bob", None),
        "unlock": ("POST", "/api/unlock", {}),
        "images": ("POST", "/api/verify", {"user_id": "bob", "image": "AAAA"}),
    }
    assert set(asked) == set(Capability) - {Capability.VERIFY}
    for name, (method, path, body) in asked.items():
        for may, status in ((ALL - {Capability(name)}, 403), (ALL, None)):
            client = page(operator_may=may)
            signed_in = client.post("/api/operator", json={"code": "123456"}).json()["session"]
            client.headers["Sigverify-Operator"] = signed_in
            assert client.get("/api/info").json()["may"] == sorted(may)
            answer = client.request(method, path, json=body)
            if status is None:
                assert answer.status_code != 403, name
                continue
            error = error_of(answer, status)
            assert (error["reason"], error["capability"]) == ("not_allowed", name)
    refused = [e for e in AuditLog(verifier.store).entries() if e.event is Event.NOT_ALLOWED]
    assert [entry.detail["capability"] for entry in refused] == list(asked)
    assert all(str(entry.actor).startswith("operator operator, session ") for entry in refused)


def test_a_program_has_a_token_and_capabilities_of_its_own(page, verifier):
    may = frozenset({Capability.USERS, Capability.UNLOCK})
    client = page(clients=(Grant(name="cash desk", secret=LONG, may=may),))
    error = error_of(client.get("/api/users"), 403)
    assert (error["reason"], error["capability"]) == ("operators_only", "users")
    client.headers["Authorization"] = f"Bearer {LONG}"
    assert client.get("/api/users").json() == {"user_ids": []}
    assert client.post("/api/unlock", json={}).status_code == 200
    assert error_of(client.delete("/api/users?user_id=alice"), 403)["capability"] == "forget"
    assert client.get("/api/info").json()["may"] == ["unlock", "users", "verify"]
    entries = [(entry.event.value, str(entry.actor)) for entry in AuditLog(verifier.store).entries()]
    its = "client testclient, cash desk"
    assert entries == [
        ("not_allowed", "visitor testclient"), ("listed", its), ("unlocked", its), ("not_allowed", its),
    ]  # fmt: skip


def test_beyond_this_machine_only_programs_with_a_token(page):
    its = (Grant(name="cash desk", secret=LONG, may=frozenset({Capability.USERS})),)
    client = page(clients=its, host="kiosk.example", listen="192.0.2.1")
    for token in ("", "Bearer ", "Bearer x", f"Bearer {LONG}x"):
        client.headers["Authorization"] = token
        error_of(client.get("/api/info"), 401)
        error_of(client.get("/api/users"), 401)
    client.headers["Authorization"] = f"Bearer {LONG}"
    assert client.get("/api/users").json() == {"user_ids": []}


def test_refusals_that_are_repeated_do_not_fill_the_log(visitor, verifier):
    for _ in range(20):
        error_of(visitor.get("/api/users"), 403)
    assert [entry.detail["count"] for entry in AuditLog(verifier.store).entries()] == [1, 2, 4, 8, 16]
