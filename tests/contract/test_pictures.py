"""The README's pictures show what the pages look like today."""

import runpy
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "docs" / "pictures.py"
TAKEN = runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("name", TAKEN["INPUTS"])
def test_a_picture_is_current_and_small(name):
    path = TAKEN["FOLDER"] / name
    with Image.open(path) as picture:
        assert picture.text[TAKEN["DIGEST"]] == TAKEN["digest"](name), "run docs/pictures.py"
        assert picture.width >= 800
    assert path.stat().st_size < 120_000


def test_both_stand_in_the_readme():
    readme = (SCRIPT.parents[1] / "README.md").read_text("utf-8")
    assert all(f"docs/pictures/{name}" in readme for name in TAKEN["INPUTS"])
