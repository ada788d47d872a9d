"""What workers answer is what the page answers; of processes see tests/e2e/test_kiosk_workers.py."""

import logging

import pytest
from builders import arithmetic_matcher, signature
from toy_images import image_matcher, picture

from firmware_bridge.admission import Admission, Bounds
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.kiosk.worker import Worker
from firmware_bridge.pool.pool import Pool
from firmware_bridge.pool.worker_process import WorkerFailed
from sigverify.audit import Event
from sigverify.errors import StoreError
from sigverify.formats.signature_pad import from_groups
from sigverify.policy import Policy
from sigverify.store import SqliteStore
from sigverify.verifier import Verifier

CODE = "123456"
SETTINGS = Settings(code=CODE)


@pytest.fixture
def opened(tmp_path):
    """Return a function that opens a verifier of one store."""
    return lambda: Verifier(
        SqliteStore(tmp_path / "kiosk.db"),
        arithmetic_matcher(),
        others={"image": image_matcher},
        policy=Policy.kiosk(),
    )


@pytest.fixture
def verifier(opened):
    with opened() as verifier:
        verifier.enroll("ann", [signature(0, each) for each in range(5)])
        yield verifier


@pytest.fixture
def worker(opened, verifier):
    assert verifier.users() == ("ann",)  # the store is there before a worker opens it
    worker = Worker(opened, SETTINGS)
    worker.open()
    yield worker
    worker.close()


@pytest.fixture
def client(verifier, worker):
    return asking(verifier, Pool(lambda: worker, 1))


def asking(verifier, pool):
    """Return a client of a page with those workers."""
    testclient = pytest.importorskip("starlette.testclient")
    from firmware_bridge.kiosk.app import create_app

    admission = Admission(Bounds(questions_a_second=None))
    app = create_app(verifier, SETTINGS, admission, pool)
    return testclient.TestClient(
        app,
        base_url="http://127.0.0.1:8080",
        headers={"Sigverify-Request": "1"},
        raise_server_exceptions=False,
    )


def operate(client):
    session = client.post("/api/operator", json={"code": CODE}).json()["session"]
    client.headers["Sigverify-Operator"] = session


def events(verifier):
    return [entry.event for entry in verifier.audit.entries()]


def test_a_worker_is_asked(client, worker, strokes, monkeypatch):
    asked = []
    answer = worker.answer
    monkeypatch.setattr(worker, "answer", lambda its: asked.append(its.operation) or answer(its))
    shown = {"user_id": "ann", "strokes": strokes(signature(0, 10))}
    said = client.post("/api/verify", json=shown)
    assert (said.status_code, said.json()["accepted"], said.json()["score"]) == (200, True, None)
    operate(client)
    shown = {"user_id": "ann", "strokes": strokes(signature(0, 11))}
    assert client.post("/api/verify", json=shown).json()["score"] > 0.5
    found = client.post("/api/identify", json={"strokes": strokes(signature(0, 12))})
    assert found.json()["matches"][0]["user_id"] == "ann"
    assert client.get("/api/users").json() == {"user_ids": ["ann"]}
    assert asked == ["verify", "verify", "identify"]


def test_a_copy_is_one_wherever_it_was_seen(client, verifier, strokes):
    shown = strokes(signature(0, 10))
    assert verifier.verify("ann", from_groups(shown)).accepted
    assert not client.post("/api/verify", json={"user_id": "ann", "strokes": shown}).json()["accepted"]
    assert events(verifier)[-1] is Event.REPLAYED


def test_who_may_not_is_refused_and_in_the_log(client, verifier, strokes, image):
    said = client.post("/api/identify", json={"strokes": strokes(signature(0, 10))})
    assert (said.status_code, said.json()["reason"]) == (403, "operators_only")
    said = client.post("/api/verify", json={"user_id": "ann", "image": image(picture(0))})
    assert (said.status_code, said.json()["capability"]) == (403, "images")
    assert events(verifier).count(Event.NOT_ALLOWED) == 2


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b"[", 422, "FormatError"),
        (b'{"user_id": "ann"}', 422, "FormatError"),
        (b'{"user_id": "ann", "strokes": []}', 422, "InvalidSignature"),
    ],
    ids=["no JSON", "no signature", "no strokes"],
)
def test_what_makes_no_sense(client, content, status, error):
    said = client.post("/api/verify", content=content)
    assert (said.status_code, said.json()["error"]) == (status, error)


def test_a_fault_of_ours_is_told_by_its_name_alone(verifier, strokes, caplog):
    class Failing:
        async def ask(self, _job):
            raise WorkerFailed("KeyError")

    client = asking(verifier, Failing())
    shown = {"user_id": "ann", "strokes": strokes(signature(0, 10))}
    with caplog.at_level(logging.ERROR):
        said = client.post("/api/verify", json=shown)
    assert (said.status_code, said.json()["message"]) == (500, "the device failed. Its log says why")
    assert "a request failed in a worker: KeyError" in caplog.text


def test_a_worker_that_was_closed_answers_no_more(worker, client, strokes):
    worker.close()
    worker.close()
    shown = {"user_id": "ann", "strokes": strokes(signature(0, 10))}
    assert client.post("/api/verify", json=shown).status_code == 500


def test_a_store_that_is_gone(client, strokes, monkeypatch, caplog):
    def gone(*_arguments, **_options):
        raise StoreError("cannot read the store /srv/secret/k.db")

    shown = {"user_id": "ann", "strokes": strokes(signature(0, 10))}
    with monkeypatch.context() as away:
        away.setattr(Verifier, "verify", gone)
        said = client.post("/api/verify", json=shown)
    assert said.status_code == 503
    assert "secret" not in said.text
    assert "cannot read the store /srv/secret/k.db" in caplog.text, "in the log of the page's own process"
    assert client.get("/api/health").status_code == 503
    assert client.post("/api/verify", json=shown).status_code == 200
    assert client.get("/api/health").json() == {"healthy": True}
