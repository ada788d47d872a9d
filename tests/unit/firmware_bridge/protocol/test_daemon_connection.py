from dataclasses import replace

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.capability import BY_DEFAULT, DAEMON, Capability, Grant
from firmware_bridge.protocol.captures import MAX_CAPTURES
from firmware_bridge.protocol.client_connection import Answer, ClientConnection
from firmware_bridge.protocol.daemon_connection import (
    CREDIT,
    MAX_FAULTS,
    WINDOW,
    DaemonConnection,
)
from firmware_bridge.protocol.errors import to_error, to_message
from firmware_bridge.protocol.framing import MAX_PAYLOAD, MIN_PAYLOAD, Deframer, frame
from firmware_bridge.protocol.handshake import NONCE_BYTES, Side, proof, transcript
from firmware_bridge.protocol.messages import (
    Add,
    Authenticate,
    Begin,
    Cancel,
    Captured,
    Credit,
    Done,
    End,
    Enroll,
    Error,
    Forget,
    Health,
    Hello,
    Identify,
    Info,
    Matches,
    Points,
    UserList,
    Users,
    Verify,
    Welcome,
    decode,
    encode,
)
from firmware_bridge.protocol.phase import Phase
from firmware_bridge.protocol.strokes import MAX_SAMPLES, split
from firmware_bridge.testing import ConnectionPair
from sigverify.errors import Disconnected, Misuse, NotAllowed, ProtocolError, StoreError, UnknownUser
from sigverify.protection.keys import Key

TOKEN = Key(bytes(range(32)))


def send(line, its, capture=1, *, size=64):
    """Stream a signature, as credit comes; return the answer to its end."""
    line.client.tell(Begin(capture=capture))
    for points in split(its, capture, size=size):
        if not line.client.credit:
            line.carry()
        line.client.tell(points)
    line.client.ask(End(capture=capture, pieces=-(-len(its) // size)))
    return line.carry()[-1].message


def raw(daemon, number, message):
    """Say one message past a client's checks; return all that comes back."""
    asked = daemon.receive(frame(encode(number, message)))
    return asked, [decode(payload) for payload in Deframer().feed(daemon.outgoing())]


def greeted(**options):
    daemon = DaemonConnection(**options)
    raw(daemon, 1, Hello(version=1, max_payload=MAX_PAYLOAD))
    return daemon


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_whole_conversation(step, token):
    line = ConnectionPair(step=step, token=token, client_token=token).handshake()
    assert line.daemon.phase is line.client.phase is Phase.READY
    assert line.daemon.name == "test"
    assert set(line.client.welcome.capabilities) == set(BY_DEFAULT)
    assert send(line, signature(), 4) == Captured(samples=150, duration_ms=signature().duration_ms)
    number = line.client.ask(Verify(user_id="ann", capture=4, fmr=0.01))
    assert line.carry() == []
    [asked] = line.requests
    assert asked.message == Verify(user_id="ann", capture=4, fmr=0.01)
    assert asked.captures == (signature(),)
    line.daemon.answer(asked, Done())
    assert line.carry() == [Answer(number=number, message=Done())]


@given(st.integers(1, 200), st.integers(0, 20))
def test_a_signature_comes_as_it_was_whatever_the_pieces(size, repetition):
    its = signature(3, repetition, samples=90)
    line = ConnectionPair().handshake()
    assert send(line, its, size=size).samples == 90
    line.client.ask(Identify(capture=1))
    line.carry()
    assert line.requests[0].captures == (its,)


def test_answers_in_any_order():
    line = ConnectionPair().handshake()
    numbers = [line.client.ask(Info()), line.client.ask(Health())]
    line.carry()
    for asked in reversed(line.requests):
        line.daemon.answer(asked, Done())
    assert [answer.number for answer in line.carry()] == numbers[::-1]


def test_errors_carry_status_name_and_sentence():
    line = ConnectionPair(allowed=[Capability.FORGET]).handshake()
    line.client.ask(Forget(user_id="nobody"))
    line.carry()
    line.daemon.answer(line.requests[0], to_message(UnknownUser("nobody of that id", hint="Enroll them")))
    message = line.carry()[0].message
    assert message == Error(status=41, name="UnknownUser", message="nobody of that id. Enroll them")
    assert isinstance(to_error(message), UnknownUser)
    assert str(to_error(message)) == message.message
    assert type(to_error(Error(status=99, name="New", message="x"))).__name__ == "BridgeError"


class TestHandshake:
    def test_nothing_before_it(self):
        for message in (Info(), Begin(capture=1), Authenticate(proof=b"")):
            asked, said = raw(DaemonConnection(), 5, message)
            assert not asked
            assert said[0][1].status == 71

    @pytest.mark.parametrize("hello", [Hello(version=0, max_payload=8192), Hello(version=1, max_payload=64)])
    def test_no_common_ground(self, hello):
        daemon = DaemonConnection()
        assert raw(daemon, 1, hello)[1][0][1].message.startswith("no common protocol")
        assert daemon.closing

    def test_a_later_client_is_answered_in_this_version(self):
        _, [(number, welcome)] = raw(DaemonConnection(), 3, Hello(version=9, max_payload=99_999))
        assert (number, welcome.version, welcome.nonce) == (3, 1, None)

    def test_a_wrong_token(self):
        daemon = DaemonConnection(token=TOKEN)
        raw(daemon, 1, Hello(version=1, max_payload=MAX_PAYLOAD))
        assert raw(daemon, 2, Info())[1][0][1].status == 74
        assert raw(daemon, 3, Authenticate(proof=bytes(32)))[1][0][1].status == 74
        assert daemon.closing
        assert daemon.phase is Phase.REFUSED

    def test_each_handshake_wants_another_proof(self):
        daemon = DaemonConnection(token=TOKEN)
        hello = Hello(version=1, max_payload=MAX_PAYLOAD, nonce=bytes(NONCE_BYTES))
        _, [(_, first)] = raw(daemon, 1, hello)
        _, [(_, second)] = raw(daemon, 1, hello)
        assert first.nonce != second.nonce
        old = Authenticate(proof=proof(TOKEN, transcript(encode(1, hello), encode(1, first)), Side.CLIENT))
        assert raw(daemon, 2, old)[1][0][1].status == 74

    @pytest.mark.parametrize("nonce", [None, b"", bytes(15), bytes(17)])
    def test_who_says_no_nonce_proves_nothing(self, nonce):
        """Such a client could be shown an old proof of the daemon's, and would not notice."""
        daemon = DaemonConnection(token=TOKEN)
        hello = Hello(version=1, max_payload=MAX_PAYLOAD, nonce=nonce)
        _, [(_, welcome)] = raw(daemon, 1, hello)
        right = proof(TOKEN, transcript(encode(1, hello), encode(1, welcome)), Side.CLIENT)
        assert raw(daemon, 2, Authenticate(proof=right))[1][0][1].status == 74

    def test_the_daemon_proves_the_token_too_also_when_its_answer_was_lost(self):
        daemon = DaemonConnection(token=TOKEN)
        hello = Hello(version=1, max_payload=MAX_PAYLOAD, nonce=bytes(NONCE_BYTES))
        _, [(_, welcome)] = raw(daemon, 1, hello)
        said = transcript(encode(1, hello), encode(1, welcome))
        authenticate = Authenticate(proof=proof(TOKEN, said, Side.CLIENT))
        for number in (2, 2, 3):
            assert raw(daemon, number, authenticate)[1] == [
                (number, Done(proof=proof(TOKEN, said, Side.DAEMON)))
            ]

    def squatter(self):
        """Return a client that waits for the daemon's proof, and what was said."""
        client = ClientConnection(token=TOKEN)
        client.hello()
        (hello,) = (each for each in Deframer().feed(client.outgoing()) if each)
        welcome = Welcome(version=1, max_payload=8192, window=8, credit=16, nonce=bytes(16))
        client.receive(frame(encode(1, welcome)))
        return client, transcript(hello, encode(1, welcome))

    @pytest.mark.parametrize(
        "proved",
        [
            None,
            b"",
            bytes(32),
            "of another token",
            "the client's own, sent back",
            "of another handshake",
            "cut off",
        ],
    )
    def test_whoever_answers_without_the_token_is_not_believed(self, proved):
        client, said = self.squatter()
        made = {
            "of another token": proof(Key(bytes(range(1, 33))), said, Side.DAEMON),
            "the client's own, sent back": proof(TOKEN, said, Side.CLIENT),
            "of another handshake": proof(TOKEN, bytes(32), Side.DAEMON),
            "cut off": proof(TOKEN, said, Side.DAEMON)[:31],
        }
        with pytest.raises(NotAllowed, match="did not prove the token"):
            client.receive(frame(encode(2, Done(proof=made.get(proved, proved)))))
        assert not client.ready
        with pytest.raises(Misuse):
            client.ask(Info())
        assert client.receive(frame(encode(2, Done(proof=proof(TOKEN, said, Side.DAEMON))))) == []
        assert not client.ready, "it is over"

    def test_whoever_has_the_token_is(self):
        client, said = self.squatter()
        client.receive(frame(encode(2, Done(proof=proof(TOKEN, said, Side.DAEMON)))))
        assert client.ready

    def test_a_squatter_that_asks_for_no_token_is_not_believed(self):
        client = ClientConnection(token=TOKEN)
        client.hello()
        welcome = Welcome(version=1, max_payload=8192, window=8, credit=16)
        with pytest.raises(NotAllowed, match="wants no token"):
            client.receive(frame(encode(1, welcome)))
        assert not client.ready

    @pytest.mark.parametrize(
        "change", [{"window": 9}, {"capabilities": ("verify",)}, {"nonce": bytes(15) + b"x"}]
    )
    def test_what_was_changed_on_the_way_is_noticed(self, change):
        line = ConnectionPair(token=TOKEN, client_token=TOKEN)
        line.client.hello()
        line.daemon.receive(line.client.outgoing())
        (payload,) = Deframer().feed(line.daemon.outgoing())
        number, welcome = decode(payload)
        line.client.receive(frame(encode(number, replace(welcome, **change))))
        with pytest.raises(NotAllowed, match="token is wrong"):
            line.carry()

    def test_each_hello_has_another_nonce(self):
        client, nonces = ClientConnection(token=TOKEN), set()
        for _ in range(20):
            client.hello()
            nonces.add(decode(Deframer().feed(client.outgoing())[0])[1].nonce)
        assert len(nonces) == 20
        open_client = ClientConnection()
        open_client.hello()
        assert decode(Deframer().feed(open_client.outgoing())[0])[1].nonce is None

    def test_a_client_without_a_token_or_with_another(self):
        with pytest.raises(NotAllowed, match="wants a token"):
            ConnectionPair(token=TOKEN).handshake()
        with pytest.raises(NotAllowed, match="token is wrong"):
            ConnectionPair(token=TOKEN, client_token=Key(bytes(range(1, 33)))).handshake()

    def test_a_new_one_drops_everything_of_the_old(self):
        line = ConnectionPair().handshake()
        send(line, signature())
        line.client.ask(Info())
        line.carry()
        line.client.hello()
        line.carry()
        line.daemon.answer(line.requests[0], Done())
        assert line.carry() == []
        assert line.daemon.held == 0

    def test_the_client_looks_at_the_version_too(self):
        client = ClientConnection()
        client.hello()
        [sent] = Deframer().feed(client.outgoing())
        number, _ = decode(sent)
        later = [64, number, {"version": 2, "max_payload": 8192, "window": 1, "credit": 1}]
        import cbor2

        with pytest.raises(ProtocolError, match="another protocol"):
            client.receive(frame(cbor2.dumps(later)))


class TestRequests:
    def test_only_what_is_allowed(self):
        daemon = greeted(allowed=[Capability.VERIFY])
        assert raw(daemon, 2, Users())[1][0][1].status == 74
        assert raw(daemon, 3, Add(capture=1))[1][0][1].status == 74
        assert raw(daemon, 4, Info())[0]

    @pytest.mark.parametrize("lacking", [Capability.ENROLL, Capability.REPLACE])
    def test_to_replace_takes_a_capability_of_its_own(self, lacking):
        refused = []
        daemon = greeted(allowed=DAEMON - {lacking}, capability_refused=refused.append)
        asked, said = raw(daemon, 2, Enroll(user_id="ann", replace=True))
        assert not asked
        assert said == [
            (2, Error(status=74, name="NotAllowed", message=f"this client may not {lacking.value}"))
        ]
        assert refused == [lacking]
        assert len(raw(daemon, 3, Enroll(user_id="ann"))[0]) == (lacking is Capability.REPLACE)

    def test_what_changes_others_enrollments_is_asked_for_by_name(self):
        daemon = greeted()
        for number, message in enumerate((Forget(user_id="ann"), Enroll(user_id="ann", replace=True)), 2):
            asked, said = raw(daemon, number, message)
            assert (asked, said[0][1].status) == ([], 74)

    @pytest.mark.parametrize("token", [None, TOKEN], ids=["no other comes in", "others have a token"])
    def test_each_client_has_a_token_and_capabilities_of_its_own(self, token):
        its = Key.generate()
        grants = [Grant(name="test", secret=its, may=frozenset({Capability.FORGET}))]
        line = ConnectionPair(grants=grants, token=token, client_token=its).handshake()
        assert line.client.welcome.capabilities == ("forget",)
        line.client.ask(Forget(user_id="ann"))
        line.client.ask(Users())
        (refused,) = line.carry()
        assert refused.message.message == "this client may not users"
        assert [type(each.message) for each in line.requests] == [Forget]
        # The token of one name is no use under another, nor without a name of these.
        others = [Grant(name="another", secret=its, may=frozenset({Capability.FORGET}))]
        line = ConnectionPair(grants=others, token=token, client_token=its)
        line.client.hello()
        with pytest.raises(NotAllowed):
            line.carry()
        assert line.daemon.phase is Phase.REFUSED

    def test_another_hello_under_another_name_keeps_nothing_of_the_first(self):
        its = Key.generate()
        daemon = DaemonConnection(
            allowed=[Capability.VERIFY],
            grants=[Grant(name="chief", secret=its, may=frozenset({Capability.FORGET}))],
        )
        for number, name in ((1, "chief"), (2, "visitor"), (3, "chief")):
            hello = Hello(version=1, max_payload=MAX_PAYLOAD, name=name, nonce=bytes(16))
            welcome = raw(daemon, number, hello)[1][0][1]
            assert welcome.capabilities == (("forget",) if name == "chief" else ("verify",))
            assert len(welcome.nonce) == 16  # nobody is told apart by being asked for a token or not

    def test_what_only_the_daemon_says(self):
        assert raw(greeted(), 2, Done())[1] == [
            (2, Error(status=71, name="ProtocolError", message="only the daemon sends this; received Done"))
        ]

    def test_not_more_than_the_window(self):
        daemon = greeted()
        for number in range(2, 2 + WINDOW):
            assert len(raw(daemon, number, Info())[0]) == 1
        asked, said = raw(daemon, 2 + WINDOW, Info())
        assert not asked
        assert said[0][1].status == 75

    def test_one_asked_twice_is_done_once_and_answered_twice(self):
        daemon = greeted(allowed=[Capability.FORGET])
        [asked], _ = raw(daemon, 2, Forget(user_id="ann"))
        assert raw(daemon, 2, Forget(user_id="ann")) == ([], [])
        daemon.answer(asked, Done())
        daemon.outgoing()
        assert raw(daemon, 2, Forget(user_id="ann")) == ([], [(2, Done())])

    def test_ids_rise(self):
        daemon = greeted()
        [asked], _ = raw(daemon, 50, Info())
        daemon.answer(asked, Done())
        daemon.outgoing()
        assert raw(daemon, 49, Info())[1][0][1].message.startswith("ids of requests must rise")

    def test_lists_are_cut_to_what_the_client_takes(self):
        line = ConnectionPair()
        raw(line.daemon, 1, Hello(version=1, max_payload=MIN_PAYLOAD))
        ids = tuple(f"user-{number:04d}" for number in range(400))
        for number, whole in ((2, UserList(user_ids=ids)), (3, Matches(user_ids=ids, scores=(0.5,) * 400))):
            [asked], _ = raw(line.daemon, number, Users())
            line.daemon.answer(asked, whole)
            [payload] = Deframer().feed(line.daemon.outgoing())
            assert len(payload) <= MIN_PAYLOAD
            _, part = decode(payload)
            assert part.user_ids == ids[: len(part.user_ids)]
            assert len(part.user_ids) > 40
            assert getattr(part, "more", True)

    def test_the_client_asks_nothing_before_the_handshake_and_not_too_much(self):
        with pytest.raises(Misuse, match="handshake"):
            ClientConnection().ask(Info())
        line = ConnectionPair().handshake()
        for _ in range(WINDOW):
            line.client.ask(Info())
        with pytest.raises(Misuse, match="too many requests"):
            line.client.ask(Info())


class TestCaptures:
    def points(self, seq, count=10, **columns):
        numbers = tuple(float(n + 10 * seq) for n in range(count))
        return Points(**{"capture": 1, "seq": seq, "x": numbers, "y": numbers, "t": numbers} | columns)

    def end(self, daemon, *told, number=2, pieces=None):
        for message in told:
            assert raw(daemon, 0, message)[0] == []
        if pieces is None:
            pieces = sum(isinstance(message, Points) for message in told)
        return raw(daemon, number, End(capture=1, pieces=pieces))[1][-1][1]

    def test_a_lost_piece_is_told_at_the_end(self):
        said = self.end(greeted(), Begin(capture=1), self.points(0), self.points(2), self.points(3))
        assert (said.status, said.message.split(";")[0]) == (71, "pieces were lost on the way")

    def test_the_last_pieces_lost_is_told_too(self):
        said = self.end(greeted(), Begin(capture=1), self.points(0), pieces=2)
        assert (said.status, said.message.split(";")[0]) == (71, "pieces were lost on the way")

    def test_no_beginning_no_end(self):
        assert self.end(greeted(), self.points(0)).message.startswith("there is no capture 1")

    def test_columns_that_do_not_fit(self):
        wrong = [self.points(0, y=(1.0,)), self.points(0, p=()), self.points(0, d=(True,))]
        for points in wrong:
            assert "differ in length" in self.end(greeted(), Begin(capture=1), points).message
        pressed = self.points(0, p=(0.5,) * 10)
        said = self.end(greeted(), Begin(capture=1), pressed, self.points(1))
        assert "only some samples have pressure" in said.message

    def test_what_is_no_signature(self):
        assert self.end(greeted(), Begin(capture=1)).status == 10
        spot = self.points(0, x=(1.0,) * 10, y=(1.0,) * 10)
        assert self.end(greeted(), Begin(capture=1), spot).status == 10

    def test_a_cancelled_one_is_gone(self):
        said = self.end(greeted(), Begin(capture=1), self.points(0), Cancel(capture=1))
        assert "there is no capture" in said.message

    def test_one_begun_again_begins_anew(self):
        said = self.end(
            greeted(), Begin(capture=1), self.points(0), Begin(capture=1), self.points(0), pieces=1
        )
        assert said == Captured(samples=10, duration_ms=9.0)

    def test_ending_twice_is_fine_and_more_samples_are_not(self):
        daemon = greeted()
        whole = self.end(daemon, Begin(capture=1), self.points(0))
        assert self.end(daemon, number=3, pieces=1) == whole
        assert "after the end" in self.end(daemon, self.points(1), number=4).message

    def test_asking_about_one_drops_it(self):
        daemon = greeted()
        self.end(daemon, Begin(capture=1), self.points(0))
        assert len(raw(daemon, 3, Verify(user_id="ann", capture=1))[0]) == 1
        assert "there is no capture" in raw(daemon, 4, Verify(user_id="ann", capture=1))[1][0][1].message

    def test_one_that_is_not_ended(self):
        daemon = greeted()
        raw(daemon, 0, Begin(capture=1))
        assert "not ended" in raw(daemon, 2, Verify(user_id="ann", capture=1))[1][0][1].message

    def test_not_too_many_at_once(self):
        daemon = greeted()
        for number in range(MAX_CAPTURES + 1):
            raw(daemon, 0, Begin(capture=number))
        assert raw(daemon, 2, End(capture=MAX_CAPTURES, pieces=0))[1][0][1].status == 71
        assert raw(daemon, 3, End(capture=MAX_CAPTURES - 1, pieces=0))[1][0][1].status == 10

    def test_not_too_many_samples_and_no_memory_for_them(self):
        daemon = greeted()
        raw(daemon, 0, Begin(capture=1))
        for seq in range(MAX_SAMPLES // 500 + 2):
            raw(daemon, 0, self.points(seq, 500))
            assert daemon.held <= MAX_SAMPLES
        assert self.end(daemon).status == 75
        assert daemon.held == 0

    def test_samples_of_requests_that_wait_count_too(self):
        daemon = greeted()
        numbers = tuple(float(n) for n in range(500))
        most = MAX_SAMPLES // 500
        self.end(daemon, Begin(capture=1), *(self.points(seq, 500, t=numbers) for seq in range(most)))
        [asked], _ = raw(daemon, 3, Verify(user_id="ann", capture=1))
        assert (
            self.end(daemon, Begin(capture=1), *(self.points(seq, 500) for seq in (0, 1)), number=4).status
            == 75
        )
        daemon.answer(asked, Done())
        assert daemon.held == 0
        whole = self.end(daemon, Begin(capture=1), *(self.points(seq, 500) for seq in (0, 1)), number=5)
        assert whole.samples == 1000

    def test_credit_comes_back_as_samples_are_taken(self):
        daemon = greeted()
        raw(daemon, 0, Begin(capture=1))
        said = [message for seq in range(CREDIT) for _, message in raw(daemon, 0, self.points(seq))[1]]
        assert said == [Credit(points=CREDIT // 2)] * 2

    def test_the_client_sends_nothing_without_credit(self):
        line = ConnectionPair().handshake()
        line.client.tell(Begin(capture=1))
        for seq in range(CREDIT):
            line.client.tell(self.points(seq))
        with pytest.raises(Misuse, match="no credit"):
            line.client.tell(self.points(CREDIT))
        line.carry()
        line.client.tell(self.points(CREDIT))


class TestRubbish:
    def test_the_next_frame_is_read(self):
        daemon = greeted()
        daemon.receive(b"rubbish\0\xff\xff\xff\0" + frame(b"rubbish")[:5] + b"\0")
        said = [decode(payload)[1] for payload in Deframer().feed(daemon.outgoing())]
        assert [message.status for message in said] == [71, 71, 71]
        assert len(raw(daemon, 2, Info())[0]) == 1
        assert not daemon.closing

    def test_nothing_but_rubbish_ends_it(self):
        daemon = greeted()
        daemon.receive(b"rubbish\0" * MAX_FAULTS)
        assert not daemon.closing
        daemon.outgoing()
        daemon.receive(frame(b"rubbish") * 1000)
        assert daemon.closing
        assert daemon.outgoing() == b""

    def test_a_serial_line_is_never_given_up_but_told_no_more(self):
        daemon = DaemonConnection(persistent=True)
        daemon.receive(b"rubbish\0" * 1000)
        assert len(Deframer().feed(daemon.outgoing())) == MAX_FAULTS
        assert not daemon.closing
        assert raw(daemon, 1, Hello(version=1, max_payload=MAX_PAYLOAD))[1][0][1].version == 1

    def test_a_web_page_cannot_speak_through_a_browser(self):
        """It can make one send frames to a port of its own machine, but only behind lines of HTTP."""
        daemon = DaemonConnection()
        good = frame(encode(1, Hello(version=1, max_payload=MAX_PAYLOAD))) + frame(
            encode(2, Forget(user_id="ann"))
        )
        assert daemon.receive(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:7117\r\n\r\n\0" + good) == []
        assert daemon.closing
        assert daemon.phase is Phase.REFUSED

    def test_repetitions_are_answered_once_a_time(self):
        """4 kB of them would otherwise make megabytes of answers."""
        daemon = greeted()
        [asked], _ = raw(daemon, 2, Users())
        daemon.answer(asked, UserList(user_ids=tuple(f"user-{number:05d}" for number in range(500))))
        once = daemon.outgoing()
        daemon.receive(frame(encode(2, Users())) * 400)
        assert daemon.outgoing() == once
        daemon.receive(frame(encode(2, Users())) * 400)
        assert daemon.outgoing() == once


class TestOwnMistakes:
    """What no daemon would take is refused before anything is sent, and leaves nothing behind."""

    @pytest.mark.parametrize(
        "message",
        [
            Forget(user_id="\ud800"),
            Forget(user_id="x" * 2000),
            Verify(user_id="ann", capture=-1),
            Verify(user_id="ann", capture=2**32),
            Verify(user_id="ann", capture=1, fmr=float("nan")),
            Verify(user_id="ann", capture=1, fmr="0.01"),
            Enroll(user_id="ann", groups=("g" * 1000,) * 20),
        ],
    )
    def test_is_misuse(self, message):
        line = ConnectionPair().handshake()
        for _ in range(WINDOW + 1):
            with pytest.raises(Misuse):
                line.client.ask(message)
        assert line.client.outgoing() == b""
        line.client.ask(Info())

    def test_numpys_numbers_are_numbers(self):
        line = ConnectionPair().handshake()
        line.client.ask(Forget(user_id="ann"))
        line.client.tell(Begin(capture=1))
        numbers = tuple(np.float64(n) for n in range(10))
        line.client.tell(Points(capture=1, seq=0, x=numbers, y=numbers, t=numbers))
        line.client.ask(End(capture=1, pieces=1))
        assert line.carry()[-1].message.samples == 10

    def test_ids_run_out_and_begin_anew(self):
        line = ConnectionPair().handshake()
        line.client._number = 2**32 - 2
        number = line.client.ask(Info())
        assert number == 2**32 - 1
        with pytest.raises(Disconnected, match="all ids"):
            line.client.ask(Info())
        line.handshake()
        number = line.client.ask(Health())
        line.carry()
        line.daemon.answer(line.requests[-1], Done())
        assert line.carry() == [Answer(number=number, message=Done())]

    @pytest.mark.parametrize("less", [{"max_payload": 100}, {"window": 0}, {"credit": 0}])
    def test_a_daemon_that_takes_too_little(self, less):
        client = ClientConnection()
        client.hello()
        numbers = {"version": 1, "max_payload": 8192, "window": 8, "credit": 16} | less
        with pytest.raises(ProtocolError, match="takes less"):
            client.receive(frame(encode(1, Welcome(**numbers))))


def test_what_is_about_the_device_is_not_told_to_clients():
    said = to_message(StoreError("cannot write /var/lib/sigverify/kiosk.db"))
    assert (said.status, said.name) == (40, "StoreError")
    assert said.message == "The template store cannot be read or written."
