import json

import numpy as np
import pytest
from builders import CUES, ArithmeticEmbedder, arithmetic_matcher, matcher_around, model, signature
from in_threads import in_threads

from sigverify.decision import Reason
from sigverify.errors import AlreadyEnrolled, ConfigError, EnrollmentError, StoreError, UnknownUser
from sigverify.matching.scoring import MAX_REFERENCES, Impostor, Scoring
from sigverify.modality.pen.signature import Signature
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


def opened(path=MEMORY, its_model=None):
    return Verifier(SqliteStore(path), arithmetic_matcher(its_model))


@pytest.fixture
def verifier():
    with opened() as its:
        yield its


def genuine(writer, count=5, start=0):
    return [signature(writer, repetition) for repetition in range(start, start + count)]


def test_accepts_the_writer_and_rejects_others(verifier):
    enrollment = verifier.enroll("alice", genuine(0))
    assert (enrollment.user_id, enrollment.references) == ("alice", 5)
    assert enrollment.model_id == verifier.model.id
    assert enrollment.template_bytes <= 5 * 4800
    accepted = verifier.verify("alice", signature(0, 7))
    assert accepted.accepted
    assert accepted.reason is Reason.ALIKE
    rejected = verifier.verify("alice", signature(1, 7))
    assert not rejected.accepted
    assert rejected.reason is Reason.UNLIKE
    for decision in (accepted, rejected):
        assert 0 <= decision.score <= 1
        assert decision.accepted == (decision.score >= decision.threshold)
        assert decision.latency_ms > 0


def test_score_is_the_decisions_score(verifier):
    verifier.enroll("alice", genuine(0))
    probe = signature(0, 8)
    assert verifier.score("alice", probe) == verifier.verify("alice", probe).score


@pytest.mark.parametrize("count", [1, 2, MAX_REFERENCES])
def test_any_number_of_references(verifier, count):
    verifier.enroll("alice", genuine(0, count))
    assert verifier.score("alice", signature(0, 50)) > verifier.score("alice", signature(1, 50))


@pytest.mark.parametrize("count", [0, MAX_REFERENCES + 1])
def test_too_few_or_too_many_references(verifier, count):
    with pytest.raises(EnrollmentError, match=f"received {count}"):
        verifier.enroll("alice", genuine(0, count))
    assert verifier.users() == ()


def test_the_same_capture_twice(verifier):
    with pytest.raises(EnrollmentError, match="reference 4 is a copy of an earlier one"):
        verifier.enroll("alice", [*genuine(0, 3), signature(0, 1)])
    assert verifier.users() == ()


def test_enrolled_twice(verifier):
    verifier.enroll("alice", genuine(0))
    with pytest.raises(AlreadyEnrolled):
        verifier.enroll("alice", genuine(1))
    verifier.enroll("alice", genuine(1), replace=True)
    assert verifier.verify("alice", signature(1, 9)).accepted


def test_a_stricter_rate_asks_for_a_higher_score(verifier):
    verifier.enroll("alice", genuine(0))
    thresholds = [
        verifier.verify("alice", signature(0, 9 + place), fmr=fmr).threshold
        for place, fmr in enumerate((0.1, 0.03, 0.01, 0.001))
    ]
    assert thresholds == sorted(set(thresholds))


@pytest.mark.parametrize("impostor", ["random", Impostor.RANDOM])
def test_impostors_by_name_or_enum(verifier, impostor):
    verifier.enroll("alice", genuine(0))
    assert verifier.verify("alice", signature(0, 9), impostor=impostor).threshold > 0


@pytest.mark.parametrize(
    "options", [{"fmr": 0.5}, {"fmr": 0}, {"fmr": -1}, {"fmr": float("nan")}, {"impostor": "burglar"}]
)
def test_rates_the_model_knows_nothing_of(verifier, options):
    verifier.enroll("alice", genuine(0))
    with pytest.raises(ConfigError, match="expected"):
        verifier.verify("alice", signature(0, 9), **options)


def test_unknown_user(verifier):
    for call in (verifier.verify, verifier.score):
        with pytest.raises(UnknownUser, match="'nobody' is not enrolled"):
            call("nobody", signature())
    with pytest.raises(UnknownUser):
        verifier.forget("nobody")


def test_identify_finds_everybody_and_follows_changes(verifier):
    assert verifier.identify(signature(0)) == []
    for writer in range(8):
        verifier.enroll(f"user-{writer}", genuine(writer, 3))
    for writer in range(8):
        probe = signature(writer, 40)
        matches = verifier.identify(probe, top_k=3)
        assert matches[0].user_id == f"user-{writer}"
        assert len(matches) == 3
        assert [match.score for match in matches] == sorted((match.score for match in matches), reverse=True)
        assert matches[0].score == verifier.score(f"user-{writer}", probe)
    verifier.forget("user-3")
    assert "user-3" not in [match.user_id for match in verifier.identify(signature(3, 40), top_k=20)]
    assert len(verifier.identify(signature(3, 40), top_k=20)) == 7
    with pytest.raises(ConfigError):
        verifier.identify(signature(0), top_k=0)


@pytest.mark.parametrize(
    "probe", [Signature([0, 1] * 5, [0, 1] * 5, range(0, 100, 10)), Signature(range(50), range(50), [0] * 50)]
)
def test_identify_names_nobody_where_there_is_nothing_to_compare(verifier, probe):
    verifier.enroll("alice", [signature(0, repetition) for repetition in range(5)])
    for fpir in (None, 0.01, 0.99):
        found = verifier.identify(probe, fpir=fpir)
        assert (list(found), bool(found)) == ([], False)
        assert found.flaw is verifier.verify("alice", probe).flaw
        assert found.to_dict() == {"matches": [], "flaw": found.flaw.value}
    with pytest.raises(ConfigError, match="top_k"):
        verifier.identify(probe, top_k=0)
    assert verifier.identify(signature(0, 5)).flaw is None


def test_identify_gives_the_scores_of_score_whatever_the_number_of_references(verifier):
    for writer in range(8):
        verifier.enroll(f"user-{writer}", genuine(writer, 1 + writer % 4))
    probe = signature(3, 40)
    matches = verifier.identify(probe, top_k=8)
    assert [match.score for match in matches] == [verifier.score(match.user_id, probe) for match in matches]


def test_identify_leaves_out_who_is_forgotten_meanwhile(verifier, monkeypatch):
    for writer in range(3):
        verifier.enroll(f"user-{writer}", genuine(writer, 2))
    verifier.prepare()
    before = verifier.store.revision()
    monkeypatch.setattr(verifier.store, "revision", lambda: before)  # the search hears of nothing
    verifier.forget("user-1")
    assert sorted(match.user_id for match in verifier.identify(signature(1, 9))) == ["user-0", "user-2"]
    verifier.forget("user-0")
    verifier.forget("user-2")
    assert verifier.identify(signature(1, 9)) == []


def test_identify_sees_what_another_process_enrolled(tmp_path):
    with opened(tmp_path / "store.db") as one, opened(tmp_path / "store.db") as other:
        one.enroll("alice", genuine(0))
        assert [match.user_id for match in other.identify(signature(0, 9))] == ["alice"]
        one.enroll("bob", genuine(1))
        assert [match.user_id for match in other.identify(signature(1, 9), top_k=1)] == ["bob"]


def test_scores_the_same_after_closing_and_opening(tmp_path):
    probe = signature(0, 9)
    with opened(tmp_path / "store.db") as its:
        its.enroll("alice", genuine(0))
        before = its.score("alice", probe)
    with opened(tmp_path / "store.db") as its:
        assert its.score("alice", probe) == before


def test_a_store_of_another_model_is_refused(tmp_path):
    with opened(tmp_path / "store.db") as its:
        its.enroll("alice", genuine(0))
    with pytest.raises(StoreError, match="another model"):
        opened(tmp_path / "store.db", model(name="other"))


def test_an_uncalibrated_model_scores_by_default():
    with opened(its_model=model()) as its:
        its.enroll("alice", genuine(0))
        assert its.verify("alice", signature(0, 9)).accepted
        assert its.model.manifest.scoring == Scoring.default(CUES)


def test_encoders_without_a_sequence():
    class Global(ArithmeticEmbedder):
        def run(self, features):
            output = super().run(features)
            return type(output)(output.vector, None)

    with Verifier(SqliteStore(MEMORY), matcher_around(Global(model(sequence_shape=None)))) as its:
        its.enroll("alice", genuine(0))
        assert its.score("alice", signature(0, 9)) > its.score("alice", signature(1, 9))


def test_many_threads(verifier):
    expected = {}
    for writer in range(4):
        verifier.enroll(f"user-{writer}", genuine(writer, 2))
        expected[writer] = verifier.score(f"user-{writer}", signature(writer, 9))
    got = []

    def work(writer):
        got.extend(
            (
                writer,
                verifier.score(f"user-{writer}", signature(writer, 9)),
                verifier.identify(signature(writer, 9), top_k=1),
            )
            for _ in range(3)
        )

    in_threads(4, work)
    assert len(got) == 12
    for writer, score, matches in got:
        assert score == expected[writer]
        assert matches[0].user_id == f"user-{writer}"


def test_embedding_does_not_depend_on_place_or_size():
    its = signature(0)
    matcher = arithmetic_matcher()
    one = matcher.embed(its)
    moved = type(its)(its.x * 3 + 50, its.y * 3 - 20, its.time_ms + 1e12, its.pressure * 100, its.pen_down)
    np.testing.assert_allclose(matcher.embed(moved).vector, one.vector, atol=1e-4)


def test_nothing_biometric_is_logged(verifier, caplog):
    caplog.set_level("DEBUG")
    verifier.enroll("alice", genuine(0))
    verifier.verify("alice", signature(0, 9))
    verifier.forget("alice")
    assert "alice" not in caplog.text
    assert json.dumps(repr(verifier))
