import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sigverify

ROOT = Path(sigverify.__file__).parents[1]
HEAVY = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "numba", "torch", "jax", "pandas"}
WORKSTATION = {"rich", "typer", "click", "PIL", "asyncio", "multiprocessing"}
WORKSTATION_MODULES = {
    "__main__", "cli", "corpora", "evaluation", "experiments", "metrics", "plotting", "training",
}  # fmt: skip
DEVICE_MODULES = sorted(
    {module.name for module in pkgutil.iter_modules(sigverify.__path__)} - WORKSTATION_MODULES
)


LIST = "import json, sys; print(json.dumps([name.split('.')[0] for name in sys.modules]))"


def loaded_by(code):
    """Top-level packages in sys.modules after running `code` in a fresh interpreter."""
    script = f"{code}\n{LIST}"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


ROOM_BY_ROOM = """
import importlib, json, pkgutil, sys
found, before = {}, set()
for name in sys.argv[1:]:
    room = importlib.import_module(f"sigverify.{name}")
    for each in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
        importlib.import_module(each.name)
    loaded = {each.partition(".")[0] for each in sys.modules}
    found[name], before = sorted(loaded - before), loaded
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def newly_loaded():
    """Top-level packages by the device's module that is the first to load them, in one fresh interpreter."""
    command = [sys.executable, "-c", ROOM_BY_ROOM, *DEVICE_MODULES]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


@pytest.mark.parametrize("module", DEVICE_MODULES)
def test_device_modules_load_numpy_and_nothing_heavier(newly_loaded, module):
    assert not set(newly_loaded[module]) & (HEAVY | WORKSTATION | {"ai_edge_litert", "tflite_runtime"})


def test_a_heavier_package_would_be_seen(newly_loaded):
    assert "numpy" in {each for loaded in newly_loaded.values() for each in loaded}


def test_importing_the_package_loads_no_numpy_until_it_is_used():
    assert "numpy" not in loaded_by("import sigverify")
    assert "numpy" in loaded_by("import sigverify; sigverify.Signature")


def test_everything_public_together_is_still_light():
    loaded = loaded_by("from sigverify import *")
    assert not loaded & (HEAVY | WORKSTATION)


def test_the_command_line_loads_typer_but_nothing_that_computes():
    loaded = loaded_by("import sigverify.cli.app")
    assert "typer" in loaded
    assert not loaded & (HEAVY | {"numpy", "sqlite3"})


def test_a_device_installs_no_library_of_the_command_line_and_each_user_of_it_does():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    device = {re.match(r"[\w-]+", each)[0] for each in project["dependencies"]}
    assert device == {
        "numpy", "pillow", "cryptography", "cffi", "defusedxml", "ai-edge-litert", "tflite-runtime",
    }  # fmt: skip
    extras = project["optional-dependencies"]
    needing = {name for name in extras if "sigverify[cli]" in extras[name]}
    needing |= {name for name in extras if "sigverify[evaluate]" in extras[name]}
    assert set(extras) - needing == {
        "cli",
        "packages",
        "search",
        "tpm",
    }  # the last two are for who opens a store


def test_evaluation_and_corpora_need_no_keras():
    assert not loaded_by("import sigverify.evaluation, sigverify.corpora") & {"keras", "tensorflow"}


def test_training_loads_keras_only_when_it_trains():
    assert not loaded_by("import sigverify.training") & {"keras", "tensorflow"}


def test_the_converter_loads_tensorflow_only_when_it_converts():
    assert not loaded_by("import converter") & {"keras", "tensorflow"}


def test_the_contract_names_every_module_of_the_device():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (device,) = (each for each in contracts if each["name"].startswith("The device loads numpy"))
    assert sorted(device["source_modules"]) == [f"sigverify.{name}" for name in DEVICE_MODULES]


def test_layers():
    pytest.importorskip("importlinter")
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_nothing_prints_outside_the_command_line():
    for package in ("sigverify", "converter", "firmware_bridge"):
        for path in (ROOT / package).rglob("*.py"):
            if "cli" not in path.parts:
                assert "\nprint(" not in path.read_text().replace(" ", ""), path
    assert importlib.import_module("sigverify.cli.output")
