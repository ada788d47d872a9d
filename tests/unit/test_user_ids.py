"""User ids as people type them: two spellings of one name are one person, and nobody hides in a name."""

import unicodedata

import pytest
from builders import signature, template

from sigverify import SqliteStore, Verifier
from sigverify.audit import AuditLog, Event
from sigverify.errors import AlreadyEnrolled, ConfigError, UnknownUser
from sigverify.search.groups import check_members
from sigverify.store import MEMORY
from sigverify.store.sealed import write_template
from sigverify.template import check_visible, mixed_scripts, normal_user_id

COMPOSED = "José Müller"
TAKEN_APART = unicodedata.normalize("NFD", COMPOSED)
UNSEEN = "nobody sees"
FORMS = (COMPOSED, TAKEN_APART)


@pytest.fixture
def store():
    with SqliteStore(MEMORY) as opened:
        yield opened


@pytest.fixture
def old_store(store):
    """A store of a version that took ids as they came."""
    with store.changing() as rows:
        place = ("groups", rows.subject("groups", TAKEN_APART))
        write_template(store.ledger, rows, template(TAKEN_APART))
        store.ledger.put_model("pen", template().model_id)
        store.ledger.put_record(*place, rows.seal_record("groups", TAKEN_APART, b'["staff"]'))
    return store


def test_ids_are_composed():
    assert TAKEN_APART != COMPOSED
    assert normal_user_id(TAKEN_APART) == COMPOSED
    with pytest.raises(ConfigError):
        normal_user_id("\ufb2c" * 200)  # each is three characters when composed


@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
def test_two_spellings_are_one_person(store, first, second):
    store.put(template(first))
    assert store.users() == (COMPOSED,)
    assert store.get(second, "pen").user_id == COMPOSED
    with pytest.raises(AlreadyEnrolled):
        store.put(template(second))
    store.put(template(second), replace=True)
    assert len(store) == 1
    with store.transaction() as records:
        records.put("lockout", first, b"tries")
        assert records.get("lockout", second) == b"tries"
        records.delete("lockout", second)
        assert records.get("lockout", first) is None
    store.delete(second)
    with pytest.raises(UnknownUser):
        store.get(first, "pen")


@pytest.mark.parametrize("asked", FORMS)
def test_who_was_enrolled_by_an_older_version_is_found(old_store, asked):
    assert old_store.users() == (COMPOSED,)
    assert old_store.get(asked, "pen").user_id == COMPOSED
    assert old_store.modalities(asked) == ("pen",)
    assert old_store.read_record("groups", asked) == b'["staff"]'
    assert old_store.records("groups") == {COMPOSED: b'["staff"]'}
    [change] = old_store.changes("pen")
    assert change.user_id == COMPOSED
    with pytest.raises(AlreadyEnrolled):
        old_store.put(template(asked))
    old_store.put(template(asked), replace=True)
    old_store.touch(asked)
    with old_store.transaction() as records:
        records.put("groups", asked, b"[]")
    assert old_store.records("groups") == {COMPOSED: b"[]"}
    assert len(old_store) == 1
    old_store.delete(asked)
    assert not len(old_store)


def test_the_log_knows_one_person(store):
    store.put(template(COMPOSED))
    log = AuditLog(store)
    with store.transaction() as records:
        for form in FORMS:
            log.append(records, Event.ACCEPTED, form)
    assert [len(list(log.entries(user_id=form))) for form in FORMS] == [2, 2]
    assert {log.names()[entry.who] for entry in log.entries()} == {COMPOSED}


@pytest.mark.parametrize(
    "user_id",
    ["a\u200bb", "a\u202eb", "a\x1b[31m", "a\nb", "\ufeffann", "a\u00adb", "a\u3164", "a\u2800b", "ann\ufe0f",
     "a\u00a0b", "a\u2060b", "a\U000e0101"],
)  # fmt: skip
def test_a_new_id_holds_nothing_that_nobody_sees(user_id):
    with pytest.raises(ConfigError, match=UNSEEN):
        check_visible(user_id)
    with Verifier.open(MEMORY) as verifier:
        with pytest.raises(ConfigError, match=UNSEEN):
            verifier.enroll(user_id, [signature(0, n) for n in range(3)])
        with pytest.raises(ConfigError, match=UNSEEN):
            verifier.enrollment(user_id)
        assert verifier.users() == ()


def test_who_is_enrolled_by_such_an_id_is_found_and_enrolled_anew(store):
    store.put(template("a\u200bb"))
    assert store.get("a\u200bb", "pen").user_id == "a\u200bb"


@pytest.mark.parametrize(
    ("user_id", "scripts"),
    [
        ("pаul", ("CYRILLIC", "LATIN")),
        ("Αnn", ("GREEK", "LATIN")),
        ("paul 2", ()),
        ("Паул", ()),
        ("田中 Tanaka さん", ()),
        ("김철수 Kim", ()),
        ("staff-12", ()),
        ("José", ()),
    ],
)
def test_scripts_that_are_not_written_together_are_named(user_id, scripts):
    assert mixed_scripts(user_id) == scripts


def test_a_receipt_says_that_scripts_are_mixed():
    with Verifier.open(MEMORY) as verifier:
        receipt = verifier.enroll("p\u0430ul", [signature(0, n) for n in range(3)], quality="record")
        assert receipt.mixed_scripts == ("CYRILLIC", "LATIN")
        assert verifier.enroll("paul", [signature(0, 4)], quality="record").mixed_scripts == ()
        verifier.join("paul", unicodedata.normalize("NFD", "Bücher"))
        assert verifier.groups("paul") == ("Bücher",)
        assert [m.user_id for m in verifier.identify(signature(0, 1), among="Bücher")] == ["paul"]
        check_members(verifier.store, "Bücher")
        with pytest.raises(ConfigError, match="nobody is in the group"):
            check_members(verifier.store, "Buecher")
