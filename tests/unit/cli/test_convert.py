"""`sigverify convert` of all that it takes: a run, a .keras file with its settings, a model."""

from dataclasses import replace
from importlib.resources import files

import pytest
from toy_networks import keras_network, write_run

from converter import invented
from converter.cohort import PEOPLE
from sigverify.model_file import Model

pytestmark = pytest.mark.usefixtures("core_in_c")

STRANGERS = "synthetic:writers=12,genuine=7,skilled=4,seed=77"
BASE = files("sigverify") / "models" / "base.keras"


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "toy", keras_network(width=8))


def test_a_run(answer, toy_run, tmp_path):
    code, made = answer("convert", toy_run, "--no-cohort", "--out", tmp_path / "mine.sigmodel")
    assert code == 0
    assert made["cohort"] == 0
    assert (made["name"], made["precision"]) == ("toy", "int8")
    assert made["eer"] == pytest.approx(made["parity"]["eer"])
    conversion = Model.read(tmp_path / "mine.sigmodel").manifest.provenance["conversion"]
    assert conversion["calibrated_on"] == ["toy"]


@pytest.mark.slow
def test_a_keras_file_with_its_settings(answer, tmp_path):
    out = tmp_path / "mine.sigmodel"
    code, made = answer(
        "convert", BASE, "--float32", "--no-cohort", "--calibrate-on", STRANGERS, "--out", out
    )
    assert code == 0
    assert (made["name"], made["precision"]) == ("base", "float32")
    manifest = Model.read(out).manifest
    assert (manifest.encoder, manifest.modality) == ("tdnn", "pen")
    assert manifest.provenance["trained_on"] == ["synthetic-11"]
    assert manifest.provenance["conversion"]["calibrated_on"] == ["synthetic-77"]
    assert made["parity"]["vector"]["minimum"] > 0.999


@pytest.mark.parametrize("by_name", [True, False])
def test_a_model_gets_other_scores_and_keeps_its_network(answer, run, tmp_path, by_name):
    base = Model.read("base")
    base.write(tmp_path / "base.sigmodel")
    source = "base" if by_name else tmp_path / "base.sigmodel"
    out = tmp_path / "mine.sigmodel"
    options = ("--no-cohort", "--out", out, "--name", "mine")
    code, made = answer("convert", source, "--calibrate-on", STRANGERS, *options)
    assert code == 0
    assert made["cohort"] == len(base.people), "that of the model stays"
    assert (made["name"], made["precision"], made["parity"]) == ("mine", "int8", None)
    fitted = Model.read(out)
    assert fitted.network == base.network
    assert fitted.id != base.id
    assert fitted.manifest.tensors == base.manifest.tensors
    assert fitted.manifest.scoring != base.manifest.scoring
    record = fitted.manifest.provenance["conversion"]
    assert record["calibrated_on"] == ["synthetic-77"]
    assert record["refitted_from"] == base.id
    assert "invented" in record["calibration_licence_note"].lower()
    assert fitted.manifest.provenance["trained_on"] == base.manifest.provenance["trained_on"]
    # The cosines are those of the network; the rates of a float32 twin are of other scores, and are gone.
    assert fitted.manifest.parity["vector"] == base.manifest.parity["vector"]
    assert fitted.manifest.parity["eer"] == pytest.approx(made["eer"], abs=1e-6)
    assert "eer_float32" not in fitted.manifest.parity
    code, printed = run("info", out)
    assert code == 0
    assert "EER where calibrated" in printed


@pytest.mark.parametrize("source", ["base", BASE])
def test_a_corpus_that_the_network_was_trained_on_is_refused(answer, tmp_path, source):
    seen = "synthetic:writers=12,genuine=7,skilled=4,seed=11"
    code, said = answer("convert", source, "--calibrate-on", seen, "--out", tmp_path / "mine.sigmodel")
    assert (code, said["error"]) == (4, "SplitLeak")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", ["base", BASE])
def test_without_a_corpus_there_is_nothing_to_fit_on(answer, tmp_path, source):
    code, said = answer("convert", source, "--no-cohort", "--out", tmp_path / "mine.sigmodel")
    assert (code, said["error"]) == (4, "ConversionError")
    assert "--calibrate-on" in said["message"]


def test_a_model_gets_a_cohort_and_keeps_its_scores(answer, run, tmp_path, monkeypatch):
    monkeypatch.setitem(invented.TO_MEET, "pen", "synthetic:writers=20,genuine=1,skilled=0,seed=15")
    monkeypatch.setitem(invented.TO_ENROLL, "pen", "synthetic:writers=4,genuine=3,skilled=0,seed=16")
    base = Model.read("base")
    replace(base, cohort=b"").write(tmp_path / "before.sigmodel")
    out = tmp_path / "mine.sigmodel"
    code, made = answer("convert", tmp_path / "before.sigmodel", "--out", out)
    assert (code, made["cohort"], made["eer"]) == (0, PEOPLE, None)
    after = Model.read(out)
    assert (after.network, after.pair_network) == (base.network, base.pair_network)
    assert after.manifest.scoring == base.manifest.scoring
    record = after.manifest.provenance["conversion"]["cohort"]
    assert record == {"people": PEOPLE, "of": "synthetic-15", "by": "synthetic-16"}
    code, text = run("info", out)
    assert code == 0
    assert f"{PEOPLE} invented people" in text
    code, text = run("info", tmp_path / "before.sigmodel")
    assert "nothing limits how many strangers" in " ".join(text.split())


def test_a_model_keeps_its_precision(answer, tmp_path):
    out = tmp_path / "mine.sigmodel"
    code, said = answer("convert", "base", "--float32", "--calibrate-on", STRANGERS, "--out", out)
    assert (code, said["error"]) == (4, "ConfigError")
    assert "keeps its precision; expected int8; received float32" in said["message"]


def test_a_keras_file_without_settings_is_refused(answer, tmp_path):
    (tmp_path / "mine.keras").write_bytes(BASE.read_bytes())
    out = tmp_path / "mine.sigmodel"
    code, said = answer("convert", tmp_path / "mine.keras", "--calibrate-on", STRANGERS, "--out", out)
    assert (code, said["error"]) == (4, "ConversionError")
    assert "mine.keras.json" in said["message"]


def test_what_is_none_of_these(answer, tmp_path):
    code, said = answer("convert", "no-such-model", "--out", tmp_path / "mine.sigmodel")
    assert (code, said["error"]) == (4, "ConversionError")
    assert "base" in said["message"]
