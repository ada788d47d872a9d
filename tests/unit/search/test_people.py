"""Who is in the index: the same as a dictionary would say, whoever comes and goes."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import StoreError
from sigverify.search import people as module
from sigverify.search.people import People


def subject(number):
    """What somebody is found by; every third begins as the one before."""
    return hashlib.sha256(b"%d" % (number // 3)).digest()[:8] + bytes(7) + bytes([number % 3])


def added(its, numbers, name="user {}"):
    """Add people at once, and return their slots."""
    names = [name.format(number).encode() for number in numbers]
    digests = np.frombuffer(b"".join(map(subject, numbers)), np.uint8).reshape(-1, 16)
    return its.add(digests, b"".join(names), np.array([len(each) for each in names], np.int64)).tolist()


@given(
    st.lists(st.tuples(st.sampled_from(["one", "many", "keep"]), st.sets(st.integers(0, 40))), max_size=25)
)
def test_says_what_a_dictionary_says(steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NEW", 3)
        patch.setattr(module, "_ROOM", 2)
        its, slots = People(), {}
        for what, numbers in steps:
            if what == "many":
                new = sorted(numbers - slots.keys())
                slots |= dict(zip(new, added(its, new), strict=True))
            elif what == "keep":
                gone = {slots.pop(number) for number in list(slots) if number not in numbers}
                assert set(its.keep(frozenset(map(subject, numbers)))) == gone
            else:
                for number in numbers:
                    slot = its.slot(subject(number), f"user {number}")
                    assert slots.setdefault(number, slot) == slot
            assert len(its) == len(slots) == len(set(slots.values()))
            for number in range(41):
                assert its.knows(subject(number)) == (number in slots)
            for number, slot in slots.items():
                assert its.user_id(slot) == f"user {number}"


def test_a_slot_is_used_again_and_names_do_not_pile_up():
    its = People()
    for turn in range(300):
        (slot,) = {its.slot(subject(turn), "x" * 50)}
        assert its.keep(frozenset()) == [slot] == [0]
    assert len(its._names) <= 100
    with pytest.raises(StoreError, match="gone"):
        its.user_id(0)


def test_another_spelling_of_a_name():
    its = People()
    slot = its.slot(subject(1), "a")
    assert its.slot(subject(1), "b") == slot
    assert its.user_id(slot) == "b"


def test_groups_follow():
    its = People()
    slots = added(its, range(4))
    its.assign_all({"user 1": ("staff",), "user 3": ("staff", "guests"), "nobody": ("staff",)})
    assert its.members("staff").tolist() == [False, True, False, True]
    its.keep(frozenset(map(subject, (0, 1, 2))))
    its.assign(slots[0], ("guests",))
    assert its.members("staff").tolist() == [False, True, False, False]
    assert its.members("guests").tolist() == [True, False, False, False]
    assert not its.members("others").any()
