from pathlib import Path

import pytest

from sigverify.errors import ConfigError
from sigverify.training import TrainConfig
from sigverify.training.recipes import read_recipe, recipes


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_can_be_read(name):
    assert read_recipe(name) != TrainConfig()


def test_those_of_the_models_that_ship_are_there():
    assert {"base", "base-image", "left-out", "fine-tune"} <= set(recipes())
    assert read_recipe("base-image").modality == "image"


def test_a_file_is_read(tmp_path):
    (tmp_path / "base").write_text("epochs = 3")
    assert read_recipe(tmp_path / "base").epochs == 3
    assert read_recipe(str(tmp_path / "base")).epochs == 3


def test_a_name_beats_a_file_and_a_path_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").write_text("epochs = 3")
    assert read_recipe("base").epochs == 10
    assert read_recipe(Path("base")).epochs == 3


@pytest.mark.parametrize("source", ["bases", "no/such.toml", "", "."])
def test_others_are_refused_by_naming_those_there_are(source):
    with pytest.raises(ConfigError, match="base-image, bhsig260, fine-tune, left-out"):
        read_recipe(source)
