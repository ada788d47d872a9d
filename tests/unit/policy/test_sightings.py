import pytest
from builders import arithmetic_matcher, signature
from hypothesis import given
from hypothesis import strategies as st

from sigverify.decision import Reason
from sigverify.errors import StoreError, UnknownUser
from sigverify.policy import sightings
from sigverify.policy.sightings import PER_RECORD, remember
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


class Kept(dict):
    """Records in a dictionary."""

    def get(self, kind, subject):
        return super().get((kind, subject))

    def put(self, kind, subject, content):
        self[kind, subject] = content


def digest(number, start=b"\0\0"):
    return start + number.to_bytes(14, "big")


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.binary(min_size=16, max_size=16))
def test_what_was_shown_is_found_and_nothing_else(shown, other):
    records = Kept()
    assert not remember(records, [*shown, *shown])
    assert all(remember(records, [each]) for each in shown)
    assert sum(len(content) - 1 for content in records.values()) == 16 * len(set(shown))
    assert remember(records, [other]) == (other in shown)


def test_where_there_is_no_room_the_oldest_go():
    records = Kept()
    for number in range(PER_RECORD + 2):
        remember(records, [digest(number)])
    assert len(records) == 1
    assert all(remember(records, [digest(number)]) for number in (2, PER_RECORD))
    assert not any(remember(records, [digest(number)]) for number in (1, 0))


@pytest.mark.parametrize("content", [b"\2", b"\1" + bytes(15), b"\1" + bytes(17)])
def test_a_damaged_record_is_said(content):
    records = Kept({(sightings.KIND, "000"): content})
    with pytest.raises(StoreError, match="captures seen before is damaged"):
        remember(records, [digest(0)])


# ------------------------------------------------------------------------------- through the verifier
@pytest.fixture
def enrolled():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as verifier:
        verifier.enroll("alice", [signature(0, k) for k in range(5)])
        verifier.enroll("bob", [signature(1, k) for k in range(5)])
        yield verifier


PROBE = signature(0, 9)


def reason(verifier, user="alice", capture=PROBE):
    return verifier.verify(user, capture).reason


def test_shown_under_another_name(enrolled):
    assert reason(enrolled, "bob") is Reason.UNLIKE
    assert reason(enrolled) is Reason.REPLAY


def test_searched_for_before(enrolled):
    assert enrolled.identify(PROBE)[0].user_id == "alice"
    assert reason(enrolled) is Reason.REPLAY


def test_searched_for_and_decided_by_next(enrolled):
    assert enrolled.identify(PROBE, remember=False)[0].user_id == "alice"
    assert reason(enrolled) is Reason.ALIKE


def test_a_reference_of_somebody_else(enrolled):
    assert reason(enrolled, "bob", signature(0, 2)) is Reason.REPLAY


def test_after_the_person_was_forgotten_and_came_again(enrolled):
    assert reason(enrolled) is Reason.ALIKE
    enrolled.forget("alice")
    enrolled.enroll("alice", [signature(0, k) for k in range(10, 15)])
    assert reason(enrolled) is Reason.REPLAY
    assert reason(enrolled, capture=signature(0, 3)) is Reason.REPLAY


def test_shown_while_somebody_had_to_wait(enrolled):
    for number in range(5):
        reason(enrolled, capture=signature(3, number))
    assert reason(enrolled) is Reason.LOCKED
    enrolled.unlock("alice")
    assert reason(enrolled) is Reason.REPLAY


def test_a_name_that_nobody_has_spoils_nothing(enrolled):
    """Whoever mistypes a name need not sign anew: nothing was judged."""
    with pytest.raises(UnknownUser):
        reason(enrolled, "carol")
    assert reason(enrolled) is Reason.ALIKE
