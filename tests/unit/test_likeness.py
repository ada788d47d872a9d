from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from toy_images import image_matcher, image_model, picture

import sigverify
from sigverify import Signature, similarity
from sigverify.errors import ConfigError, FormatError, InvalidSignature
from sigverify.likeness import Worth
from sigverify.matching.scoring import Impostor
from sigverify.modality.quality import Flaw
from sigverify.model_file import Model
from sigverify.policy import Profile
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

TAP = Signature([0, 1] * 5, [0, 1] * 5, range(0, 100, 10))


@pytest.fixture(scope="module")
def matcher():
    return arithmetic_matcher()


def test_the_public_name_is_the_function_whatever_is_loaded():
    assert callable(sigverify.similarity)
    assert similarity.__module__ == "sigverify.likeness"


def test_one_hand_and_two(matcher):
    same = similarity(signature(0, 0), signature(0, 1), model=matcher)
    other = similarity(signature(0, 0), signature(1, 1), model=matcher)
    assert 1 >= same.score > other.score >= 0
    assert same.same_writer_at("convenient")
    assert not other.same_writer_at("convenient")
    assert same.rate < 0.1 < other.rate <= 1
    assert (same.kind, same.references, same.note, same.copy) == ("pen", 1, Worth.ONE, False)
    assert other.unlike
    assert not other


@pytest.mark.parametrize("count", [1, 3, 5])
def test_it_says_what_verify_says(matcher, count):
    references = [signature(0, n) for n in range(count)]
    with Verifier(SqliteStore(MEMORY), matcher) as verifier:
        verifier.enroll("alice", references, quality="record")
        for probe in (signature(0, 20), signature(1, 20)):
            found = similarity(probe, references, model=matcher)
            decision = verifier.verify("alice", probe, fmr=0.05)
            assert found.score == pytest.approx(decision.score, abs=1e-3)  # templates are turned and rounded
            assert found.threshold(0.05) == pytest.approx(decision.threshold)
            assert found.same_writer_at(0.05) == decision.accepted
            assert verifier.similarity(probe, references) == found
        assert verifier.users() == ("alice",)
        assert len(list(verifier.audit.entries())) == 3, "an enrollment and two tries"


def test_the_rate_is_where_it_is_just_accepted(matcher):
    found = similarity(signature(0, 0), signature(0, 4, noise=0.3), model=matcher)
    highest, lowest = found.thresholds[0][0], found.thresholds[-1][0]
    assert lowest < found.rate < highest
    assert found.same_writer_at(found.rate * 1.01)
    assert not found.same_writer_at(found.rate * 0.99)


def test_without_pressure_on_one_side(matcher):
    its = signature(0, 1)
    found = similarity(signature(0, 0), Signature(its.x, its.y, its.time_ms, None, its.ink), model=matcher)
    assert found.missing == ("pressure",)
    assert found.score is not None


def test_a_copy_is_said_and_never_passes(matcher):
    found = similarity(signature(0, 0), [signature(0, 1), signature(0, 0)], model=matcher)
    assert found.copy
    assert found.score > 0.9
    assert not found
    assert not found.same_writer_at("convenient")
    assert found.unlike == ()
    assert found.to_dict()["same_writer"] == {profile.value: False for profile in Profile}


@pytest.mark.parametrize("captures", [(TAP, signature(0)), (signature(0), TAP), (TAP, TAP)])
def test_a_capture_that_is_too_poor_is_said(matcher, captures):
    found = similarity(*captures, model=matcher)
    assert [flaw is not None for flaw in found.flaws] == [each is TAP for each in captures]
    assert Flaw.TOO_SHORT in found.flaws
    assert (found.score, found.rate) == (None, None)
    assert not found.same_writer_at("convenient")
    assert found.to_dict()["score"] is None


def test_pictures_take_the_model_of_pictures():
    matcher = image_matcher()
    same = similarity(picture(0, 0), picture(0, 1), model=matcher)
    assert same.kind == "image"
    assert same.score > similarity(picture(0, 0), picture(1, 1), model=matcher).score


def test_files_and_bytes(matcher, tmp_path):
    its = [signature(0, n) for n in range(2)]
    files = [tmp_path / f"{n}.csv" for n in range(2)]
    for file, each in zip(files, its, strict=True):
        rows = np.stack([each.x, each.y, each.time_ms, each.pressure, each.ink], axis=1)
        np.savetxt(
            file, rows, delimiter=",", header="x,y,time_ms,pressure,pen_down", comments="", fmt="%.17g"
        )
    expected = similarity(*its, model=matcher)
    assert similarity(str(files[0]), files[1], model=matcher) == expected
    assert similarity(files[0].read_bytes(), [files[1]], model=matcher) == expected


@pytest.mark.parametrize(
    ("probe", "references", "error", "said"),
    [
        (signature(0), picture(0), InvalidSignature, "received pen, image"),
        (signature(0), [], ConfigError, "number of references; expected 1 to 12; received 0"),
        (signature(0), [signature(0)] * 13, ConfigError, "received 13"),
        (signature(0), None, InvalidSignature, "received NoneType"),
        (7, signature(0), InvalidSignature, "received int"),
        ("nothing.csv", signature(0), FormatError, "nothing.csv"),
        (picture(0), picture(1), ConfigError, "expected one of modality image"),
    ],
)
def test_what_cannot_be_compared(matcher, probe, references, error, said):
    with pytest.raises(error, match=said):
        similarity(probe, references, model=matcher)


def test_rates_and_models_that_are_none(matcher):
    found = similarity(signature(0, 0), signature(0, 1), model=matcher)
    for rate in (0, 2, "lenient", 1e-9):
        with pytest.raises(ConfigError, match="false-match rate"):
            found.same_writer_at(rate)
    with pytest.raises(ConfigError, match="unknown impostor"):
        similarity(signature(0, 0), signature(0, 1), model=matcher, impostor="friend")
    with pytest.raises(ConfigError, match="expected one of modality pen"):
        similarity(signature(0, 0), signature(0, 1), model=image_model())


@pytest.mark.parametrize("probe", [signature(0, 0), TAP])
def test_impostors_that_the_model_knows_nothing_of(probe):
    base = Model.read("base")
    scoring = base.manifest.scoring
    rows = {
        count: replace(row, thresholds={Impostor.SKILLED: row.table("skilled")})
        for count, row in scoring.rows.items()
    }
    manifest = replace(base.manifest, scoring=replace(scoring, rows=rows, reduced={}))
    model = replace(base, manifest=manifest)
    similarity(probe, signature(0, 1), model=model)
    with pytest.raises(ConfigError, match=r"no thresholds for random impostors.*expected skilled"):
        similarity(probe, signature(0, 1), model=model, impostor="random")


def test_the_models_that_ship():
    same = similarity(signature(0, 0), signature(0, 1))
    assert same.score > similarity(signature(0, 0), signature(1, 1)).score
    assert similarity(picture(0, 0), picture(0, 1)).kind == "image"


def test_a_notebook_says_what_compare_says(matcher, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    same = similarity(signature(0, 0), signature(0, 1), model=matcher)._repr_html_()
    assert "✓ accepted" in same
    assert "one reference does not show" in same
    other = similarity(signature(0, 0), signature(1, 1), model=matcher)._repr_html_()
    assert "✗ rejected" in other
    assert "<br>unlike: " in other
    copy = similarity(signature(0, 0), signature(0, 0), model=matcher)._repr_html_()
    assert "a copy of a signature seen before" in copy
    assert "just be accepted" not in copy
    poor = similarity(TAP, signature(0, 0), model=matcher)._repr_html_()
    assert "✗ rejected" in poor
    assert "<br>" not in poor
