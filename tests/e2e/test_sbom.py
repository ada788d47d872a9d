"""The bill of materials and the licences that `make sbom` writes: whole, valid, and of what is pinned."""

import json
import os
import re
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sigverify import __version__

FOLDER = os.environ.get("SIGVERIFY_SBOM")
PYTHON = os.environ.get("SIGVERIFY_PACKAGES_PYTHON")
pytestmark = pytest.mark.skipif(
    not (FOLDER and PYTHON), reason="no bill of materials: `make sbom` writes one"
)

ROOT = Path(__file__).parents[2]
EXTRAS = ("bridge", "cli", "kiosk")
MACHINE = os.uname().machine
VALID = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()) is not None)
"""


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needed():
    """All that a device asks for here, by pyproject.toml and the metadata of what is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras, found = project["optional-dependencies"], set()
    ahead = [*project["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]
    while ahead:
        each = Requirement(ahead.pop())
        if normal(each.name) not in found | {"sigverify"} and is_asked(each):
            found.add(normal(each.name))
            ahead += [one for one in requires(each.name) or () if is_asked(Requirement(one), each.extras)]
    return found


def is_asked(requirement, extras=()):
    """Whether that is for this machine, and for who asks with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


@pytest.fixture(scope="module")
def path():
    return Path(FOLDER, f"sigverify-{__version__}-{MACHINE}.cdx.json")


@pytest.fixture(scope="module")
def bill(path):
    return json.loads(path.read_text())


def test_it_is_valid_by_the_schema(path):
    subprocess.run([PYTHON, "-c", VALID, path], check=True)


def test_it_is_of_this_release(bill):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    component = bill["metadata"]["component"]
    assert (component["name"], component["version"], component["type"]) == (
        "sigverify", __version__, "application",
    )  # fmt: skip


def test_it_names_every_dependency_and_nothing_else(bill):
    assert {normal(each["name"]) for each in bill["components"]} == needed()


def test_what_depends_on_what_is_whole(bill):
    depends = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    reached, ahead = set(), [bill["metadata"]["component"]["bom-ref"]]
    while ahead:
        ref = ahead.pop()
        reached.add(ref)
        ahead += [each for each in depends[ref] if each not in reached]
    assert reached == set(depends)
    assert len(depends) == len(bill["components"]) + 1


def test_versions_are_those_that_are_pinned(bill):
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            its = Requirement(line)
            if its.marker is None or its.marker.evaluate():
                pinned[normal(its.name)] = str(its.specifier).removeprefix("==")
    for each in bill["components"]:
        assert each["version"] == pinned[normal(each["name"])], each["name"]
        assert re.fullmatch(rf"pkg:pypi/[\w.-]+@{re.escape(each['version'])}", each["purl"])


def test_each_package_has_a_licence_or_its_text(bill):
    listed = Path(FOLDER, f"sigverify-{__version__}-{MACHINE}-licences.txt").read_text()
    table, _, texts = listed.partition("\n====")
    for each in bill["components"]:
        (line,) = re.findall(
            rf"^{re.escape(each['name'])} +{re.escape(each['version'])} +(.+)$", table, re.MULTILINE
        )
        assert not line.startswith("not declared") or f"\n{each['name']} {each['version']}: " in texts
    for bundled in ("OpenBLAS", "Apache License", "Permission is hereby granted"):
        assert bundled in texts
