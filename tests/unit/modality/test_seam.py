"""The proof that the seam is real: a modality that is no pen goes through everything after the capture."""

from dataclasses import replace

import numpy as np
import pytest
from builders import CUES, arithmetic_matcher, signature
from builders import model as pen_model
from toy_modality import MELODY, SIZE, melody, melody_matcher, melody_model

from converter import fitting
from sigverify.decision import Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.errors import ConfigError, EnrollmentError, IncompatibleModel, InvalidSignature
from sigverify.matching.aspect import Aspect
from sigverify.matching.cue import Cue
from sigverify.matching.scoring import Impostor, evidence_size
from sigverify.modality.pen.pen import PEN
from sigverify.modality.registry import find_modality, modalities, modality_of, register
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.runtime.native.embedder import NativeEmbedder
from sigverify.store import SqliteStore
from sigverify.template import Template
from sigverify.verifier import Verifier


@pytest.fixture(scope="module", autouse=True)
def _melodies():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sigverify.modality.registry._loaded", {})
        register(MELODY)
        yield


@pytest.fixture(autouse=True)
def _registered_anew(monkeypatch):
    monkeypatch.setattr("sigverify.modality.registry._loaded", {"melody": MELODY})


@pytest.fixture(scope="module")
def model():
    """A model of melodies, with a scoring that was fitted on other people's."""
    plain = melody_model()
    matcher = melody_matcher(plain)
    people = range(100, 116)
    embeddings = [matcher.embed(melody(person, n)) for person in people for n in range(6)]
    writers = [str(person) for person in people for _ in range(6)]
    measured = fitting.measure(embeddings, writers, [True] * len(embeddings), plain.manifest.cues)
    scoring = fitting.fit_scoring(measured, plain.manifest.cues)
    # Nobody forged a melody: against skilled forgers the thresholds of strangers stand in.
    rows = {
        count: replace(row, thresholds=dict.fromkeys(Impostor, row.thresholds[Impostor.RANDOM]))
        for count, row in scoring.rows.items()
    }
    return melody_model(scoring=replace(scoring, rows=rows))


def open_verifier(path, model):
    return Verifier(SqliteStore(path), melody_matcher(model), policy=Policy(per_user=None, per_device=None))


def test_enroll_verify_identify_and_open_again(tmp_path, model):
    path = tmp_path / "melodies.db"
    with open_verifier(path, model) as verifier:
        for person in range(6):
            references = [melody(person, n) for n in range(4)]
            assert verifier.enroll(f"person-{person}", references, quality="record").references == 4
    with open_verifier(path, Model.from_bytes(model.to_bytes())) as verifier:
        for person in range(6):
            probe = melody(person, 9)
            assert verifier.verify(f"person-{person}", probe, fmr=0.1).accepted
            assert verifier.identify(probe, top_k=1)[0].user_id == f"person-{person}"
            decision = verifier.verify(f"person-{(person + 1) % 6}", melody(person, 10), fmr=0.001)
            assert not decision.accepted
            assert set(decision.unlike) <= {Aspect.SHAPE, Aspect.DURATION}
        # Replays: exact, and one of the references.
        assert verifier.verify("person-0", melody(0, 9)).reason is Reason.REPLAY
        assert verifier.verify("person-0", melody(0, 2)).reason is Reason.REPLAY


def test_a_conversation_screens_by_the_modality_s_own_rules(tmp_path, model):
    with open_verifier(tmp_path / "melodies.db", model) as verifier:
        enrollment = verifier.enrollment("ann", references=2)
        short = type(melody())((0.0, 1.0))
        assert enrollment.add(short).reason is AdditionReason.TOO_SHORT
        assert enrollment.add(melody(1)).accepted
        assert enrollment.add(melody(1)).reason is AdditionReason.COPY
        with pytest.raises(EnrollmentError):
            enrollment.commit()
        with pytest.raises(InvalidSignature, match="expected a Melody; received Signature"):
            enrollment.add(signature())


def test_somebody_not_enrolled_is_compared_with_noise(tmp_path, model):
    policy = Policy(per_user=None, per_device=None, reveal_unknown=False, reveal_score=False)
    with Verifier(SqliteStore(tmp_path / "m.db"), melody_matcher(model), policy=policy) as verifier:
        assert verifier.verify("nobody", melody()).reason is Reason.UNLIKE


def test_templates_of_it_say_so_and_keep_the_sign_of_their_spread(tmp_path, model):
    with open_verifier(tmp_path / "melodies.db", model) as verifier:
        verifier.enroll("ann", [melody(1), melody(1, 1), melody(2)], quality="record")
        template = verifier.store.get("ann", "melody")
    assert template.modality == "melody"
    signed = template.spread[..., model.manifest.cues.index(SIZE)]
    assert signed.any()
    np.testing.assert_array_equal(signed, -signed.T)
    again = Template.from_bytes(template.to_bytes())
    np.testing.assert_array_equal(again.spread, template.spread)
    assert again.modality == "melody"
    assert again.to_bytes() == template.to_bytes()


def test_the_core_in_c_leaves_it_to_numpy(model):
    class Library:
        modality = "pen"

    with pytest.raises(IncompatibleModel, match="libsigverify does not compute these features"):
        NativeEmbedder(Library(), model)


def test_a_modality_is_found_by_name_and_by_its_captures():
    assert modalities() == ["image", "melody", "pen"]
    assert find_modality("pen") is PEN
    assert modality_of(melody()) is MELODY
    assert modality_of(signature()) is PEN
    with pytest.raises(InvalidSignature, match="expected image or melody or pen; received int"):
        modality_of(7)


@pytest.mark.parametrize("changes", [{"name": "Melody!"}, {"name": "m" * 17}, {"series_shape": (31, 2)}])
def test_a_modality_that_cannot_be(changes):
    with pytest.raises(ConfigError):
        register(type("Wrong", (type(MELODY),), changes)())


def test_a_cue_is_a_definition_and_a_line():
    """What another cue of the pen needs: this definition, in its own file, and its name in `Pen.cues`."""

    def measure(pairing):
        return np.log(np.float32(pairing.probe.extent) / pairing.references.extent)

    haste = Cue(name="haste", measure=measure, signed=True)
    before = pen_model()
    with_haste = type("PenWithHaste", (type(PEN),), {"cues": (*PEN.cues, haste)})()
    register(with_haste)
    # Models that were fitted without it are as they were.
    assert Model.from_bytes(before.to_bytes()) == before
    assert before.manifest.cues == CUES
    matcher = arithmetic_matcher(pen_model(cues=(*CUES, haste)))
    assert evidence_size(matcher.cues) == evidence_size(CUES) + 2
    again = Model.from_bytes(matcher.model.to_bytes())
    assert again.manifest.cues == (*CUES, haste)
    people = range(8)
    embeddings = [matcher.embed(signature(person, n)) for person in people for n in range(4)]
    writers = [str(person) for person in people for _ in range(4)]
    measured = fitting.measure(embeddings, writers, [True] * len(embeddings), matcher.cues)
    row = fitting.fit_scoring(measured, matcher.cues).rows[3]
    assert len(row.weights) == evidence_size(matcher.cues)
    assert row.weights[-1] != 0
