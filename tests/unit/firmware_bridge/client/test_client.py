"""Both clients against a daemon at a real socket."""

import asyncio
import contextlib
import inspect
import itertools
import socket
import threading
import time
from pathlib import Path

import pytest
from builders import signature, template
from in_threads import in_threads
from running_daemon import RunningDaemon, eventually, opener
from waiting_client import Waiting

from firmware_bridge.capability import Capability
from firmware_bridge.client import AsyncClient, AsyncRemoteEnrollment, Client, RemoteEnrollment
from firmware_bridge.daemon.untrusted import Terms
from firmware_bridge.protocol.daemon_connection import DaemonConnection
from firmware_bridge.protocol.messages import Commit, Forget
from firmware_bridge.protocol.strokes import split
from firmware_bridge.transport.listeners import TcpListener, UnixListener
from sigverify.decision import Outcome, Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.enrollment import Enrollment
from sigverify.errors import (
    AlreadyEnrolled,
    Busy,
    ConfigError,
    Disconnected,
    EnrollmentError,
    FormatError,
    InvalidSignature,
    Misuse,
    NotAllowed,
    ProtocolError,
    SigverifyError,
    UnknownUser,
)
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store.rows import Rows
from sigverify.verifier import Verifier

ALICE = [signature(0, repetition) for repetition in range(5)]


@pytest.fixture(params=[Client, Waiting])
def client(request, address):
    with request.param(address) as its:
        yield its


def test_both_clients_have_the_same_calls():
    calls = {name for name in vars(Client) if not name.startswith("_")}
    assert calls == {name for name in vars(AsyncClient) if not name.startswith("_")}
    steps = {name for name in vars(RemoteEnrollment) if not name.startswith("_")}
    assert steps == {name for name in vars(AsyncRemoteEnrollment) if not name.startswith("_")}
    assert steps == {name for name in vars(Enrollment) if not name.startswith("_")} | {"abandon"}


@pytest.mark.parametrize("name", ["verify", "identify", "enroll", "enrollment", "users", "forget"])
def test_what_is_asked_is_called_as_the_verifier_calls_it(name):
    asked = list(inspect.signature(getattr(Client, name)).parameters.values())
    of_verifier = inspect.signature(getattr(Verifier, name)).parameters
    assert [each.name for each in asked] == [each for each in of_verifier if each in {a.name for a in asked}]
    assert all(each.kind is of_verifier[each.name].kind for each in asked)


def test_enrol_verify_identify_list_forget(client):
    enrollment = client.enroll("alice", ALICE, groups=["staff"])
    assert (enrollment.user_id, enrollment.references) == ("alice", 5)
    assert enrollment.latency_ms > 0
    genuine = client.verify("alice", signature(0, 9))
    assert (genuine.outcome, genuine.reason) == (Outcome.ACCEPT, Reason.ALIKE)
    assert genuine.score > genuine.threshold
    forged = client.verify("alice", signature(7), fmr=0.01, impostor="skilled", refer_fmr=0.02)
    assert forged.outcome is Outcome.REJECT
    assert forged.unlike
    [match] = client.identify(signature(0, 8), among="staff", top_k=3)
    assert match.user_id == "alice"
    assert client.identify(signature(7, 3), fpir=0.01) == []
    poor = client.identify(Signature([0, 1] * 5, [0, 1] * 5, range(0, 100, 10)))
    assert (list(poor), poor.flaw) == ([], Flaw.TOO_SHORT)
    assert client.users() == ("alice",)
    client.forget("alice")
    assert client.users() == ()


def test_the_decision_is_the_verifiers(client, daemon):
    client.enroll("alice", ALICE)
    verifier = daemon.verifier
    assert client.verify("alice", signature(0, 9)).score == verifier.score("alice", signature(0, 9))


def test_a_copy_is_refused_over_the_line_too(client):
    client.enroll("alice", ALICE)
    assert client.verify("alice", signature(0, 9)).accepted
    assert client.verify("alice", signature(0, 9)).reason is Reason.REPLAY


def test_errors_are_the_sdks(client):
    over = client.enrollment("nobody")
    over.abandon()
    for call, error, match in [
        (lambda: client.verify("nobody", ALICE[0]), UnknownUser, "nobody"),
        (lambda: client.forget("nobody"), UnknownUser, "nobody"),
        (lambda: client.identify(ALICE[0], top_k=0), ConfigError, "top_k|how many|people"),
        (lambda: client.identify(ALICE[0], top_k=101), ConfigError, "too many people"),
        (lambda: client.verify("a\0b", ALICE[0]), ConfigError, "user id"),
        (over.commit, EnrollmentError, "no enrollment is under way"),
        (lambda: client.end(client.begin()), InvalidSignature, "too few samples"),
    ]:
        with pytest.raises(error, match=match):
            call()
    client.enroll("alice", ALICE)
    with pytest.raises(AlreadyEnrolled):
        client.enroll("alice", ALICE)
    assert client.enroll("alice", ALICE[:2], replace=True).references == 2


def test_what_cannot_be_sent_is_refused_here_and_harms_no_later_call(client):
    for _ in range(9):  # more than may wait for their answers
        for call in (
            lambda: client.forget("\ud800"),
            lambda: client.verify("ann", 2**32),
            lambda: client.enrollment("ann", groups=["g" * 1000] * 20),
        ):
            with pytest.raises(Misuse):
                call()
    assert client.users() == ()


@pytest.mark.parametrize("probe", ["alice.csv", '[{"points": []}]', "\0", Path("nowhere.png"), "/"])
def test_what_is_no_file_is_not_sent(client, probe):
    with pytest.raises(FormatError, match=r"cannot read|no picture"):
        client.verify("alice", probe)
    assert client.users() == ()


@pytest.mark.parametrize("probe", [[1, 2], None])
def test_what_is_no_signature_is_not_sent(client, probe):
    with pytest.raises(InvalidSignature, match="no signature to send; expected a Signature"):
        client.verify("alice", probe)
    assert client.users() == ()


def test_signatures_without_end(client):
    with pytest.raises(EnrollmentError, match="wrong number of references"):
        client.enroll("alice", itertools.repeat(ALICE[0]))


def test_a_capture_of_a_line_that_broke_is_nobody_elses(client):
    client.enroll("alice", ALICE)

    def streamed(its):
        capture = client.begin()
        for piece in split(its, capture, size=50):
            client.points(piece)
        client.end(capture)
        return capture

    client.close()
    lost = streamed(signature(7))
    client.close()
    kept = streamed(signature(0, 9))
    with pytest.raises(ProtocolError, match="there is no capture"):
        client.verify("alice", lost)
    assert client.verify("alice", kept).accepted


def test_one_streams_while_another_asks(client):
    """Threads share a client: a call between two pieces of a capture is no gap in it."""
    client.enroll("alice", ALICE)
    capture = client.begin()
    for piece in split(signature(0, 9), capture, size=30):
        client.points(piece)
        assert not client.verify("alice", signature(7, piece.seq)).accepted
    assert client.end(capture).samples == 150
    assert client.verify("alice", capture).accepted


def test_an_enrollment_keeps_no_more_samples_than_a_session(client):
    enrollment = client.enrollment("alice", references=12)
    for repetition in range(3):
        enrollment.add(signature(0, repetition, samples=10_000))
    with pytest.raises(Busy, match="too much for one enrollment"):
        enrollment.add(signature(0, 4, samples=10_000))
    assert enrollment.add(signature(0, 5)).remaining == 8
    enrollment = client.enrollment("alice", references=1)
    enrollment.add(signature(0, 4, samples=10_000))
    enrollment.commit()


def test_a_bad_reference_enrols_nobody(client, daemon):
    with pytest.raises(EnrollmentError, match="reference 3 is a copy"):
        client.enroll("alice", [*ALICE[:2], ALICE[0]])
    assert client.users() == ()
    assert daemon.enrollments_under_way() == 0


def test_enrolling_signature_by_signature(client):
    enrollment = client.enrollment("alice", references=2)
    assert enrollment.remaining == 2
    added = enrollment.add(ALICE[0])
    assert (added.accepted, added.reason, added.remaining) == (True, AdditionReason.TAKEN, 1)
    assert added.quality.complexity > 0.3
    assert enrollment.add(ALICE[0]).reason is AdditionReason.COPY
    with pytest.raises(EnrollmentError, match="too few"):
        enrollment.commit()
    assert enrollment.add(ALICE[1]).remaining == enrollment.remaining == 0
    assert enrollment.commit().references == 2


def test_an_enrollment_that_another_one_ended_reaches_nobody_elses(client):
    first = client.enrollment("alice", references=1)
    second = client.enrollment("bob", references=1)
    for call in (lambda: first.add(ALICE[0]), first.commit):
        with pytest.raises(EnrollmentError, match="no enrollment is under way"):
            call()
    first.abandon()
    second.add(ALICE[0])
    assert second.commit().user_id == "bob"
    assert client.users() == ("bob",)


def test_an_enrollment_ends_with_its_line(client):
    enrollment = client.enrollment("alice", references=1)
    client.close()
    with pytest.raises(EnrollmentError, match="no enrollment is under way"):
        enrollment.add(ALICE[0])


def test_streaming_as_the_pen_moves(client):
    client.enroll("alice", ALICE)
    capture = client.begin()
    for piece in split(signature(0, 9), capture, size=5):  # thirty pieces, more than the credit
        client.points(piece)
    assert client.end(capture).samples == 150
    assert client.verify("alice", capture).accepted
    dropped = client.begin()
    client.cancel(dropped)
    with pytest.raises(SigverifyError, match="there is no capture"):
        client.end(dropped)


open_vectors = Rows.open_vectors


def test_many_users_come_in_pieces(client, daemon, monkeypatch):
    ids = tuple(f"{'x' * 60}{number:05d}" for number in range(1300))
    verifier = daemon.verifier
    with verifier.store.transaction():
        for user in ids:
            verifier.store.put(template(user, 1, model_id=verifier.model.id))
    opened = []
    monkeypatch.setattr(Rows, "open_vectors", lambda *place: opened.append(place) or open_vectors(*place))
    assert client.users() == ids
    assert len(opened) < 2 * len(ids), "not everybody's again for each piece"


def test_info_and_health(client):
    about = client.info()
    assert (about.model, about.max_references) == ("toy", 12)
    condition = client.health()
    assert (condition.ready, condition.clients) == (True, 1)


def test_a_long_signature(client, daemon):
    client.enroll("alice", ALICE)
    its = signature(0, 9, samples=20_000)
    score = daemon.verifier.score("alice", its)
    assert client.verify("alice", its).score == score


def test_a_signature_longer_than_a_line_takes(client):
    numbers = range(40_000)
    with pytest.raises(SigverifyError, match="too many samples"):
        client.identify(Signature(numbers, numbers, numbers))
    assert client.health().ready


@pytest.mark.parametrize("kind", [Client, Waiting])
class TestLines:
    def test_tcp_and_its_token(self, kind):
        token, listener = Key.generate(), TcpListener("127.0.0.1", 0)
        with RunningDaemon([listener], token=token):
            address = f"tcp:127.0.0.1:{listener.port}"
            with kind(address, token=token) as client:
                assert client.users() == ()
            for wrong in (None, Key.generate()):
                with kind(address, token=wrong) as client, pytest.raises(NotAllowed):
                    client.users()

    def test_nobody_there(self, kind, path):
        with kind(path) as client, pytest.raises(Disconnected, match="no daemon at"):
            client.users()
        with kind("tcp:127.0.0.1:1") as client, pytest.raises(Disconnected):
            client.users()

    def test_the_daemon_comes_back(self, kind, path, tmp_path):
        opening = opener(tmp_path / "store.db")
        with RunningDaemon([UnixListener(path)], open_verifier=opening), kind(path) as client:
            client.enroll("alice", ALICE)
            first = client
            first.health()
        with kind(path) as client, RunningDaemon([UnixListener(path)], open_verifier=opening) as running:
            assert client.users() == ("alice",)
            running.stop()
            with pytest.raises(Disconnected):
                client.users()
            with RunningDaemon([UnixListener(path)], open_verifier=opening):
                assert client.users() == ("alice",)

    def test_a_line_cut_between_the_doing_and_the_answer(self, kind, path, monkeypatch):
        """The client says that it does not know; asking again by itself would fail, or undo a replacement."""
        answer = DaemonConnection.answer

        def cut(connection, asked, message):
            if isinstance(asked.message, Commit | Forget):
                raise ConnectionResetError
            answer(connection, asked, message)

        with RunningDaemon([UnixListener(path)]), kind(path) as client:
            monkeypatch.setattr(DaemonConnection, "answer", cut)
            with pytest.raises(Disconnected, match="may have been done"):
                client.enroll("alice", ALICE)
            assert client.users() == ("alice",)
            with pytest.raises(Disconnected, match="may have been done"):
                client.forget("alice")
            assert client.users() == ()

    def test_no_answer_in_time(self, kind, path):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            with kind(path, timeout_s=0.05) as client, pytest.raises(Disconnected, match="does not answer"):
                client.users()

    def test_a_line_that_is_never_silent_and_never_answers(self, kind, path):
        """Time runs from what was asked: a line full of noise is not for that reason alive."""
        stop = threading.Event()

        def babble():
            its, _ = listener.accept()
            with its, contextlib.suppress(OSError):
                while not stop.is_set():
                    its.sendall(b"\x05noise\0")
                    time.sleep(0.01)

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            babbling = threading.Thread(target=babble, daemon=True)
            babbling.start()
            with kind(path, timeout_s=0.1) as client:
                start = time.monotonic()
                with pytest.raises(Disconnected, match="does not answer"):
                    client.users()
                assert time.monotonic() - start < 2
            stop.set()
            babbling.join()

    @pytest.mark.parametrize("token", [None, Key.generate()], ids=["no token", "another token"])
    def test_a_squatter_at_the_daemons_address_is_not_believed(self, kind, path, token):
        """It would accept everybody: the client has the token, and whatever answers has not."""
        with (
            RunningDaemon([UnixListener(path)], token=token) as squatter,
            kind(path, token=Key.generate()) as client,
        ):
            squatter.verifier.enroll("alice", ALICE)
            with pytest.raises(NotAllowed):
                client.verify("alice", signature(0, 9))
            assert squatter.daemon.metrics.outcomes == {}, "it was not even asked"

    def test_what_an_untrusted_client_may(self, kind, path):
        opening = opener(policy=Policy.kiosk())
        with RunningDaemon(
            [UnixListener(path)], open_verifier=opening, untrusted=Terms(), allowed=[Capability.VERIFY]
        ) as running:
            running.verifier.enroll("alice", ALICE)
            with kind(path) as client:
                decision = client.verify("alice", signature(0, 9))
                assert (decision.accepted, decision.score, decision.unlike) == (True, None, ())
                assert client.verify("nobody", signature(0, 9)).reason is Reason.UNLIKE
                for call in (
                    client.users,
                    lambda: client.enroll("bob", ALICE),
                    lambda: client.identify(ALICE[0]),
                    lambda: client.verify("alice", signature(0, 10), fmr=0.5),
                    lambda: client.verify("alice", signature(0, 10), impostor="random"),
                    lambda: client.verify("alice", signature(0, 10), refer_fmr=0.5),
                ):
                    with pytest.raises(NotAllowed):
                        call()


def test_threads_share_a_client(address):
    with Client(address) as client:
        client.enroll("alice", ALICE)
        decisions = []

        def verify(number):
            decisions.append(client.verify("alice", signature(0, 10 + number)))

        in_threads(8, verify)
    assert len(decisions) == 8


def test_an_interrupted_call_confuses_no_later_one(address, daemon, monkeypatch):
    with Client(address) as client:
        client.enroll("alice", ALICE)
        with monkeypatch.context() as patch:
            patch.setattr("firmware_bridge.transport.line.SocketWire.read", interrupt)
            with pytest.raises(KeyboardInterrupt):
                client.enrollment("bob", references=1)
        assert client.users() == ("alice",)
        eventually(lambda: len(daemon.daemon._sessions) == 1)  # the line of that call is closed
        assert daemon.enrollments_under_way() == 0


def interrupt(*_):
    raise KeyboardInterrupt


def test_connecting_takes_no_longer_than_told(monkeypatch):
    async def never(*_, **__):
        await asyncio.sleep(60)

    async def main():
        async with AsyncClient("tcp:127.0.0.1:7117", timeout_s=0.05) as client:
            await client.users()

    monkeypatch.setattr(asyncio, "open_connection", never)
    with pytest.raises(Disconnected, match="no daemon at"):
        asyncio.run(main())


def test_tasks_share_a_client(address):
    async def main():
        async with AsyncClient(address) as client:
            await client.enroll("alice", ALICE)
            return await asyncio.gather(*(client.verify("alice", signature(0, 10 + n)) for n in range(8)))

    assert len(asyncio.run(main())) == 8


def test_a_cancelled_call_confuses_no_later_one(address):
    async def main():
        async with AsyncClient(address) as client:
            await client.enroll("alice", ALICE)
            call = asyncio.create_task(client.verify("alice", signature(0, 10)))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return await client.users()

    assert asyncio.run(main()) == ("alice",)
