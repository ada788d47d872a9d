"""Signed captures at the daemon: over the wire in memory, with what is on the pen's cable in between."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from builders import arithmetic_matcher, signature
from running_daemon import RunningDaemon
from toy_images import image_matcher, picture

from firmware_bridge.client import AsyncClient, Client
from firmware_bridge.client.exchange import sendable
from firmware_bridge.daemon.untrusted import Terms
from firmware_bridge.protocol.framing import Deframer, frame
from firmware_bridge.protocol.messages import End, Points, decode, encode
from firmware_bridge.testing import MemoryDaemon, MemoryWire
from firmware_bridge.transport.listeners import UnixListener
from sigverify.audit import Event
from sigverify.decision import Reason
from sigverify.errors import EnrollmentError, ProtocolError, UntrustedCapture
from sigverify.policy import Policy, Schedule
from sigverify.policy.lockout import DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.signed.signer import CaptureSigner
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
KEYS = CaptureKeys({"pen-7": KEY, "pen-8": OTHER, "pen-9": None})


def opened(keys=KEYS, **options):
    return Verifier(
        SqliteStore(MEMORY),
        arithmetic_matcher(),
        others={"image": image_matcher},
        capture_keys=keys,
        **{"policy": Policy(per_user=None, per_device=None), **options},
    )


def signer(device="pen-7", key=KEY, start=1):
    return CaptureSigner(device, key, itertools.count(start).__next__)


@pytest.fixture
def verifier():
    with opened() as its:
        yield its


@pytest.fixture
def client(verifier):
    with Client(MemoryDaemon(verifier), signer=signer()) as its:
        its.enroll("alice", [signature(0, each) for each in range(5)])
        yield its


def refused(verifier, ask, reason):
    with pytest.raises(UntrustedCapture) as raised:
        ask()
    assert raised.value.reason == reason
    *_, entry = verifier.audit.entries()
    assert (entry.event, entry.who, entry.detail["reason"]) == (Event.CAPTURE_REFUSED, "", reason)
    assert set(verifier.store.records(LOCKOUT)) <= {DEVICE}


def test_all_is_as_before_for_a_client_that_signs(client):
    assert client.verify("alice", signature(0, 7)).reason is Reason.ALIKE
    assert [match.user_id for match in client.identify(signature(0, 8))] == ["alice"]
    enrollment = client.enrollment("bob", references=2)
    assert all(enrollment.add(signature(1, each)) for each in range(2))
    enrollment.commit()
    assert client.users() == ("alice", "bob")


def test_pictures_are_signed_too(client):
    client.enroll("bob", [picture(0, each) for each in range(2)])
    assert client.verify("bob", picture(0, 7)).accepted
    assert client.verify("alice", (signature(0, 7), picture(0, 8))).left_out == ("image",)


@pytest.mark.parametrize("purpose", ["decide", "enroll"])
def test_what_is_streamed_is_signed_at_its_end(client, purpose):
    capture, its = client.begin(), signature(0, 7)
    for seq, start in enumerate(range(0, 150, 50)):
        columns = {
            name: tuple(map(float, values[start : start + 50]))
            for name, values in (("x", its.x), ("y", its.y), ("t", its.time_ms), ("p", its.pressure))
        }
        ink = tuple(map(bool, its.ink[start : start + 50]))
        client.points(Points(capture=capture, seq=seq, d=ink, **columns))
    assert client.end(capture, purpose).samples == 150
    if purpose == "decide":
        assert client.verify("alice", capture).accepted
    else:
        assert client.enrollment("bob").add(capture).accepted


def test_streaming_for_one_purpose_is_not_for_the_other(verifier, client):
    refused(verifier, lambda: client.enrollment("bob").add(streamed(client)), "other_purpose")


def streamed(client):
    capture, its = client.begin(), signature(0, 9, samples=60)
    columns = {"x": its.x, "y": its.y, "t": its.time_ms, "p": its.pressure}
    numbers = {name: tuple(map(float, values)) for name, values in columns.items()}
    client.points(Points(capture=capture, seq=0, d=tuple(map(bool, its.ink)), **numbers))
    client.end(capture)
    return capture


class TestInjection:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda its: its.verify("alice", signature(0, 7)),
            lambda its: its.verify("alice", picture(0, 7)),
            lambda its: its.identify(signature(0, 7)),
            lambda its: its.enroll("bob", [signature(0, 7)]),
            lambda its: its.enroll("bob", [picture(0, 7)]),
        ],
        ids=["verify", "a picture", "identify", "enroll", "enroll by pictures"],
    )
    @pytest.mark.usefixtures("client")
    def test_without_a_key(self, verifier, ask):
        with Client(MemoryDaemon(verifier)) as other:
            refused(verifier, lambda: ask(other), "unsigned")

    def test_a_picture_that_nobody_signed_is_not_looked_into(self, verifier):
        with Client(MemoryDaemon(verifier)) as other:
            refused(verifier, lambda: other.verify("alice", b"no picture"), "unsigned")

    @pytest.mark.parametrize(
        ("device", "key", "reason"),
        [
            ("pen-1", KEY, "unknown_device"),
            ("pen-9", KEY, "revoked"),
            ("pen-7", OTHER, "wrong_signature"),
            ("pen-8", KEY, "wrong_signature"),
        ],
    )
    def test_with_another_key(self, verifier, client, device, key, reason):
        with Client(MemoryDaemon(verifier), signer=signer(device, key)) as other:
            refused(verifier, lambda: other.verify("alice", signature(0, 7)), reason)
        assert client.verify("alice", signature(0, 7)).accepted

    def test_a_challenge_of_another_line(self, verifier, client):
        with Client(MemoryDaemon(verifier)) as other:
            its = signer(start=100).sign(signature(0, 7), client.challenge())
            refused(verifier, lambda: other.verify("alice", its), "stale")

    def test_a_challenge_of_before_the_hello(self, verifier):
        daemon = MemoryDaemon(verifier)
        with Client(daemon) as its:
            signed = signer().sign(signature(0, 7), its.challenge())
            daemon.hang_up()
            with pytest.raises(Exception, match="line"):
                its.users()
            refused(verifier, lambda: its.verify("alice", signed), "stale")

    def test_a_recorded_capture_sent_again(self, verifier, client):
        its = signer(start=100).sign(signature(0, 7), client.challenge())
        assert client.verify("alice", its).accepted
        refused(verifier, lambda: client.verify("alice", its), "stale")

    def test_a_number_that_was_used(self, verifier, client):
        late = signer(start=100).sign(signature(0, 7), client.challenge())
        assert client.verify("alice", signer(start=100).sign(signature(0, 8), client.challenge())).accepted
        refused(verifier, lambda: client.verify("alice", late), "counted_before")


def test_refusals_close_the_device_to_whoever_injects():
    with opened(policy=Policy(per_device=Schedule(tries=2, patience=None))) as verifier:
        with Client(MemoryDaemon(verifier)) as its:
            for _ in range(4):
                with pytest.raises(UntrustedCapture):
                    its.verify("alice", signature(0, 7))
        assert [each.event for each in verifier.audit.entries()] == [
            Event.CAPTURE_REFUSED,
            Event.CAPTURE_REFUSED,
            Event.LOCKED_OUT,
        ]


def test_clients_that_are_not_trusted_sign_as_well():
    with opened(policy=Policy.kiosk()) as verifier:
        with Client(MemoryDaemon(verifier), signer=signer()) as its:
            its.enroll("alice", [signature(0, each) for each in range(5)])
        with Client(MemoryDaemon(verifier, untrusted=Terms()), signer=signer(start=100)) as its:
            assert [match.user_id for match in its.identify(signature(0, 7))] == ["alice"]
            assert not its.identify(signature(3, 7))
            assert its.verify("alice", signature(0, 8)).accepted


def test_where_none_is_asked_for_signatures_are_passed_over():
    with opened(keys=None) as verifier, Client(MemoryDaemon(verifier), signer=signer()) as its:
        its.enroll("alice", [signature(0, each) for each in range(5)])
        assert its.verify("alice", signature(0, 7)).accepted
        signed = signer().sign(signature(0, 8), its.challenge())
        assert its.verify("alice", signed).accepted


# ------------------------------------------------------------------------------------ on the cable
class Cable(MemoryDaemon):
    """A daemon behind a cable on which somebody changes messages."""

    change = staticmethod(lambda message: message)

    def open_wire(self, timeout_s=0.0):
        wire, cable = super().open_wire(timeout_s), self

        class Tapped:
            def write(self, data):
                payloads = [each for each in Deframer().feed(data) if isinstance(each, bytes)]
                for number, message in map(decode, payloads):
                    wire.write(frame(encode(number, cable.change(message))))

            def __getattr__(self, name):
                return getattr(wire, name)

        assert isinstance(wire, MemoryWire)
        return Tapped()


def changed(column, at):
    """Change one number of one column of the samples that pass, by as little as there is."""

    def change(message):
        values = getattr(message, column, None)
        if not isinstance(message, Points) or values is None or len(values) <= at:
            return message
        other = not values[at] if column == "d" else values[at] * (1 + 2**-52) + 2**-40
        return replace(message, **{column: (*values[:at], other, *values[at + 1 :])})

    return change


def flipped(field, at):
    def change(message):
        value = getattr(message, field, None)
        if not isinstance(message, End) or value is None:
            return message
        return replace(message, **{field: bytes([*value[:at], value[at] ^ 1, *value[at + 1 :]])})

    return change


def without_one(message):
    """Leave out the last sample of each piece."""
    if not isinstance(message, Points):
        return message
    names = [each for each in "xytpd" if getattr(message, each) is not None]
    return replace(message, **{name: getattr(message, name)[:-1] for name in names})


ALTERED = {
    **{f"{column} {at}": (changed(column, at), "wrong_signature") for column in "xytpd" for at in (0, 7, 19)},
    **{f"mac {at}": (flipped("mac", at), "wrong_signature") for at in range(32)},
    **{f"nonce {at}": (flipped("nonce", at), "wrong_signature") for at in range(16)},
    "a sample less": (without_one, "wrong_signature"),
    "no pressure": (
        lambda message: replace(message, p=None) if isinstance(message, Points) else message,
        "wrong_signature",
    ),
    "the counter": (
        lambda message: replace(message, counter=9) if isinstance(message, End) else message,
        "wrong_signature",
    ),
    "another pen": (
        lambda message: replace(message, device="pen-8") if isinstance(message, End) else message,
        "wrong_signature",
    ),
    "another purpose": (
        lambda message: replace(message, purpose="enroll") if isinstance(message, End) else message,
        "wrong_signature",
    ),
    "nothing of it": (
        lambda message: (
            End(capture=message.capture, pieces=message.pieces) if isinstance(message, End) else message
        ),
        "unsigned",
    ),
}


@pytest.mark.parametrize("name", ALTERED)
@pytest.mark.usefixtures("client")
def test_a_wrong_bit_anywhere_is_refused(verifier, name):
    cable = Cable(verifier)
    with Client(cable, signer=signer(start=100)) as its:
        assert its.verify("alice", signature(0, 7)).accepted
        cable.change, reason = ALTERED[name]
        refused(verifier, lambda: its.verify("alice", signature(0, 8)), reason)


@pytest.mark.parametrize(
    "fields",
    [
        {"mac": None},
        {"nonce": bytes(15)},
        {"device": "pen 7"},
        {"purpose": "look"},
        {"counter": 0},
    ],
    ids=str,
)
@pytest.mark.usefixtures("client")
def test_half_a_signature_is_an_error_at_the_end(verifier, fields):
    cable = Cable(verifier)
    cable.change = lambda message: replace(message, **fields) if isinstance(message, End) else message
    with Client(cable, signer=signer()) as its, pytest.raises(ProtocolError, match="signature of a capture"):
        its.verify("alice", signature(0, 7))


def test_a_picture_changed_on_the_way(client):
    file = sendable(picture(0, 1))
    its = signer(start=100).sign(file, client.challenge(), "enroll")
    other = replace(its, content=sendable(picture(0, 2)))
    with pytest.raises(UntrustedCapture) as raised:
        client.enroll("bob", [other])
    assert raised.value.reason == "wrong_signature"
    with pytest.raises(EnrollmentError):
        client.enroll("bob", [its, signature(0, 7)])


# ------------------------------------------------------------------------------------ the daemon itself
def test_a_key_is_taken_back_by_a_reload_and_counters_outlive_it(path, tmp_path):
    known = [{"pen-7": KEY}]

    def open_verifier():
        return Verifier(
            SqliteStore(tmp_path / "its.db"),
            arithmetic_matcher(),
            policy=Policy(per_user=None, per_device=None),
            capture_keys=CaptureKeys(known[-1]),
        )

    with (
        RunningDaemon([UnixListener(path)], open_verifier=open_verifier) as daemon,
        Client(path, signer=signer()) as its,
    ):
        its.enroll("alice", [signature(0, each) for each in range(5)])
        assert daemon.reload()
        assert its.verify("alice", signature(0, 7)).accepted
        with Client(path, signer=signer(start=6)) as copied, pytest.raises(UntrustedCapture) as raised:
            copied.verify("alice", signature(0, 8))
        assert raised.value.reason == "counted_before"
        known.append({"pen-7": None, "pen-8": OTHER})
        assert daemon.reload()
        with pytest.raises(UntrustedCapture) as raised:
            its.verify("alice", signature(0, 9))
        assert raised.value.reason == "revoked"
        with Client(path, signer=signer("pen-8", OTHER)) as other:
            assert other.verify("alice", signature(0, 10)).accepted


def test_the_log_says_which_client_and_which_pen(path):
    opened_ones = []

    def open_verifier():
        opened_ones.append(opened())
        return opened_ones[-1]

    with RunningDaemon([UnixListener(path)], open_verifier=open_verifier), Client(path, name="till 3") as its:
        signed = signer("pen-8", KEY).sign(signature(0, 7), its.challenge())
        with pytest.raises(UntrustedCapture):
            its.verify("alice", signed)
        (entry,) = opened_ones[0].audit.entries()
    assert entry.detail == {"reason": "wrong_signature", "pen": "pen-8"}
    assert "till 3" in str(entry.actor)


def test_by_asyncio(verifier):
    async def ask():
        async with AsyncClient(MemoryDaemon(verifier), signer=signer()) as its:
            await its.enroll("alice", [signature(0, each) for each in range(5)])
            accepted = (await its.verify("alice", signature(0, 7))).accepted
            own = signer(start=100).sign(signature(0, 8), await its.challenge())
            return accepted and (await its.verify("alice", own)).accepted

    assert asyncio.run(ask())
