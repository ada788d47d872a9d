import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import sigverify

ROOT = Path(sigverify.__file__).parents[1]
HEAVY = {"tensorflow", "keras", "scipy", "matplotlib", "sklearn", "numba", "torch", "jax", "pandas"}
WORKSTATION = {"rich", "typer", "click", "PIL", "asyncio", "multiprocessing"}
DEVICE_MODULES = [
    "sigverify",
    "sigverify.errors",
    "sigverify.modality.pen.signature",
    "sigverify.formats",
    "sigverify.modality.pen.features",
    "sigverify.model_file",
    "sigverify.runtime.embedder",
    "sigverify.matching.distances",
    "sigverify.matching.scoring",
    "sigverify.template",
    "sigverify.protection.keys",
    "sigverify.protection.sealing",
    "sigverify.protection.renewal",
    "sigverify.embedding",
    "sigverify.runtime.native",
    "sigverify.matcher",
    "sigverify.store",
    "sigverify.search",
    "sigverify.decision",
    "sigverify.model_trust",
    "sigverify.audit",
    "sigverify.protection.signing",
    "sigverify.modality.pen.quality",
    "sigverify.matching.explanation",
    "sigverify.policy",
    "sigverify.enrollment.enrollment",
    "sigverify.administration",
    "sigverify.fleet",
    "sigverify.verifier",
]


LIST = "import json, sys; print(json.dumps([name.split('.')[0] for name in sys.modules]))"


def loaded_by(code):
    """Top-level packages in sys.modules after running `code` in a fresh interpreter."""
    script = f"{code}\n{LIST}"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", DEVICE_MODULES)
def test_device_modules_load_numpy_and_nothing_heavier(module):
    loaded = loaded_by(f"import {module}")
    assert not loaded & (HEAVY | WORKSTATION | {"ai_edge_litert", "tflite_runtime"})


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


def test_evaluation_and_corpora_need_no_keras():
    assert not loaded_by("import sigverify.evaluation, sigverify.corpora") & {"keras", "tensorflow"}


def test_training_loads_keras_only_when_it_trains():
    assert not loaded_by("import sigverify.training") & {"keras", "tensorflow"}


def test_the_converter_loads_tensorflow_only_when_it_converts():
    assert not loaded_by("import converter") & {"keras", "tensorflow"}


def test_every_device_module_is_in_the_list_above():
    """A new module of the device has to be listed here and in the contract of pyproject.toml."""
    workstation = {"cli", "corpora", "evaluation", "metrics", "plotting", "training"}
    found = {module.name for module in pkgutil.iter_modules(sigverify.__path__)} - workstation
    assert found == {name.split(".")[1] for name in DEVICE_MODULES if "." in name}


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
