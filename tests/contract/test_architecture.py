"""The picture of the architecture is what the script draws of today's code."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "architecture.py"


def test_the_picture_is_current():
    pytest.importorskip("grimp", reason="no import-linter: pip install 'sigverify[dev]'")
    drawing = runpy.run_path(str(SCRIPT))
    assert SCRIPT.with_suffix(".svg").read_text("utf-8") == drawing["draw"](), "run docs/architecture.py"


def test_what_follows_from_others_is_left_out():
    drawing = runpy.run_path(str(SCRIPT))
    edges = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert drawing["reduced"](edges, ["a", "b", "c"]) == {"a": {"b"}, "b": {"c"}, "c": set()}
