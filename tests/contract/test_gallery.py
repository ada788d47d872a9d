"""The pictures of docs/gallery.md are of today's commands and drawings."""

import runpy
from pathlib import Path

import pytest
from PIL import Image

TAKEN = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "gallery.py"))


def test_there_are_pictures_and_no_others():
    assert sorted(path.name for path in TAKEN["FOLDER"].iterdir()) == sorted(TAKEN["shown"]())


@pytest.mark.parametrize("name", TAKEN["shown"]())
def test_a_picture_is_current_and_small(name):
    path = TAKEN["FOLDER"] / name
    with Image.open(path) as picture:
        assert picture.text[TAKEN["DIGEST"]] == TAKEN["digest"](), "run docs/gallery.py"
        assert 500 <= picture.width <= TAKEN["WIDTH"]
    assert path.stat().st_size < 120_000
