"""Where captures have to be signed by a pen, the page takes none of a browser, and does all else."""

import pytest
from builders import arithmetic_matcher, signature
from toy_images import picture

pytest.importorskip("starlette")

from sigverify.audit import Event
from sigverify.policy import Policy
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.signed.signer import CaptureSigner
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))


@pytest.fixture
def verifier():
    keys = CaptureKeys({"pen-7": KEY})
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.kiosk(), capture_keys=keys) as its:
        numbers = iter(range(1, 9))
        pen = CaptureSigner("pen-7", KEY, lambda: next(numbers))
        its.enroll("alice", [pen.sign(signature(0, at), its.challenge(), "enroll") for at in range(5)])
        yield its


def test_no_capture_of_a_browser_is_taken(verifier, operator, strokes, image):
    before = verifier.store.records(LOCKOUT)
    asked = {
        "/api/verify": {"user_id": "alice", "strokes": strokes(signature(0, 7))},
        "/api/identify": {"strokes": strokes(signature(0, 7))},
        "/api/enrollments": {"user_id": "bob"},
        "/api/similarity": {
            "probe": {"image": image(picture(0, 1))},
            "references": [{"strokes": strokes(signature(0, 8))}],
        },
    }
    for path, body in asked.items():
        answer = operator.post(path, json=body)
        assert (answer.status_code, answer.json()["reason"]) == (403, "signed_only"), path
    # It is a mistake, not an attack: nobody has to wait for it, and of many not each is logged.
    assert verifier.store.records(LOCKOUT) == before
    events = [each for each in verifier.audit.entries() if each.event is Event.CAPTURE_REFUSED]
    assert len(events) == 3
    assert "operator" in str(events[0].actor)


def test_visitors_are_told_before_they_sign(visitor, strokes):
    assert visitor.get("/api/info").json()["signed_only"] is True
    body = {"user_id": "alice", "strokes": strokes(signature(0, 7))}
    assert visitor.post("/api/verify", json=body).json()["reason"] == "signed_only"


def test_all_else_is_as_before(operator):
    assert "alice" in operator.get("/api/users").text
    assert operator.post("/api/unlock", json={"user_id": "alice"}).status_code == 200
    assert operator.delete("/api/users?user_id=alice").status_code == 200
