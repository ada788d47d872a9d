"""The model of pictures that ships, on signatures of invented people drawn as ink."""

import pytest

from sigverify import Model, Policy, Verifier
from sigverify.corpora.rendered import render
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.decision import Reason
from sigverify.modality.image.image import IMAGE
from sigverify.policy.profile import Profile

REFERENCES = 5
POLICY = Policy.unguarded()
"""Without lock-out, which would hide how well the scores separate."""


@pytest.fixture(scope="module")
def strokes():
    return synthesize(SyntheticConfig(writers=6, genuine=8, skilled=2, seed=77, variability=0.6))


@pytest.fixture(scope="module")
def pictures(strokes):
    return render(strokes)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory, pictures):
    path = tmp_path_factory.mktemp("pictures") / "store.db"
    with Verifier.open(path, policy=POLICY) as its:
        for writer in pictures.writers:
            its.enroll(writer, _captures(pictures.genuine(writer)[:REFERENCES]), quality="record")
        yield its


def _captures(samples):
    return [sample.capture for sample in samples]


def test_it_is_a_model_of_pictures_with_every_profile():
    model = Model.read("base-image")
    assert model.manifest.modality == IMAGE.name
    assert model.manifest.provenance["trained_on"] == ["rendered-synthetic-31", "cross-media"]
    for references in (1, REFERENCES):
        thresholds = [model.manifest.scoring.threshold(each.fmr, references=references) for each in Profile]
        assert sorted(thresholds) == thresholds


def test_people_are_told_apart(verifier, pictures):
    genuine = [
        verifier.verify(writer, capture).accepted
        for writer in pictures.writers
        for capture in _captures(pictures.genuine(writer)[REFERENCES:])
    ]
    strangers = [
        verifier.verify(writer, pictures.genuine(other)[-1].capture).accepted
        for writer in pictures.writers
        for other in pictures.writers
        if other != writer
    ]
    assert sum(genuine) >= 0.7 * len(genuine)
    assert not any(strangers)


def test_people_are_found(verifier, pictures):
    found = [
        verifier.identify(capture, top_k=1)[0].user_id == writer
        for writer in pictures.writers
        for capture in _captures(pictures.genuine(writer)[REFERENCES:])
    ]
    assert sum(found) >= 0.9 * len(found)


def test_strokes_and_picture_of_one_act_of_signing(tmp_path, strokes, pictures):
    writer = strokes.writers[0]
    with Verifier.open(tmp_path / "both.db", policy=POLICY) as verifier:
        both = [*_captures(strokes.genuine(writer)[:5]), *_captures(pictures.genuine(writer)[:5])]
        receipt = verifier.enroll(writer, both, quality="record")
        assert (receipt.references, receipt.also["image"].references) == (5, 5)
        probe = strokes.genuine(writer)[6].capture, pictures.genuine(writer)[6].capture
        decision = verifier.verify(writer, probe)
        assert set(decision.scores) == {"pen", "image"}
        other = strokes.genuine(strokes.writers[1])[6].capture
        assert verifier.verify(writer, (other, probe[1])).reason is Reason.UNLIKE
