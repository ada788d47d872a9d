"""Pictures of signatures over HTTP: what is taken, what is refused, and within which bounds."""

import base64
import io
import threading

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from PIL import Image, ImageDraw
from toy_images import picture

pytest.importorskip("starlette")

from firmware_bridge.kiosk import operations
from firmware_bridge.kiosk.schemas import MAX_IMAGE_TEXT
from sigverify.modality.image.encoding import to_png
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


def enroll(operator, image, user="alice", writer=0):
    begun = operator.post("/api/enrollments", json={"user_id": user, "modality": "image"}).json()
    path = f"/api/enrollments/{begun['enrollment']}"
    for repetition in range(begun["remaining"]):
        added = operator.post(f"{path}/signatures", json={"image": image(picture(writer, repetition))}).json()
        assert added["accepted"], added
    return operator.post(f"{path}/commit").json()


def refused(answer, error="FormatError", http=422):
    assert answer.status_code == http, answer.text
    content = answer.json()
    assert content["error"] == error
    return content["message"]


@pytest.fixture
def visitor(page):
    return page(visitor_pictures=True)


def test_a_visitor_shows_no_picture_unless_they_may(operator, page, image):
    """Whoever holds a letter of somebody could show its signature; an operator sees the paper."""
    enroll(operator, image)
    plain = page()
    assert plain.get("/api/info").json()["modalities"] == ["pen"]
    assert operator.get("/api/info").json()["modalities"] == ["pen", "image"]
    body = {"user_id": "alice", "image": image(picture(0, 9))}
    assert "operators" in refused(plain.post("/api/verify", json=body), "Refused", 403)
    assert page(visitor_pictures=True).post("/api/verify", json=body).json()["accepted"]


def test_enrol_verify_identify(operator, visitor, image):
    assert enroll(operator, image)["references"] == 5
    genuine, forged = ({"user_id": "alice", "image": image(picture(writer, 9))} for writer in (0, 3))
    assert operator.post("/api/verify", json=genuine).json()["accepted"]
    assert operator.post("/api/verify", json=genuine).json()["reason"] == "replay"
    decision = visitor.post("/api/verify", json=forged).json()
    assert (decision["accepted"], decision["score"]) == (False, None)
    matches = operator.post("/api/identify", json={"image": image(picture(0, 10))}).json()["matches"]
    assert [match["user_id"] for match in matches] == ["alice"]


def test_the_page_learns_what_is_taken(visitor):
    assert visitor.get("/api/info").json()["modalities"] == ["pen", "image"]


def test_strokes_and_their_picture(operator, visitor, image, strokes):
    enroll(operator, image)
    begun = operator.post("/api/enrollments", json={"user_id": "alice"}).json()
    path = f"/api/enrollments/{begun['enrollment']}"
    for repetition in range(5):
        operator.post(f"{path}/signatures", json={"strokes": strokes(signature(0, repetition))})
    operator.post(f"{path}/commit")
    both = {"user_id": "alice", "strokes": strokes(signature(0, 9)), "image": image(picture(0, 9))}
    assert set(operator.post("/api/verify", json=both).json()["scores"]) == {"pen", "image"}
    assert "scores" not in visitor.post("/api/verify", json=both).json()


def test_both_where_one_is_wanted(operator, image, strokes):
    both = {"strokes": strokes(signature()), "image": image(picture())}
    assert "two captures" in refused(operator.post("/api/identify", json=both))
    begun = operator.post("/api/enrollments", json={"user_id": "alice"}).json()["enrollment"]
    path = f"/api/enrollments/{begun}/signatures"
    assert "two captures" in refused(operator.post(path, json=both))
    assert "there is no signature" in refused(operator.post(path, json={}))


def test_a_picture_for_an_enrollment_by_strokes(operator, image):
    begun = operator.post("/api/enrollments", json={"user_id": "alice"}).json()["enrollment"]
    answer = operator.post(f"/api/enrollments/{begun}/signatures", json={"image": image(picture())})
    refused(answer, "InvalidSignature")


@pytest.mark.parametrize("modality", ["melody", "", ["image"], 3, None])
def test_an_enrollment_by_what_is_not_taken(operator, modality):
    answer = operator.post("/api/enrollments", json={"user_id": "alice", "modality": modality})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "UnknownFormat"),
        ("no base64!", "FormatError"),
        ("aGk", "FormatError"),
        ("\u00e9", "FormatError"),
        ("data:image/png;base64,aGk=", "FormatError"),
        (["aGk="], "FormatError"),
        (None, "FormatError"),
        ("A" * (MAX_IMAGE_TEXT + 4), "FormatError"),
        (base64.b64encode(b"%PDF-1.7").decode(), "UnknownFormat"),
        (base64.b64encode(to_png(picture())[:100]).decode(), "FormatError"),
    ],
    ids=["empty", "text", "cut", "letters", "data URL", "list", "null", "large", "pdf", "damaged"],
)
def test_what_is_no_picture(visitor, text, error):
    said = refused(visitor.post("/api/verify", json={"user_id": "alice", "image": text}), error)
    assert len(said) < 400


def test_a_blank_sheet_is_an_outcome(operator, image):
    enroll(operator, image)
    blank = image(SignatureImage(np.full((200, 400), 255, np.uint8)))
    decision = operator.post("/api/verify", json={"user_id": "alice", "image": blank}).json()
    assert (decision["reason"], decision["flaw"]) == ("poor", "no_ink")


def test_more_than_a_body_may_have(visitor):
    answer = visitor.post("/api/verify", json={"user_id": "alice", "image": "A" * 5 * 2**20})
    assert answer.status_code == 413


def test_a_bomb_is_refused_undecoded(visitor):
    """30,000 × 30,000 pixels of one colour are some kB as a file, and a gigabyte as a picture."""
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10_000)))
    body = {"user_id": "alice", "image": base64.b64encode(file + chunk(b"IEND", b"")).decode()}
    assert "megapixels" in refused(visitor.post("/api/verify", json=body))


def test_more_pixels_than_a_device_decodes_for_others(visitor):
    """A photograph is reduced while it is decoded; any other picture takes memory as a whole."""
    large = Image.new("L", (5000, 4000), 255)
    ImageDraw.Draw(large).line([(800, 900), (2000, 2500), (2600, 700), (4000, 3000)], fill=0, width=60)
    for kind, refused_by in (("PNG", "FormatError"), ("JPEG", None)):
        file = io.BytesIO()
        large.save(file, kind)
        body = {"user_id": "alice", "image": base64.b64encode(file.getvalue()).decode()}
        answer = visitor.post("/api/verify", json=body)
        if refused_by is None:
            assert answer.status_code == 200
        else:
            assert "at most 16 megapixels" in refused(answer, refused_by)


def test_one_picture_is_decoded_at_a_time(operator, image, monkeypatch):
    enroll(operator, image)
    at_once, most, decode = [], [], operations.decode_sent

    def decoding(file):
        at_once.append(file)
        most.append(len(at_once))
        threading.Event().wait(0.02)
        at_once.pop()
        return decode(file)

    monkeypatch.setattr(operations, "decode_sent", decoding)
    body = {"user_id": "alice", "image": image(picture(0, 9))}
    asking = [
        threading.Thread(target=operator.post, args=("/api/verify",), kwargs={"json": body}) for _ in range(4)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert most == [1] * 4


def test_a_device_without_a_model_for_pictures(image):
    from starlette.testclient import TestClient

    from firmware_bridge.kiosk.app import create_app
    from firmware_bridge.kiosk.settings import Settings

    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as verifier:
        client = TestClient(
            create_app(verifier, Settings()), base_url="http://127.0.0.1", headers={"Sigverify-Request": "1"}
        )
        assert client.get("/api/info").json()["modalities"] == ["pen"]
        answer = client.post("/api/verify", json={"user_id": "alice", "image": image(picture())})
        assert "no model here takes captures of this kind" in refused(answer, "ConfigError")
