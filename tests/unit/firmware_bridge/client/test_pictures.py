"""Pictures through a real daemon: both clients, what is allowed, what is refused, and what is counted."""

import io
import zlib

import numpy as np
import pytest
from builders import signature
from PIL import Image as Pillow
from running_daemon import RunningDaemon, both_kinds, eventually
from toy_images import drawn, picture
from waiting_client import Waiting

from firmware_bridge.capability import ALL, Capability
from firmware_bridge.client import Client
from firmware_bridge.client.exchange import bounded, sendable, sendables
from firmware_bridge.protocol.daemon_connection import CREDIT
from firmware_bridge.protocol.framing import frame
from firmware_bridge.protocol.messages import BeginImage, Captured, Credit, Image, Verify, encode
from firmware_bridge.protocol.picture import MAX_IMAGE_BYTES, PIECE_BYTES
from firmware_bridge.testing import MemoryDaemon
from firmware_bridge.transport.listeners import UnixListener
from sigverify.audit import Event
from sigverify.errors import (
    AlreadyEnrolled,
    Busy,
    ConfigError,
    EnrollmentError,
    FormatError,
    InvalidSignature,
    NotAllowed,
    ProtocolError,
    UnknownFormat,
    UnknownUser,
)
from sigverify.modality.image.signature_image import SignatureImage

ALICE = [picture(0, repetition) for repetition in range(5)]


def png(image):
    file = io.BytesIO()
    Pillow.fromarray(image.grey).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def daemon(path):
    with RunningDaemon([UnixListener(path)], open_verifier=both_kinds) as running:
        yield running


@pytest.fixture(params=[Client, Waiting])
def client(request, address):
    with request.param(address) as its:
        yield its


def test_enrol_verify_identify(client):
    receipt = client.enroll("alice", ALICE)
    assert (receipt.user_id, receipt.references) == ("alice", 5)
    client.enroll("bob", [picture(3, repetition) for repetition in range(5)])
    assert client.verify("alice", picture(0, 9)).accepted
    assert not client.verify("alice", picture(3, 9)).accepted
    assert client.identify(picture(0, 8), top_k=1)[0].user_id == "alice"


@pytest.mark.parametrize("make", [lambda file: file.read_bytes(), lambda file: file, str])
def test_a_picture_by_its_bytes_or_its_path(client, tmp_path, make):
    client.enroll("alice", ALICE)
    file = tmp_path / "alice.png"
    file.write_bytes(png(picture(0, 9)))
    assert client.verify("alice", make(file)).accepted


def test_a_photograph_that_takes_many_pieces(client, daemon):
    client.enroll("alice", ALICE)
    large = drawn(signature(0, 9), size=(1600, 800), width=16)
    noise = np.random.default_rng(0).integers(0, 20, (800, 1600))
    file = io.BytesIO()
    Pillow.fromarray(np.clip(np.asarray(large) - noise, 0, 255).astype(np.uint8)).save(file, "PNG")
    assert len(file.getvalue()) > 10 * CREDIT * PIECE_BYTES
    assert client.verify("alice", file.getvalue()).accepted
    [session] = daemon.daemon._sessions
    assert session._connection.held == 0


def test_enrolled_picture_by_picture(client):
    enrollment = client.enrollment("alice", references=2, modality="image")
    assert enrollment.add(ALICE[0])
    assert enrollment.remaining == 1
    assert enrollment.add(ALICE[0]).reason == "copy"
    assert enrollment.add(ALICE[1])
    assert enrollment.commit().references == 2
    with pytest.raises(AlreadyEnrolled):
        client.enrollment("alice", modality="image")


def test_one_person_by_both_and_both_shown_at_once(client):
    client.enroll("alice", [signature(0, repetition) for repetition in range(5)])
    client.enroll("alice", ALICE)
    both = client.verify("alice", (signature(0, 9), picture(0, 9)))
    assert both.accepted
    assert set(both.scores) == {"pen", "image"}
    swapped = client.verify("alice", (picture(0, 10), signature(0, 10)))
    assert swapped.accepted
    assert list(swapped.scores) == ["pen", "image"]


def test_strokes_that_were_streamed_and_their_picture(client):
    client.enroll("alice", [signature(0, repetition) for repetition in range(5)])
    client.enroll("alice", ALICE)
    from firmware_bridge.protocol.strokes import split

    capture = client.begin()
    for piece in split(signature(0, 9), capture, size=64):
        client.points(piece)
    client.end(capture)
    assert set(client.verify("alice", (capture, picture(0, 9))).scores) == {"pen", "image"}


def test_two_of_one_kind_are_refused(client):
    client.enroll("alice", ALICE)
    with pytest.raises(InvalidSignature, match="one of each kind"):
        client.verify("alice", (picture(0, 8), picture(0, 9)))
    for wrong in ((), (picture(),) * 3):
        with pytest.raises(InvalidSignature, match="or both"):
            client.verify("alice", wrong)


def test_strokes_and_pictures_in_one_enrollment(client):
    with pytest.raises(EnrollmentError, match="strokes and pictures in one"):
        client.enroll("alice", [signature(), picture()])
    with pytest.raises(EnrollmentError, match="no list of signatures"):
        client.enroll("alice", b"file")
    enrollment = client.enrollment("alice", modality="image")
    with pytest.raises((InvalidSignature, ConfigError)):
        enrollment.add(signature())


@pytest.mark.parametrize(
    ("file", "error"),
    [
        (b"", FormatError),
        (bytes(MAX_IMAGE_BYTES + 1), FormatError),
        (b"x,y,time_ms\n1,2,3\n", UnknownFormat),
        (b"%PDF-1.7 of a form", UnknownFormat),
        (png(picture())[:200], FormatError),
    ],
    ids=["empty", "too large", "csv", "pdf", "cut"],
)
def test_what_is_no_picture_is_refused_and_the_next_is_taken(client, file, error):
    client.enroll("alice", ALICE)
    with pytest.raises(error) as raised:
        client.verify("alice", file)
    assert str(raised.value)
    assert client.verify("alice", picture(0, 9)).accepted


def test_a_blank_sheet_is_an_outcome(client):
    client.enroll("alice", ALICE)
    decision = client.verify("alice", SignatureImage(np.full((200, 400), 255, np.uint8)))
    assert (decision.reason, decision.flaw) == ("poor", "no_ink")


def test_without_a_model_or_not_allowed(path):
    def without():
        return both_kinds(images=False)

    for options in ({"open_verifier": without}, {"allowed": ALL - {Capability.IMAGES}}):
        with (
            RunningDaemon([UnixListener(path)], **{"open_verifier": both_kinds} | options),
            Client(path) as client,
        ):
            client.enroll("alice", [signature(0, repetition) for repetition in range(5)])
            with pytest.raises(NotAllowed, match="takes no pictures of signatures"):
                client.verify("alice", picture())
            assert client.verify("alice", signature(0, 9)).accepted


def test_what_there_is_room_for_is_told(client):
    assert client.info().max_image_bytes == MAX_IMAGE_BYTES


def test_without_a_model_there_is_room_for_none():
    with both_kinds(images=False) as verifier, Client(MemoryDaemon(verifier)) as client:
        assert client.info().max_image_bytes == 0


def test_an_enrollment_keeps_no_more_pixels_than_it_may(client, monkeypatch):
    monkeypatch.setattr("firmware_bridge.daemon.service.MAX_PIXELS", 3 * ALICE[0].grey.size)
    enrollment = client.enrollment("alice", references=5, modality="image")
    for image in ALICE[:3]:
        enrollment.add(image)
    with pytest.raises(Busy, match="too much for one enrollment"):
        enrollment.add(ALICE[3])


def test_all_clients_together(daemon, address, monkeypatch):
    size = len(png(ALICE[0]))
    for module in ("protocol.captures", "daemon.daemon"):
        monkeypatch.setattr(f"firmware_bridge.{module}.MAX_BYTES_OF_ALL", 2 * size)
    with Client(address) as one, Client(address) as other:
        one.users()
        [session] = daemon.daemon._sessions
        session._connection.receive(frame(encode(0, BeginImage(capture=1, size=size + 1))))
        with pytest.raises(Busy, match="of all clients"):
            other.verify("alice", ALICE[0])
        one.close()
        eventually(lambda: len(daemon.daemon._sessions) == 1)
        with pytest.raises(UnknownUser):
            other.verify("alice", ALICE[0])


def test_it_is_counted_and_logged(client, daemon):
    client.enroll("alice", ALICE)
    client.verify("alice", picture(0, 9))
    text = daemon.daemon.metrics.text()
    assert 'sigverify_captures_total{kind="image"} 6.0' in text
    assert 'sigverify_requests_total{operation="verify",status="0"} 1.0' in text
    verifier = daemon.verifier
    events = [entry.event for entry in verifier.audit.entries()]
    assert events[-2:] == [Event.ENROLLED, Event.ACCEPTED]


@pytest.mark.parametrize("kind", [BeginImage, Image, Credit, Captured, Verify])
@pytest.mark.parametrize("numbers", [(1,), (1, 2)])
def test_what_is_lost_is_made_good_and_nothing_is_done_twice(kind, numbers):
    seen = []

    def lost(message):
        seen.extend([1] if isinstance(message, kind) else [])
        return isinstance(message, kind) and len(seen) in numbers and enrolled

    enrolled = False
    with both_kinds() as verifier, Client(MemoryDaemon(verifier, lost=lost)) as client:
        verifier.enroll("alice", ALICE)
        enrolled = True
        assert client.verify("alice", png(picture(0, 9)) + bytes(20_000)).accepted
        assert [entry.event for entry in verifier.audit.entries()].count(Event.ACCEPTED) == 1


def test_a_picture_that_never_arrives_is_given_up():
    with (
        both_kinds() as verifier,
        Client(MemoryDaemon(verifier, lost=lambda message: isinstance(message, Image))) as client,
        pytest.raises(ProtocolError),
    ):
        client.verify("alice", picture())


def test_a_picture_is_sent_as_a_file_that_loses_nothing():
    file = sendable(picture())
    assert SignatureImage.read(file) == picture()
    assert zlib.crc32(file) == zlib.crc32(sendable(picture()))
    assert sendables((3, file)) == [3, file]
    assert bounded([picture()] * 40) == [file] * 13
