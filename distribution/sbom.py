"""Write down what a device has installed: a bill of materials, and the licences with their texts.

    python distribution/sbom.py FOLDER [MACHINE [EXTRAS]]

Installs the wheel with its extras (default: bridge,kiosk, which is what the Debian package carries) for a
machine (default: this one) into a scratch folder, in the versions of constraints.txt, and asks cyclonedx-py;
nothing of it is run. The bill is CycloneDX 1.6 in JSON, checked against its schema, without a time: the same
install gives the same bytes. Libraries within wheels, as OpenBLAS in numpy's, are no components of it; their
licences are among the texts of the package that brings them.
"""

import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

from device_install import install
from packaging.requirements import Requirement
from wheels import wheel

from sigverify import __version__

EXTRAS = "bridge,kiosk"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT = """\
[project]
name = "sigverify"
version = "{version}"
license = "Apache-2.0"
dependencies = {dependencies}
"""
"""What the bill is of; in pyproject.toml the version is computed, and extras are apart."""


def main():
    """Write both files, and print their names."""
    folder, *rest = sys.argv[1:]
    machine, extras = (*rest, *(platform.machine(), EXTRAS)[len(rest) :])
    with tempfile.TemporaryDirectory() as scratch:
        packages = environment(Path(scratch, "environment"))
        wheel(Path(scratch))
        (built,) = Path(scratch).glob("*.whl")
        install(packages, f"{built}[{extras}]", machine, PYTHON, "--no-compile")
        target = Path(folder, f"sigverify-{__version__}-{machine}.cdx.json")
        target.parent.mkdir(parents=True, exist_ok=True)
        project = Path(scratch, "pyproject.toml")
        wanted = json.dumps(needed(packages, extras.split(",")))
        project.write_text(PROJECT.format(version=__version__, dependencies=wanted))
        bill_of_materials(packages.parents[2], project, target)
        licences = target.with_name(f"sigverify-{__version__}-{machine}-licences.txt")
        licences.write_text("".join(licence_texts(json.loads(target.read_text()), packages)), "utf-8")
    sys.stdout.write(f"{target}\n{licences}\n")


def environment(folder):
    """Make an environment of this interpreter without any package, and return where they go."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    home = Path(sys.executable).resolve().parent
    (folder / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    return folder / "lib" / f"python{PYTHON}" / "site-packages"


def needed(packages, extras):
    """Return the names of what the installed SDK asks for by itself, with some extras."""
    (own,) = (each for each in distributions(path=[str(packages)]) if each.name == "sigverify")
    asked, names = map(Requirement, own.requires or ()), set()
    for each in asked:
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("cli", *extras)):
            names.add(each.name)
    return sorted(names - {"sigverify"})


def bill_of_materials(environment, project, target):
    """Write the bill of what an environment has; cyclonedx-py refuses to write one that is not valid."""
    how = ["--mc-type=application", "--spec-version=1.6", "--output-reproducible", "--validate"]
    files = [f"--pyproject={project}", f"--output-file={target}", str(environment / "bin" / "python3")]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *how, *files]
    subprocess.run(command, check=True, stdout=sys.stderr)


def licence_texts(bill, packages):
    """Yield a table of packages and licences, then the text of each licence that a package brings."""
    yield f"What a device with sigverify {__version__} has, by its bill of materials, and the licences.\n\n"
    components = sorted(
        [bill["metadata"]["component"], *bill["components"]], key=lambda each: each["name"].lower()
    )
    for each in components:
        yield f"{each['name']:20}{each['version']:16}{licence(each)}\n"
    for each in sorted(distributions(path=[str(packages)]), key=lambda each: each.name.lower()):
        for file in each.files or ():
            if is_licence(file):
                yield f"\n{'=' * 78}\n{each.name} {each.version}: {file.name}\n{'=' * 78}\n\n"
                yield file.locate().read_text("utf-8", errors="replace")


def licence(component):
    """Return what a package declares."""
    declared = component.get("licenses", ())
    names = [
        each.get("expression") or each["license"].get("id") or each["license"]["name"] for each in declared
    ]
    return ", ".join(name.rpartition(" :: ")[2] for name in names) or "not declared: see its text below"


def is_licence(file):
    """Say whether a package's file is the text of a licence: in its metadata, by its folder or its name."""
    words = ("licen", "copying", "notice", "authors")
    return ".dist-info" in file.parts[0] and any(
        word in part.lower() for part in file.parts[1:] for word in words
    )


if __name__ == "__main__":
    main()
