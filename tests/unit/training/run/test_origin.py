import json

import pytest

from sigverify.errors import TrainingError
from sigverify.training import Run
from sigverify.training.run import origin
from sigverify.training.run.origin import UNKNOWN, Origin, export, shipped

FACTS = {"trained_on": ["a", "b"], "licence_note": "terms of a", "corpora": [{"name": "a"}]}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"weights")
    (folder / "provenance.json").write_text(json.dumps(FACTS))
    return Run(path=folder)


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(origin, "SHIPPED", folder)
    return folder


@pytest.mark.parametrize("name", ["", "/model.keras"])
def test_a_run_tells_where_it_comes_from(run, name):
    found = Origin.find(f"{run.path}{name}")
    assert found.network == run.model_path
    assert found.trained_on == ["a", "b"]
    assert found.licence_note == "terms of a"
    assert found.corpora == [{"name": "a"}]


def test_a_bare_network_is_of_unknown_origin(run):
    bare = run.path / "other.keras"
    bare.write_bytes(b"weights")
    found = Origin.find(str(bare))
    assert found.trained_on == [UNKNOWN]
    assert "unknown origin (other.keras)" in found.licence_note
    assert found.digest == Origin.find(str(run.path)).digest


def test_exported_models_are_found_by_name(run, models):
    assert shipped() == ()
    target = export(run, "base")
    assert {path.name for path in models.iterdir()} == {"base.keras", "base.keras.json"}
    assert shipped() == ("base",)
    assert Origin.find("base") == Origin(source="base", network=target, facts=FACTS)


def test_a_pair_network_is_exported_beside_it(run, models):
    assert Origin.find(str(run.path)).pair_network is None
    run.pair_path.write_bytes(b"pair weights")
    assert Origin.find(str(run.path)).pair_network == run.pair_path
    target = export(run, "base")
    assert {path.name for path in models.iterdir()} == {"base.keras", "base.pair.keras", "base.keras.json"}
    assert shipped() == ("base",)
    found = Origin.find("base").pair_network
    assert found == target.with_name("base.pair.keras")
    assert found.read_bytes() == b"pair weights"
    # Exported anew without one, none is left of the one before.
    run.pair_path.unlink()
    export(run, "base")
    assert Origin.find("base").pair_network is None


@pytest.mark.parametrize("name", ["mine", "base-image"])
def test_exported_elsewhere(run, tmp_path, name):
    target = export(run, name, tmp_path)
    assert target.name == f"{name}.keras"
    assert Origin.find(str(target)).trained_on == ["a", "b"]


def test_export_refuses_a_path_and_an_unfinished_run(run, models, tmp_path):
    with pytest.raises(TrainingError, match="needs a bare name"):
        export(run, "../base")
    with pytest.raises(TrainingError, match="not a finished training run"):
        export(Run(path=tmp_path / "absent"), "base")
    assert not list(models.iterdir())


@pytest.mark.usefixtures("models")
def test_what_is_not_there_is_refused():
    with pytest.raises(TrainingError, match="models that ship: none"):
        Origin.find("base")


def test_broken_provenance_is_refused(run):
    (run.path / "provenance.json").write_text("[]")
    with pytest.raises(TrainingError, match="no JSON object"):
        Origin.find(str(run.path))
