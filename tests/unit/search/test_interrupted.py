"""An exception while the index takes over what changed: the next search finds the same people."""

import shutil

import faults
import pytest
from builders import arithmetic_matcher, signature

from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore, gallery
from sigverify.verifier import Verifier

FILES = (str(faults.SHIPPED / "search"),)
NAMES = ("alice", "bob", "carol")


def enroll(verifier, name, writer, count, **options):
    verifier.enroll(name, [signature(writer, n) for n in range(count)], quality="record", **options)


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A function that makes a verifier whose index has to take over what changed in its store.

    Two people are new, one was replaced and one is gone. All are enrolled once, for that takes longest.
    """
    folder, key = tmp_path_factory.mktemp("changed"), Key.generate()

    def opens(name):
        return Verifier(SqliteStore(folder / name, key=key), arithmetic_matcher(), policy=Policy())

    with opens("before.db") as verifier:
        for writer, name in enumerate(("alice", "dora", "bob")):
            enroll(verifier, name, writer, 2)
    shutil.copy(folder / "before.db", folder / "after.db")
    with opens("after.db") as verifier:
        enroll(verifier, "carol", 5, 3)
        enroll(verifier, "bob", 6, 3, replace=True)
        new, another = (verifier.store.get(name, "pen") for name in ("carol", "bob"))

    def makes():
        shutil.copy(folder / "before.db", folder / "its.db")
        verifier = opens("its.db")
        verifier.prepare()
        verifier.store.put(new)
        verifier.store.put(another, replace=True)
        verifier.store.delete("dora")
        return verifier

    return makes


@pytest.fixture
def lines(changed):
    with changed() as verifier:
        return faults.lines_of(verifier.prepare, FILES)


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """A verifier that has not read anybody yet, of a file with a gallery."""
    monkeypatch.setattr(gallery, "WORTH", 1)
    key = Key.generate()
    verifiers = []

    def opens():
        made = Verifier(SqliteStore(tmp_path / "its.db", key=key), arithmetic_matcher(), policy=Policy())
        verifiers.append(made)
        return made

    with opens() as verifier:
        for writer, name in ((0, "alice"), (6, "bob"), (5, "carol")):
            enroll(verifier, name, writer, 3)
    yield opens
    for verifier in verifiers:
        verifier.close()


# An exception at the very end of a `with` leaves a file for the interpreter to close, which it warns of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whoever_begins_with_the_gallery_finds_everybody(opened):
    files = (*FILES, *(str(faults.SHIPPED / "store" / name) for name in ("prepared.py", "gallery.py")))
    raised = 0
    for number, line in enumerate(faults.lines_of(opened().prepare, files)[::4]):
        # Made anew by every other one, and read by the others, who run fewer lines.
        its = opened()
        if number % 2:
            its.store.ledger.gallery.wipe()
        outcome = faults.interrupt(its.prepare, line, files)
        raised += outcome.raised is not None
        for verifier in (its, opened()):
            matches = verifier.identify(signature(6, 8), top_k=5)
            assert sorted(match.user_id for match in matches) == sorted(NAMES), outcome.where
            assert matches[0].user_id == "bob", outcome.where
    assert raised > 20


def test_the_next_search_finds_everybody(lines, changed):
    assert len(lines) > 30
    for line in lines:
        with changed() as verifier:
            outcome = faults.interrupt(verifier.prepare, line, FILES)
            assert outcome.raised is not None, outcome.where
            matches = verifier.identify(signature(6, 8), top_k=5)
            assert sorted(match.user_id for match in matches) == sorted(NAMES), outcome.where
            assert matches[0].user_id == "bob", outcome.where
    faults.say(f"{len(lines)} exceptions")
