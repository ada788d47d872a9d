"""What the C client writes and reads, against the test vectors and against ours."""

import itertools
import json
import random
import struct
import zlib
from pathlib import Path

import cbor2
import pytest
from fuzz_targets import memcheck
from handshakes import CLIENT_EVENTS, CLIENT_PATHS, TOKEN, Daemon, has_token

from firmware_bridge.protocol.framing import Deframer, frame
from firmware_bridge.protocol.handshake import Side, proof, transcript
from firmware_bridge.protocol.messages import (
    NO_HANDSHAKE,
    Done,
    End,
    Error,
    Image,
    Points,
    Verify,
    Welcome,
    decode,
    encode,
)
from firmware_bridge.protocol.phase import CLIENT, Event, Phase

VECTORS = json.loads((Path(__file__).parents[3] / "golden" / "protocol.json").read_text())
NAMES = [vector["name"] for vector in VECTORS["messages"]]
_PICTURE, _SIGNED = NAMES.index("begin_image") - 2, NAMES.index("challenge") - 1
FIRST, PICTURE, SIGNED = (
    VECTORS["messages"][part] for part in (slice(_PICTURE), slice(_PICTURE, _SIGNED), slice(_SIGNED, None))
)
MESSAGES = {vector["name"]: vector for vector in FIRST if vector["kind"] != 4}
PIECES = [vector for vector in FIRST if vector["kind"] == 4]
DAEMON = [vector for vector in VECTORS["messages"] if vector["kind"] >= 64]
MISUSE, PROTOCOL_ERROR, DISCONNECTED, NOT_ALLOWED, BUSY = 72, 71, 73, 74, 75
COMMANDS = [
    ("verify ann 1 0.01 skilled 0.05", "verify", "decision"),
    ("cancel 2", "cancel", None),
    ("identify 3 2 0.01 staff", "identify", "matches"),
    ("enroll Zoë 5 1 staff", "enroll", "enrolling"),
    ("add 4", "add", "addition"),
    ("commit", "commit", "enrolled"),
    ("abandon", "abandon", None),
    ("users ann", "users", "user_list"),
    ("forget bob", "forget", "error"),
    ("info", "info", "about"),
    ("health", "health", None),
]


@pytest.fixture(scope="session")
def wide_path(build):
    """The vectors' client takes 2,048 bytes."""
    return build("driver.c", "-DSVC_MAX_PAYLOAD=2048")


def give(driver, number, message):
    return driver.say(f"feed {frame(encode(number, message)).hex()}")


def sample(x, y, t, p=0, ink=1):
    return f"{x!r},{y!r},{t!r},{p!r},{ink}"


def columns(vector):
    body = vector["body"]
    ink = body.get("d", [True] * len(body["x"]))
    return [
        sample(*row) for row in zip(body["x"], body["y"], body["t"], body["p"], map(int, ink), strict=True)
    ]


def written(driver):
    (payload,) = Deframer().feed(bytes.fromhex(driver.written))
    return decode(payload)[1]


@pytest.fixture
def ready(drive):
    its = drive()
    assert its.say("hello -") == 0
    assert give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=2)) == 0
    return its


@pytest.mark.parametrize("checked", [False, True], ids=["plain", "valgrind"])
def test_a_whole_session_is_that_of_the_vectors(drive, wide_path, checked):
    its = drive(path=wide_path, before=memcheck() if checked else ())
    assert its.say(f"hello pen {VECTORS['token']}") == 0
    assert its.written == "00" + MESSAGES["hello"]["frame"]
    assert its.say(f"feed {MESSAGES['welcome']['frame']}") == 0
    assert its.written == MESSAGES["authenticate"]["frame"]
    assert its.say(f"feed {MESSAGES['done']['frame']}") == 0
    assert (its.say("begin 1 1"), its.written) == (0, MESSAGES["begin"]["frame"])
    for vector in PIECES:
        assert (its.say(f"points {' '.join(columns(vector))}"), its.written) == (0, vector["frame"])
    assert (its.say("end"), its.written) == (0, MESSAGES["end"]["frame"])
    its.say(f"feed {MESSAGES['captured']['frame']}")
    for command, sent, answer in COMMANDS:
        assert (its.say(command), its.written) == (0, MESSAGES[sent]["frame"])
        if answer is not None:
            assert its.say(f"feed {MESSAGES[answer]['frame']}") == 0
            assert [each["kind"] for each in its.answers] == [MESSAGES[answer]["kind"]]


def test_a_picture_is_that_of_the_vectors(drive, wide_path):
    its = drive(path=wide_path)
    its.say("hello pen")
    assert (
        its.say(f"feed {frame(encode(1, Welcome(version=1, max_payload=8192, window=8, credit=2))).hex()}")
        == 0
    )
    its.say("number 13")
    enroll, enrolling, begun, *pieces, ended, captured, verified, decided = PICTURE
    assert (its.say("enroll ann 5 1 staff image"), its.written) == (0, enroll["frame"])
    its.say(f"feed {enrolling['frame']}")
    assert (its.say(f"begin-image 5 {begun['body']['size']}"), its.written) == (0, begun["frame"])
    for vector in pieces:
        assert (its.say(f"image {vector['body']['data']['hex']}"), its.written) == (0, vector["frame"])
    assert (its.say("end"), its.written) == (0, ended["frame"])
    assert (its.say("again-end 15"), its.written) == (0, ended["frame"])
    its.say(f"feed {captured['frame']}")
    assert its.answers == [{"kind": 67, "id": 15, **captured["body"]}]
    assert (its.say("verify ann 6 0 - 0 5"), its.written) == (0, verified["frame"])
    its.say(f"feed {decided['frame']}")
    assert its.answers[0]["kinds"] == ["pen", "image"]


def test_a_signed_capture_is_that_of_the_vectors(drive, wide_path):
    its = drive(path=wide_path)
    its.say("hello pen")
    welcome = Welcome(version=1, max_payload=8192, window=8, credit=2, signed_only=True)
    give(its, 1, welcome)
    assert its.answers[0]["signed_only"]
    its.say("number 16")
    begun, asked, first, challenged, second, ended, captured, verified, refused = SIGNED
    assert its.say(f"pen pen-7 {VECTORS['signed']['key']}") == 0
    assert (its.say("begin 7 1"), its.written) == (0, begun["frame"])
    assert (its.say("challenge"), its.written) == (0, asked["frame"])
    assert (its.say(f"points {' '.join(columns(first))}"), its.written) == (0, first["frame"])
    assert its.say("sign 70001 1") == BUSY
    its.say(f"feed {challenged['frame']}")
    assert its.answers == [{"kind": 76, "id": 17, **challenged["body"]}]
    assert (its.say(f"points {' '.join(columns(second))}"), its.written) == (0, second["frame"])
    assert (its.say("sign 70001 1"), its.written) == (0, "")
    assert (its.say("end"), its.written) == (0, ended["frame"])
    assert (its.say("again-end 18"), its.written) == (0, ended["frame"])
    its.say(f"feed {captured['frame']}")
    assert (its.say("verify ann 7"), its.written) == (0, verified["frame"])
    its.say(f"feed {refused['frame']}")
    assert its.answers[0]["reason"] == "counted_before"


def test_the_session_holds_every_message_of_a_client():
    told = {"hello", "authenticate", "begin", "end", *(sent for _, sent, _ in COMMANDS)}
    told |= {vector["name"] for vector in (*PICTURE, *SIGNED)}
    assert told >= {name for name, vector in MESSAGES.items() if vector["kind"] < 64}
    assert {vector["kind"] for vector in (*FIRST, *PICTURE, *SIGNED)} == {
        vector["kind"] for vector in VECTORS["messages"]
    }


@pytest.mark.parametrize("vector", DAEMON, ids=lambda vector: vector["name"])
def test_every_message_of_the_daemon_is_read(drive, vector):
    its = drive()
    assert its.say(f"decode {vector['payload']}") == 0
    assert its.answers == [{"kind": vector["kind"], "id": vector["id"], **vector["body"]}]


@pytest.mark.parametrize("vector", DAEMON, ids=lambda vector: vector["name"])
def test_no_part_of_a_message_is_a_message(drive, vector):
    its = drive()
    payload = bytes.fromhex(vector["payload"])
    for size in range(1, len(payload)):
        assert its.say(f"decode {payload[:size].hex()}") == PROTOCOL_ERROR
    assert its.say(f"decode {payload.hex()}00") == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"points": -1},
        {"points": 2**32},
        {"points": 1.0},
        {"points": True},
        {"points": "1"},
        {"points": cbor2.CBORTag(1, 1)},
        {"points": 1, "later": [[[[1]]]]},
        {"points": 1, 7: "x"},
        [1],
    ],
    ids=str,
)
def test_what_does_not_fit_is_no_message(drive, body):
    assert drive().say(f"decode {cbor2.dumps([66, 0, body]).hex()}") == PROTOCOL_ERROR


def test_a_field_twice(drive):
    assert drive().say("decode 83184200a266706f696e74730166706f696e747301") == PROTOCOL_ERROR


def test_fields_of_later_versions_are_passed_over(drive):
    its = drive()
    body = {"points": 3, "later": {"a": [1, 2.5, None, b"\0"]}}
    assert its.say(f"decode {cbor2.dumps([66, 0, body]).hex()}") == 0
    assert its.answers == [{"kind": 66, "id": 0, "points": 3}]


def test_what_the_policy_hides_is_not_told(drive):
    its = drive()
    body = {"outcome": "accept", "accepted": True, "reason": "alike"}
    its.say(f"decode {cbor2.dumps([68, 5, body]).hex()}")
    assert its.answers == [{"kind": 68, "id": 5, **body, "retry_after_s": 0}]


def test_numbers_of_every_width_are_read_and_written(ready):
    rng = random.Random(5)
    values = [
        0.0,
        1e-8,
        65504.0,
        65536.5,
        2.0**-24,
        2.0**-25,
        2.0**-149,
        2.0**-150,
        5e-324,
        1e300,
        2.0**53,
        -1e15,
    ]
    values += [struct.unpack("e", rng.randbytes(2))[0] for _ in range(100)]
    values += [struct.unpack("f", rng.randbytes(4))[0] for _ in range(50)]
    values += [struct.unpack("d", rng.randbytes(8))[0] for _ in range(50)]
    values += [rng.randint(-(2**53) + 1, 2**53 - 1) for _ in range(50)]
    for value in [float(each) for each in values if abs(each) < float("inf")]:
        body = {"samples": 1, "duration_ms": value}
        for canonical in (False, True):
            ready.say(f"decode {cbor2.dumps([67, 1, body], canonical=canonical).hex()}")
            assert ready.answers[0]["duration_ms"] == value
        ready.say("begin 1 0")
        assert ready.say(f"points {sample(value, 0, 0)}") == 0
        plain = int(value) if value.is_integer() and abs(value) < 2**53 else value
        expected = Points(capture=1, seq=0, x=(plain,), y=(0,), t=(0,))
        assert ready.written == frame(encode(0, expected)).hex(), value


@pytest.mark.parametrize("length", [*range(225, 260), 500, 750, 1024])
def test_frames_of_all_lengths(ready, length):
    user = "u" * length
    assert ready.say(f"verify {user} 1") == 0
    assert ready.written == frame(encode(2, Verify(user_id=user, capture=1))).hex()
    assert ready.say(f"verify {user} 1") == 0
    assert len(Deframer().feed(bytes.fromhex(ready.written))) == 1


def test_a_text_too_long(ready):
    assert ready.say(f"forget {'u' * 1025}") == MISUSE
    assert ready.written == ""


def test_more_than_the_daemon_takes(drive):
    its = drive()
    its.say("hello -")
    give(its, 1, Welcome(version=1, max_payload=1280, window=8, credit=2))
    assert (its.say(f"verify {'u' * 1000} 1 0 {'i' * 1000}"), its.written) == (MISUSE, "")
    its.say("begin 1 0")
    assert (its.say("points" + f" {sample(1, 2, 3)}" * 33), its.written) == (MISUSE, "")
    assert its.say("points" + f" {sample(1, 2, 3)}" * 32) == 0


@pytest.mark.parametrize("fault", ["stuffing", "checksum"])
def test_damaged_frames_are_passed_over(ready, fault):
    ready.say("health")
    condition = frame(cbor2.dumps([75, 2, {"ready": True, "uptime_s": 1, "clients": 1, "waiting": 0}]))
    rubbish = bytes.fromhex(VECTORS["faults"][fault]) + b"\xff" * 3000 + b"\0" + condition[5:]
    assert ready.say(f"feed {(rubbish + condition).hex()}") == 0
    assert [each["kind"] for each in ready.answers] == [75]


def test_bytes_one_by_one(ready):
    ready.say("health")
    for byte in frame(cbor2.dumps([75, 2, {"ready": True, "uptime_s": 1, "clients": 1, "waiting": 0}])):
        assert ready.answers == []
        assert ready.say(f"feed {byte:02x}") == 0
    assert len(ready.answers) == 1


def test_the_largest_payload_and_one_byte_more(ready):
    for excess, expected in [(0, [65]), (1, [])]:
        ready.say("abandon")
        number = 2 + excess
        empty = len(cbor2.dumps([65, number, {"later": b"x" * 900, "more": b"y" * 300}])) - 300
        body = {"later": b"x" * 900, "more": b"y" * (1280 - empty + excess)}
        payload = cbor2.dumps([65, number, body])
        assert len(payload) == 1280 + excess
        assert ready.say(f"feed {frame(payload).hex()}") == 0
        assert [each["kind"] for each in ready.answers] == expected


class TestPictures:
    def test_pieces_of_bounded_size(self, ready):
        assert ready.say("begin-image 1 3000") == 0
        assert (ready.say("image " + "ab" * 1025), ready.written) == (MISUSE, "")
        assert (ready.say("image -"), ready.written) == (MISUSE, "")
        assert (ready.say("no-image"), ready.written) == (MISUSE, "")
        assert ready.say("image " + "ab" * 1024) == 0
        assert written(ready) == Image(capture=1, seq=0, data=b"\xab" * 1024)

    def test_credit(self, ready):
        ready.say("begin-image 1 3")
        assert [ready.say("image ab") for _ in range(3)] == [0, 0, BUSY]
        ready.say(f"feed {frame(cbor2.dumps([66, 0, {'points': 1}])).hex()}")
        assert ready.say("image ab") == 0
        ready.say("end")
        assert written(ready) == End(capture=1, pieces=3, crc=zlib.crc32(b"\xab" * 3))

    def test_each_kind_has_its_own_pieces(self, ready):
        assert ready.say("image ab") == MISUSE
        ready.say("begin-image 1 3")
        assert ready.say(f"points {sample(1, 2, 3)}") == MISUSE
        ready.say("begin 1 0")
        assert ready.say("image ab") == MISUSE
        ready.say("end")
        assert written(ready) == End(capture=1, pieces=0)

    def test_a_piece_that_a_broken_line_lost_is_sent_again_as_the_same(self, ready):
        ready.say("begin-image 1 2")
        assert ready.say("image 01") == 0
        ready.say("room 4")
        assert ready.say("image 02") == DISCONNECTED
        ready.say("room -")
        assert ready.say("image 02") == 0
        assert written(ready) == Image(capture=1, seq=1, data=b"\2")
        ready.say("end")
        assert written(ready).crc == zlib.crc32(b"\1\2")

    def test_nothing_before_the_handshake(self, drive):
        its = drive()
        assert {its.say("begin-image 1 1"), its.say("image 00")} == {MISUSE}


class TestRules:
    def test_nothing_before_the_handshake(self, drive):
        its = drive()
        assert {
            its.say(each) for each in ("health", "begin 1 0", "cancel 1", f"points {sample(1, 2, 3)}")
        } == {MISUSE}
        its.say("hello -")
        assert its.say("health") == MISUSE

    def test_a_token_that_is_not_there(self, drive):
        its = drive()
        its.say("hello -")
        assert (
            give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=1, nonce=b"n")) == NOT_ALLOWED
        )

    @pytest.mark.parametrize(
        "less",
        [{"version": 2}, {"max_payload": 1279}, {"max_payload": 0}, {"window": 0}, {"credit": 0}],
        ids=str,
    )
    def test_a_welcome_that_is_none(self, drive, less):
        its = drive()
        its.say(f"hello - {VECTORS['token']}")
        offer = {"version": 1, "max_payload": 1280, "window": 1, "credit": 1, "nonce": b"n"}
        assert (give(its, 1, Welcome(**(offer | less))), its.written) == (PROTOCOL_ERROR, "")
        assert its.say("health") == MISUSE

    @pytest.mark.parametrize("number", [0, 2])
    def test_a_daemon_that_was_started_anew(self, ready, number):
        ready.say("health")
        assert give(ready, number, Error(status=PROTOCOL_ERROR, name=NO_HANDSHAKE, message="hello?")) == 0
        assert [each["id"] for each in ready.answers] == [number]
        assert ready.say("health") == MISUSE
        assert give(ready, 0, Error(status=PROTOCOL_ERROR, name=NO_HANDSHAKE, message="hello?")) == 0
        assert ready.say("hello -") == 0
        give(ready, 3, Welcome(version=1, max_payload=8192, window=8, credit=2))
        assert ready.say("health") == 0

    def test_a_welcome_to_an_earlier_hello(self, drive):
        its = drive()
        its.say("hello -")
        its.say("hello -")
        give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=1))
        assert its.say("health") == MISUSE
        give(its, 2, Welcome(version=1, max_payload=8192, window=8, credit=1))
        assert its.say("health") == 0

    def test_credit(self, ready):
        ready.say("begin 1 0")
        points = f"points {sample(1, 2, 3)}"
        assert [ready.say(points) for _ in range(3)] == [0, 0, BUSY]
        assert ready.say(f"feed {frame(cbor2.dumps([66, 0, {'points': 2**32 - 1}])).hex()}") == 0
        assert [ready.say(points) for _ in range(3)] == [0, 0, BUSY]
        ready.say("begin 2 0")
        assert ready.say(points) == 0
        assert written(ready) == Points(capture=2, seq=0, x=(1,), y=(2,), t=(3,))

    def test_at_most_64_samples_a_message(self, ready):
        ready.say("begin 1 0")
        assert ready.say("points" + f" {sample(1, 2, 3)}" * 65) == MISUSE
        assert ready.say("points" + f" {sample(1, 2, 3)}" * 64) == 0

    @pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
    def test_finite_numbers_only(self, ready, value):
        ready.say("begin 1 0")
        assert (ready.say(f"points {value},0,0,0,1"), ready.written) == (MISUSE, "")

    def test_the_window(self, ready):
        assert [ready.say("health") for _ in range(5)] == [0, 0, 0, 0, BUSY]

    def test_a_request_is_repeated_by_its_number(self, ready):
        ready.say("health")
        first = ready.written
        assert (ready.say("again 2"), ready.written) == (0, first)
        assert ready.say("again 3") == MISUSE

    def test_an_answer_comes_once_and_only_to_what_was_asked(self, ready):
        ready.say("abandon")
        done = [f"feed {frame(cbor2.dumps([65, number, {}])).hex()}" for number in (9, 2, 2)]
        assert [(ready.say(each), len(ready.answers)) for each in done] == [(0, 0), (0, 1), (0, 0)]

    def test_a_whole_frame_that_is_no_message(self, ready):
        assert ready.say(f"feed {frame(b'rubbish').hex()}") == PROTOCOL_ERROR

    def test_one_capture_from_its_beginning_to_its_end(self, ready):
        points = f"points {sample(1, 2, 3)}"
        assert (ready.say(points), ready.say("end"), ready.written) == (MISUSE, MISUSE, "")
        ready.say("begin 1 0")
        assert (ready.say("no-points"), ready.say(points), ready.say("end")) == (MISUSE, 0, 0)
        first = ready.written
        assert (ready.say(points), ready.say("end")) == (MISUSE, MISUSE)
        assert (ready.say("again-end 2"), ready.written) == (0, first)
        ready.say("begin 2 0")
        assert ready.say("again-end 2") == MISUSE  # it would end the new one by the old one's number
        ready.say("cancel 1")
        assert ready.say(points) == 0
        ready.say("cancel 2")
        assert (ready.say(points), ready.say("end")) == (MISUSE, MISUSE)

    @pytest.mark.parametrize("command", ["verify - 1", "enroll -", "forget -", "enroll ann 5 0 -", "nowhere"])
    def test_what_must_not_be_null(self, ready, command):
        assert (ready.say(command), ready.written) == (MISUSE, "")

    def test_a_hello_as_long_as_it_may_be(self, drive):
        its = drive()
        assert (its.say(f"hello {'n' * 1025}"), its.written) == (MISUSE, "")
        assert its.say(f"hello {'n' * 1024}") == 0

    @pytest.mark.parametrize("room", [0, 1, 5, 9])
    def test_a_line_that_breaks_within_a_frame(self, ready, room):
        """What is sent next is read, whatever stands on the line."""
        ready.say(f"room {room}")
        assert ready.say("health") == DISCONNECTED
        torn = bytes.fromhex(ready.written)
        assert ready.say("again 2") == DISCONNECTED
        torn += bytes.fromhex(ready.written)
        ready.say("room -")
        assert ready.say("again 2") == 0
        sent = Deframer().feed(torn + bytes.fromhex(ready.written))
        assert {decode(each)[0] for each in sent if isinstance(each, bytes)} == {2}
        assert ready.say("again 2") == 0
        assert not ready.written.startswith("00")

    def test_points_that_a_broken_line_lost_are_sent_again_as_the_same_piece(self, ready):
        points = f"points {sample(1, 2, 3)}"
        ready.say("begin 1 0")
        assert ready.say(points) == 0
        ready.say("room 7")
        assert ready.say(points) == DISCONNECTED
        ready.say("room -")
        assert ready.say(points) == 0
        assert written(ready).seq == 1
        assert ready.say(points) == BUSY  # two were sent on the credit of two

    def test_when_all_ids_are_used_up_a_hello_begins_with_the_first(self, ready):
        ready.say(f"number {2**32 - 2}")
        assert ready.say("health") == 0
        assert ready.say("health") == DISCONNECTED
        assert ready.say(f"again {2**32 - 1}") == 0
        ready.say("hello -")
        give(ready, 1, Welcome(version=1, max_payload=8192, window=8, credit=1))
        assert ready.say("health") == 0

    @pytest.mark.parametrize("last", [2**32 - 3, 2**32 - 2, 2**32 - 1])
    def test_the_proof_of_a_token_never_has_the_id_of_nobody(self, drive, last):
        its = drive()
        its.say(f"number {last}")
        its.say(f"hello - {VECTORS['token']}")
        (hello,) = (each for each in Deframer().feed(bytes.fromhex(its.written)) if each)
        number = decode(hello)[0]
        give(its, number, Welcome(version=1, max_payload=8192, window=8, credit=1, nonce=b"n"))
        (sent,) = Deframer().feed(bytes.fromhex(its.written))
        assert decode(sent)[0] == number + 1 > 1
        said = transcript(
            hello, encode(number, Welcome(version=1, max_payload=8192, window=8, credit=1, nonce=b"n"))
        )
        give(its, number + 1, Done(proof=proof(TOKEN, said, Side.DAEMON)))
        assert its.say("health") in (0, DISCONNECTED)

    @pytest.mark.parametrize("proved", [None, b"", bytes(32), bytes(31), bytes(100)])
    def test_whoever_answers_without_the_token_is_not_believed(self, drive, proved):
        its = drive()
        its.say(f"hello - {VECTORS['token']}")
        give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=1, nonce=bytes(16)))
        assert give(its, 2, Done(proof=proved)) == NOT_ALLOWED
        assert its.say("phase") == Phase.IDLE
        assert its.say("health") == MISUSE

    def test_the_clients_own_proof_sent_back_is_none_of_the_daemon(self, drive):
        its = drive()
        its.say(f"hello - {VECTORS['token']}")
        give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=1, nonce=bytes(16)))
        own = written(its).proof
        assert len(own) == 32
        assert give(its, 2, Done(proof=own)) == NOT_ALLOWED

    def test_a_squatter_that_asks_for_no_token_is_not_believed(self, drive):
        its = drive()
        its.say(f"hello - {VECTORS['token']}")
        assert give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=1)) == NOT_ALLOWED
        assert its.say("health") == MISUSE


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(CLIENT_PATHS, CLIENT_EVENTS)))
def test_phases_are_those_of_the_table(drive, phase, event):
    its, daemon = drive(), Daemon()
    token = VECTORS["token"] if has_token(phase, event) else "-"

    def meet(event):
        if event is Event.HELLO:
            its.say(f"hello - {token}")
        else:
            give(its, *daemon.say(event))
        daemon.hear(each for each in Deframer().feed(bytes.fromhex(its.written)) if each)

    for each in CLIENT_PATHS[phase]:
        meet(each)
    assert its.say("phase") == phase
    meet(event)
    assert its.say("phase") == CLIENT.get((phase, event), phase)


def test_a_daemon_that_wants_a_token_and_gets_none_refuses(drive):
    its = drive()
    its.say("hello -")
    assert give(its, 1, CLIENT_EVENTS[Event.CHALLENGE]) == NOT_ALLOWED
    assert its.say("phase") == Phase.IDLE
