"""`sigverify calibrate`: what is printed, and what is written."""

from dataclasses import replace

import pytest
from toy_networks import toy_model

from sigverify.matching.scoring import Scoring
from sigverify.model_file import Model

pytestmark = pytest.mark.usefixtures("core_in_c")

PEOPLE = "synthetic:writers=6,genuine=5,skilled=0,seed=5"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The file of a toy model; six people are enough for it."""
    monkeypatch.setattr("converter.people.MIN_PEOPLE", 6)
    invented = "synthetic:writers=4,genuine={genuine},skilled=0,seed=13"
    monkeypatch.setattr("converter.adjustment.TO_COMPARE", {"pen": invented})
    made = toy_model()
    scoring = replace(Scoring.default(made.manifest.cues), calibrated=True)
    provenance = {"conversion": {"calibrated_on": ["synthetic-2"]}}
    manifest = replace(made.manifest, scoring=scoring, provenance=provenance)
    path = tmp_path / "toy.sigmodel"
    replace(made, manifest=manifest).write(path)
    return path


def test_the_answer_and_the_file(answer, toy, tmp_path):
    out = tmp_path / "mine.sigmodel"
    code, said = answer("calibrate", toy, "--on", PEOPLE, "--out", out, "--name", "mine")
    assert code == 0
    made = Model.read(out)
    assert (said["id"], said["name"], said["model"]) == (made.id, "mine", str(out))
    assert (said["people"], said["signatures"], said["references"]) == (6, 30, 4)
    assert made.manifest.provenance["conversion"]["calibrated_on"] == ["synthetic-2", "synthetic-5"]
    assert [each["profile"] for each in said["profiles"]] == ["convenient", "balanced", "strict"]
    refused = said["profiles"][1]["refused"]
    assert refused["tries"] == 30
    assert 0 <= refused["low"] <= refused["found"] <= refused["high"] <= 1
    assert said["notes"]


def test_what_people_read(run, toy, tmp_path):
    code, printed = run("calibrate", toy, "--on", PEOPLE, "--out", tmp_path / "mine.sigmodel")
    assert code == 0
    assert "6, with 30 genuine signatures" in printed
    assert "made of their own signatures" in printed
    assert "strangers accepted" in printed
    assert "made forgeries" not in printed.partition("These people")[2].partition("\n\n")[0]
    assert "6 people are too few to check a false-match rate of 1 %" in printed


def test_the_model_says_to_whom_it_was_fitted(run, toy, tmp_path):
    out = tmp_path / "mine.sigmodel"
    assert "fitted to" not in run("info", toy)[1]
    assert run("calibrate", toy, "--on", PEOPLE, "--out", out)[0] == 0
    code, printed = run("info", out)
    record = Model.read(out).manifest.provenance["conversion"]["adjustment"]
    low, high = record["interval"]
    shift = f"{record['shift']:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}"
    assert code == 0
    for said in ("6 people of synthetic-5, by 30 genuine signatures", "made of their own signatures", shift):
        assert said in printed


@pytest.mark.parametrize("record", [{}, {"people_of": 3}, "none", {"people_of": [], "interval": [1]}])
def test_a_record_of_another_hand_is_no_crash(run, toy, record):
    model = Model.read(toy)
    provenance = {"conversion": {"adjustment": record}}
    replace(model, manifest=replace(model.manifest, provenance=provenance)).write(toy)
    code, printed = run("info", toy)
    assert code == 0
    assert "people of whom the record cannot be read" in printed
