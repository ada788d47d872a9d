import subprocess
import sys

HEAVY = ("keras", "tensorflow", "jax", "torch", "matplotlib", "sklearn", "scipy")


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_importing_training_loads_no_keras():
    code = f"import sys, sigverify.training; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(code).stdout.strip() == "[]"


def test_missing_keras_names_the_extra():
    code = """
import sys
sys.modules["keras"] = None
from sigverify.errors import MissingExtra
try:
    from sigverify.training import train
except MissingExtra as error:
    print(error)
"""
    assert "pip install 'sigverify[train]'" in run(code).stdout


def test_unknown_attribute():
    assert "has no attribute 'fit'" in run("import sigverify.training as t; t.fit").stderr


def test_another_backend_is_chosen_where_tensorflow_is_absent():
    code = """
import importlib.util, os
os.environ.pop("KERAS_BACKEND", None)
real = importlib.util.find_spec
frameworks = ("tensorflow", "jax", "torch")
importlib.util.find_spec = lambda name: (name == "jax" or None) if name in frameworks else real(name)
from unittest import mock
with mock.patch("importlib.import_module") as load:
    import sigverify.training.backend
print(os.environ["KERAS_BACKEND"], load.call_args.args)
"""
    assert run(code).stdout.strip() == "jax ('keras',)"
