"""Pictures on the wire: in pieces, whole or not at all, in bounded memory, and only where they are taken."""

import zlib

import pytest
from builders import signature
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.capability import ALL, Capability
from firmware_bridge.protocol.daemon_connection import (
    CREDIT,
    DaemonConnection,
)
from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, frame, longest_frame
from firmware_bridge.protocol.messages import (
    Add,
    Begin,
    BeginImage,
    Cancel,
    Captured,
    Credit,
    Done,
    End,
    Hello,
    Identify,
    Image,
    Info,
    Points,
    Verify,
    decode,
    encode,
)
from firmware_bridge.protocol.picture import MAX_IMAGE_BYTES, PIECE_BYTES, check_size, cut
from firmware_bridge.protocol.strokes import split
from firmware_bridge.testing import ConnectionPair
from sigverify.errors import FormatError, Misuse

FILE = bytes(range(256)) * 20
PIECES = -(-len(FILE) // PIECE_BYTES)


def raw(daemon, number, message):
    """Say one message past a client's checks; return all that comes back."""
    asked = daemon.receive(frame(encode(number, message)))
    return asked, [decode(payload)[1] for payload in Deframer().feed(daemon.outgoing())]


def greeted(**options):
    daemon = DaemonConnection(**options)
    raw(daemon, 1, Hello(version=1, max_payload=MAX_PAYLOAD))
    return daemon


def tell(daemon, *told):
    return [answer for message in told for answer in raw(daemon, 0, message)[1]]


def end(daemon, number=2, *, pieces=PIECES, crc=None, file=FILE, capture=1):
    wanted = zlib.crc32(file) if crc is None else crc
    return raw(daemon, number, End(capture=capture, pieces=pieces, crc=wanted))[1][-1]


def sent(daemon, file=FILE, *, capture=1, number=2):
    """Send a whole picture; return the answer to its end."""
    tell(daemon, BeginImage(capture=capture, size=len(file)), *cut(file, capture))
    return end(daemon, number, file=file, capture=capture, pieces=-(-len(file) // PIECE_BYTES))


@pytest.mark.parametrize("step", [None, 1, 13])
def test_a_picture_arrives_as_it_was(step):
    line = ConnectionPair(step=step).handshake()
    line.client.tell(BeginImage(capture=7, size=len(FILE)))
    for piece in cut(FILE, 7):
        line.client.tell(piece)
    line.client.ask(End(capture=7, pieces=PIECES, crc=zlib.crc32(FILE)))
    assert line.carry()[-1].message == Captured(samples=0, duration_ms=0, size=len(FILE))
    line.client.ask(Identify(capture=7))
    line.carry()
    assert line.requests[-1].captures == (FILE,)


@given(st.binary(min_size=1, max_size=4000), st.integers(1, PIECE_BYTES))
def test_pieces_of_any_size_make_the_file(file, size):
    daemon = greeted()
    pieces = [file[start : start + size] for start in range(0, len(file), size)]
    tell(daemon, BeginImage(capture=1, size=len(file)))
    tell(daemon, *(Image(capture=1, seq=seq, data=data) for seq, data in enumerate(pieces)))
    assert end(daemon, pieces=len(pieces), file=file).size == len(file)
    [asked], _ = raw(daemon, 3, Verify(user_id="ann", capture=1))
    assert asked.captures == (file,)


@pytest.mark.parametrize("size", [1, PIECE_BYTES, PIECE_BYTES + 1])
def test_cut_and_put_together(size):
    file = FILE[:size]
    assert b"".join(piece.data for piece in cut(file, 1)) == file
    assert sent(greeted(), file) == Captured(samples=0, duration_ms=0, size=size)


class TestWhatIsNotWhole:
    def pieces(self):
        return [BeginImage(capture=1, size=len(FILE)), *cut(FILE, 1)]

    @pytest.mark.parametrize("lost", range(1, PIECES + 1))
    def test_a_piece_lost(self, lost):
        daemon, pieces = greeted(), self.pieces()
        del pieces[lost]
        tell(daemon, *pieces)
        assert (end(daemon).status, daemon.held) == (71, 0)

    def test_the_beginning_lost(self):
        daemon = greeted()
        tell(daemon, *self.pieces()[1:])
        assert end(daemon).message.startswith("there is no capture 1")

    def test_a_piece_twice(self):
        daemon, pieces = greeted(), self.pieces()
        tell(daemon, *pieces[:2], pieces[1], *pieces[2:])
        assert end(daemon).status == 71

    def test_more_than_announced_is_not_kept(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=10), Image(capture=1, seq=0, data=bytes(11)))
        assert daemon.held == 0
        assert "another size" in end(daemon, pieces=1).message

    def test_less_than_announced(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=10), Image(capture=1, seq=0, data=bytes(9)))
        assert "another size" in end(daemon, pieces=1).message

    @pytest.mark.parametrize("crc", [zlib.crc32(FILE) ^ 1, 0])
    def test_another_checksum(self, crc):
        daemon = greeted()
        tell(daemon, *self.pieces())
        said = end(daemon, crc=crc)
        assert (said.status, daemon.held) == (71, 0)
        assert "CRC-32 differs" in said.message

    def test_no_checksum(self):
        daemon = greeted()
        tell(daemon, *self.pieces())
        assert raw(daemon, 2, End(capture=1, pieces=PIECES))[1][0].status == 71

    def test_samples_for_a_picture_and_the_other_way_round(self):
        points = Points(capture=1, seq=0, x=(1,), y=(1,), t=(1,))
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=10), points)
        assert "begun as a picture" in end(daemon, pieces=0).message
        tell(daemon, Begin(capture=1), Image(capture=1, seq=0, data=b"x"))
        assert "begun without" in end(daemon, 3, pieces=1).message

    def test_a_piece_after_the_end(self):
        daemon = greeted()
        sent(daemon)
        tell(daemon, Image(capture=1, seq=PIECES, data=b"more"))
        assert "after the end" in end(daemon, 3).message

    def test_cancelled(self):
        daemon = greeted()
        tell(daemon, *self.pieces(), Cancel(capture=1))
        assert daemon.held == 0
        assert end(daemon).status == 71

    def test_begun_again_begins_anew(self):
        daemon = greeted()
        tell(daemon, *self.pieces()[:3], *self.pieces())
        assert end(daemon).size == len(FILE)

    def test_ended_twice_is_fine(self):
        daemon = greeted()
        assert sent(daemon) == end(daemon, 3)


class TestBounds:
    @pytest.mark.parametrize("size", [0, MAX_IMAGE_BYTES + 1, 2**32 - 1])
    def test_a_picture_of_a_size_that_is_none(self, size):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=size), Image(capture=1, seq=0, data=bytes(PIECE_BYTES)))
        assert (end(daemon, pieces=1).status, daemon.held) == (11, 0)
        with pytest.raises(FormatError, match=f"1 to {MAX_IMAGE_BYTES} bytes"):
            check_size(size)

    def test_what_is_announced_takes_no_memory_before_it_comes(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=MAX_IMAGE_BYTES))
        assert len(daemon._captures._captures[1]._data) == 0

    def test_all_pictures_together(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=MAX_IMAGE_BYTES), BeginImage(capture=2, size=1))
        assert end(daemon, capture=2, pieces=0).status == 75
        tell(daemon, Cancel(capture=1), BeginImage(capture=2, size=1), Image(capture=2, seq=0, data=b"x"))
        assert end(daemon, 3, capture=2, pieces=1, file=b"x").size == 1

    def test_those_of_requests_that_wait_count_too(self):
        daemon = greeted()
        sent(daemon)
        [asked], _ = raw(daemon, 3, Add(capture=1))
        tell(daemon, BeginImage(capture=2, size=MAX_IMAGE_BYTES))
        assert end(daemon, 4, capture=2, pieces=0).status == 75
        daemon.answer(asked, Done())
        assert daemon.held == 0
        tell(daemon, BeginImage(capture=2, size=MAX_IMAGE_BYTES))
        assert end(daemon, 5, capture=2, pieces=0).status == 71  # taken, and nothing came

    def test_those_of_all_clients(self):
        clients = []
        for _ in range(9):
            clients.append(greeted(held_by_all=lambda: sum(each.image_bytes for each in clients)))
        for client in clients:
            tell(client, BeginImage(capture=1, size=MAX_IMAGE_BYTES))
        *others, last = (end(client, pieces=0).status for client in clients)
        assert (set(others), last) == ({71}, 75)
        tell(clients[-1], BeginImage(capture=1, size=MAX_IMAGE_BYTES))  # the others have none any more
        assert end(clients[-1], 3, pieces=0).status == 71

    def test_a_sender_that_never_ends(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=3 * PIECE_BYTES))
        for seq in range(50):
            tell(daemon, Image(capture=1, seq=seq, data=bytes(PIECE_BYTES)))
            assert daemon.held <= 3 * PIECE_BYTES
        assert end(daemon, pieces=50).status == 71

    def test_a_new_handshake_drops_it(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=len(FILE)), *cut(FILE, 1))
        raw(daemon, 5, Hello(version=1, max_payload=MAX_PAYLOAD))
        assert daemon.held == 0

    def test_strokes_and_pictures_have_room_of_their_own(self):
        daemon = greeted()
        tell(daemon, BeginImage(capture=1, size=MAX_IMAGE_BYTES), Begin(capture=2))
        tell(daemon, *split(signature(), 2, size=64))
        assert raw(daemon, 2, End(capture=2, pieces=3))[1][-1].samples == 150


class TestCapability:
    def test_it_is_named(self):
        line = ConnectionPair().handshake()
        assert "images" in line.client.welcome.capabilities
        line = ConnectionPair(allowed=[Capability.VERIFY]).handshake()
        assert "images" not in line.client.welcome.capabilities

    def test_without_it_a_picture_is_refused_and_nothing_kept(self):
        daemon = greeted(allowed=ALL - {Capability.IMAGES})
        tell(daemon, BeginImage(capture=1, size=len(FILE)), *cut(FILE, 1))
        assert daemon.held == 0
        said = end(daemon)
        assert (said.status, said.name) == (74, "NotAllowed")
        assert raw(daemon, 3, Info())[0]  # and all goes on


class TestBoth:
    def both(self):
        daemon = greeted()
        sent(daemon, capture=2)
        tell(daemon, Begin(capture=1), *split(signature(), 1, size=64))
        raw(daemon, 3, End(capture=1, pieces=3))
        return daemon

    def test_strokes_and_their_picture(self):
        daemon = self.both()
        [asked], _ = raw(daemon, 4, Verify(user_id="ann", capture=1, second=2))
        assert asked.captures == (signature(), FILE)
        assert daemon.held == 150 + len(FILE)
        daemon.answer(asked, Done())
        assert daemon.held == 0

    @pytest.mark.parametrize("second", [1, 9])
    def test_a_second_that_is_not_there(self, second):
        daemon = self.both()
        asked, [said] = raw(daemon, 4, Verify(user_id="ann", capture=1, second=second))
        assert not asked
        assert said.status == 71
        assert daemon.held == len(FILE)


class TestCredit:
    def test_it_comes_back_as_pieces_are_taken(self):
        daemon = greeted()
        said = tell(daemon, BeginImage(capture=1, size=MAX_IMAGE_BYTES), *cut(bytes(CREDIT * PIECE_BYTES), 1))
        assert said == [Credit(points=CREDIT // 2)] * 2

    def test_the_client_sends_no_piece_without(self):
        line = ConnectionPair().handshake()
        line.client.tell(BeginImage(capture=1, size=MAX_IMAGE_BYTES))
        *pieces, last = cut(bytes((CREDIT + 1) * PIECE_BYTES), 1)
        for piece in pieces:
            line.client.tell(piece)
        with pytest.raises(Misuse, match="no credit"):
            line.client.tell(last)
        line.carry()
        line.client.tell(last)


CONVERSATION = [
    (0, BeginImage(capture=1, size=2500)),
    *((0, piece) for piece in cut(FILE[:2500], 1)),
    (7, End(capture=1, pieces=3, crc=zlib.crc32(FILE[:2500]))),
    (8, Verify(user_id="ann", capture=1)),
]
GOOD = b"".join(frame(encode(number, message)) for number, message in CONVERSATION)


@given(st.lists(damaged([GOOD]) | st.binary(max_size=80), max_size=4), st.booleans())
def test_whatever_arrives_only_what_was_sent_is_asked_about(pieces, persistent):
    daemon = ConnectionPair(persistent=persistent).handshake().daemon
    for piece in [*pieces, b"\0"]:
        for asked in daemon.receive(piece):
            assert asked.captures in ((), (FILE[:2500],))
            daemon.answer(asked, Done())
        assert daemon.held <= longest_frame(MAX_PAYLOAD) + MAX_IMAGE_BYTES
    if not daemon.closing:
        raw(daemon, 99, Hello(version=1, max_payload=MAX_PAYLOAD))
        assert sent(daemon, FILE[:100], number=100).size == 100


@given(st.lists(damaged([encode(number, message) for number, message in CONVERSATION]), max_size=8))
def test_whole_frames_of_broken_messages(payloads):
    daemon = ConnectionPair().handshake().daemon
    for payload in payloads:
        for asked in daemon.receive(frame(payload) if payload else b""):
            daemon.answer(asked, Done())
    for payload in Deframer().feed(daemon.outgoing()):
        assert decode(payload)
