"""An exception while the index takes over what changed: the next search finds the same people."""

import faults
import pytest
from builders import arithmetic_matcher, signature

from sigverify.policy import Policy
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

FILES = (str(faults.SHIPPED / "search"),)
NAMES = ("alice", "bob", "carol")


def changed():
    """A verifier whose index has to take over that two people are new, one was replaced and one is gone."""
    verifier = Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy())
    for writer, name in enumerate(("alice", "dora", "bob")):
        verifier.enroll(name, [signature(writer, n) for n in range(2)], quality="record")
    verifier.prepare()
    verifier.enroll("carol", [signature(5, n) for n in range(3)], quality="record")
    verifier.enroll("bob", [signature(6, n) for n in range(3)], quality="record", replace=True)
    verifier.forget("dora")
    return verifier


@pytest.fixture
def lines():
    with changed() as verifier:
        return faults.lines_of(verifier.prepare, FILES)


def test_the_next_search_finds_everybody(lines):
    assert len(lines) > 30
    for line in lines:
        with changed() as verifier:
            outcome = faults.interrupt(verifier.prepare, line, FILES)
            assert outcome.raised is not None, outcome.where
            matches = verifier.identify(signature(6, 8), top_k=5)
            assert sorted(match.user_id for match in matches) == sorted(NAMES), outcome.where
            assert matches[0].user_id == "bob", outcome.where
    faults.say(f"{len(lines)} exceptions")
