"""What `Verifier` writes into its audit log, and that it runs signed models only where told so."""

import pytest
from builders import arithmetic_matcher, signature

from sigverify.administration import forget, unlock
from sigverify.audit import Event
from sigverify.decision import Outcome
from sigverify.errors import AlreadyEnrolled, StoreError, UnknownUser, UntrustedModel
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.policy.lockout import Schedule
from sigverify.protection.signing import ModelSigner, Trust, sign, signature_path
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

REFERENCES = [signature(0, number) for number in range(5)]
PROBE = signature(0, 9)
FORGERY = signature(7, 0)


def opened(**policy):
    return Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy(**policy))


def log(verifier):
    """The events with the names of those enrolled; the log is intact whenever it is looked at."""
    assert verifier.audit.verify().intact
    names = verifier.audit.names()
    return [(entry.event, names.get(entry.who, "")) for entry in verifier.audit.entries()]


def test_a_life_in_the_log():
    with opened() as verifier:
        verifier.enroll("alice", REFERENCES, groups=["staff"])
        assert verifier.verify("alice", PROBE).accepted
        assert not verifier.verify("alice", FORGERY).accepted
        assert not verifier.verify("alice", PROBE).accepted
        verifier.enroll("alice", REFERENCES, replace=True)
        verifier.leave("alice", "staff")
        verifier.unlock("alice")
        assert log(verifier) == [
            (event, "alice")
            for event in (
                Event.ENROLLED,
                Event.JOINED,
                Event.ACCEPTED,
                Event.REJECTED,
                Event.REPLAYED,
                Event.REPLACED,
                Event.LEFT,
                Event.UNLOCKED,
            )
        ]
        verifier.forget("alice")
        assert log(verifier)[-1] == (Event.FORGOTTEN, "")
        assert verifier.audit.pseudonym("alice") == list(verifier.audit.entries())[-1].who


def test_no_score_and_no_user_id_is_in_the_log():
    with opened() as verifier:
        verifier.enroll("alice", REFERENCES)
        decision = verifier.verify("alice", PROBE)
        *_, entry = verifier.audit.entries()
        assert entry.detail == {"reason": "alike", "fmr": Policy().fmr, "impostor": "skilled"}
        content = b"".join(content for _, content in verifier.store.journal("audit"))
        assert b"alice" not in content
        assert str(decision.score)[:6].encode() not in content


def test_lock_out_is_told_once_and_not_at_every_knock():
    with opened(per_user=Schedule(tries=2)) as verifier:
        verifier.enroll("alice", REFERENCES)
        for number in range(6):
            verifier.verify("alice", signature(7, number))
        assert [event for event, _ in log(verifier)] == [
            Event.ENROLLED,
            Event.REJECTED,
            Event.REJECTED,
            Event.LOCKED_OUT,
        ]
        *_, entry = verifier.audit.entries()
        assert entry.detail == {"retry_after_s": 30.0}


def test_who_is_referred():
    with opened(fmr=0.001, refer_fmr=0.1, replay=False) as verifier:
        verifier.enroll("alice", REFERENCES)
        decisions = [verifier.verify("alice", signature(0, 20, noise=noise / 50)) for noise in range(1, 12)]
        assert Outcome.REFER in {decision.outcome for decision in decisions}
        told = [event for event, _ in log(verifier)[1:] if event is not Event.LOCKED_OUT]
        events = {
            Outcome.ACCEPT: Event.ACCEPTED,
            Outcome.REFER: Event.REFERRED,
            Outcome.REJECT: Event.REJECTED,
        }
        compared = [each.outcome for each in decisions if each.score is not None]
        assert told == [events[outcome] for outcome in compared]


def test_tries_for_people_who_are_not_enrolled_are_told_where_they_are_hidden():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.kiosk()) as kiosk:
        kiosk.verify("mallory", PROBE)
        (entry,) = kiosk.audit.entries(user_id="mallory")
        assert entry.event is Event.UNKNOWN_USER
    with opened() as verifier:
        with pytest.raises(UnknownUser):
            verifier.verify("mallory", PROBE)
        assert log(verifier) == []


def test_what_failed_is_not_in_the_log():
    with opened() as verifier:
        verifier.enroll("alice", REFERENCES)
        with pytest.raises(AlreadyEnrolled):
            verifier.enroll("alice", REFERENCES)
        with pytest.raises(UnknownUser):
            forget(verifier.store, "bob")
        with pytest.raises(UnknownUser):
            unlock(verifier.store, "bob")
        verifier.score("alice", PROBE)
        verifier.identify(PROBE)
        assert [event for event, _ in log(verifier)] == [Event.ENROLLED]


def test_a_log_that_cannot_be_written_gives_no_answer(tmp_path):
    with Verifier(SqliteStore(tmp_path / "store.db"), arithmetic_matcher()) as verifier:
        verifier.enroll("alice", REFERENCES)
    with Verifier(SqliteStore(tmp_path / "store.db", read_only=True), arithmetic_matcher()) as verifier:
        with pytest.raises(StoreError, match="readonly"):
            verifier.verify("alice", PROBE)
        assert len(list(verifier.audit.entries())) == 1


def test_a_verifier_that_demands_trust(tmp_path):
    path, signer = tmp_path / "base.sigmodel", ModelSigner.generate()
    trust = Trust(public_keys=(signer.public_key,))
    model = Model.read("base")
    model.write(path)
    store = tmp_path / "store.db"
    for untrusted in ("base", path, model):
        with pytest.raises(UntrustedModel):
            Verifier.open(store, model=untrusted, trust=trust)
    sign(model, signer, version=2).write(signature_path(path))
    with Verifier.open(store, model=path, trust=trust) as verifier:
        verifier.enroll("alice", REFERENCES, quality="record")
        assert verifier.score("alice", PROBE) > 0.5
    sign(model, signer, version=1).write(signature_path(path))
    with pytest.raises(UntrustedModel, match="older release"):
        Verifier.open(store, model=path, trust=trust)
    with Verifier.open(store, model="base") as verifier:  # nothing is demanded here
        assert [event for event, _ in log(verifier)] == [
            *[Event.MODEL_REFUSED] * 3,
            Event.MODEL_TRUSTED,
            Event.ENROLLED,
            Event.MODEL_REFUSED,
        ]
