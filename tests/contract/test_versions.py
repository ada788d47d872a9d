"""One version everywhere: what is released together says so."""

import re
from pathlib import Path

import pytest

from firmware_bridge.libsigverify.build import HEADER
from sigverify import __version__

ROOT = Path(__file__).parents[2]
FIRMWARE = ROOT / "examples" / "firmware"
SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_it_is_a_semantic_version():
    assert SEMANTIC.fullmatch(__version__)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (HEADER, r'#define SV_VERSION "(.*)"'),
        (ROOT / "CITATION.cff", r"^version: (\S+)$"),
        (FIRMWARE / "buildroot/package/libsigverify/libsigverify.mk", r"^LIBSIGVERIFY_VERSION = (\S+)$"),
        (ROOT / "firmware_bridge" / "node_client" / "package.json", r'"version": "(.*?)"'),
        (ROOT / "docs" / "debian.md", r"sigverify_(.+?)_"),
        (ROOT / "docs" / "native.md", r"find_package\(sigverify (\S+) "),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_each_place_says_it(path, pattern):
    said = set(re.findall(pattern, path.read_text("utf-8"), re.MULTILINE))
    assert said in ({__version__}, {__version__.rpartition(".")[0]})


def test_a_recipe_is_named_by_it():
    (recipe,) = (FIRMWARE / "yocto").glob("*.bb")
    assert recipe.name == f"libsigverify_{__version__}.bb"
    assert recipe.name in (recipe.parent / "README.md").read_text()


def test_the_changelog_lists_versions_from_the_newest_and_none_that_is_to_come():
    first, *released = re.findall(r"^## \[(.+?)\]", CHANGELOG, re.MULTILINE)
    assert first == "Unreleased"
    numbers = [tuple(map(int, SEMANTIC.fullmatch(each).groups())) for each in (__version__, *released)]
    assert numbers == sorted(numbers, reverse=True)
