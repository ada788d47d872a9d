import stat
import sys

import pytest
from toy_networks import toy_model

from converter import convert, edge_tpu
from converter.edge_tpu import Operation, _objection
from sigverify.errors import ConversionError
from sigverify.manifest import Precision


def operation(name="CONV_2D", shape=(1, 1, 128, 16), types=("INT8",), **settings):
    return Operation(name=name, version=1, shapes=(shape,), types=types, settings=settings)


def test_the_toy_network_maps_whole():
    mapping = edge_tpu.check(toy_model().network)
    assert mapping.complete
    assert mapping.warnings == ()
    assert mapping.mapped == len(mapping.operations) == 10


def test_a_float_network_does_not():
    mapping = edge_tpu.check(toy_model(Precision.FLOAT32).network)
    assert mapping.mapped == 0
    assert "computes in FLOAT32, not int8" in mapping.warnings[0]
    assert mapping.warnings[1].endswith("after RESHAPE, which does not map")


@pytest.mark.parametrize(
    "fine",
    [
        operation(dilationWFactor=4, dilationHFactor=4),
        operation("FULLY_CONNECTED", (1, 64)),
        operation("MAX_POOL_2D", fusedActivationFunction=0),
        operation("SOFTMAX", (1, 16_000)),
        operation("L2_NORMALIZATION", (1, 64)),
    ],
)
def test_operations_that_map(fine):
    assert _objection(fine) == ""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (operation(dilationWFactor=4, dilationHFactor=1), "dilation 1 × 4 differs"),
        (operation(shape=(2, 1, 128, 16)), "three innermost"),
        (operation(shape=(-1, 128)), "not constant"),
        (operation(types=("FLOAT32", "INT8")), "FLOAT32"),
        (operation("AVERAGE_POOL_2D", fusedActivationFunction=1), "fused activation"),
        (operation("FULLY_CONNECTED", (128, 64)), "not one-dimensional"),
        (operation("SOFTMAX", (1, 16_001)), "over 16000"),
        (operation("UNIDIRECTIONAL_SEQUENCE_LSTM"), "no such operation"),
    ],
)
def test_operations_that_do_not(bad, reason):
    assert reason in _objection(bad)


def test_asking_for_a_compiler_that_is_not_there(toy_run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConversionError, match="edgetpu_compiler is not on PATH"):
        convert(toy_run, edge_tpu=True)


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Return a function that puts a stand-in for the compiler on PATH."""

    def install(body):
        script = tmp_path / "edgetpu_compiler"
        script.write_text(f"#!{sys.executable}\nimport pathlib, sys\n{body}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))

    return install


def test_the_compilers_file_is_taken(compiler):
    compiler("""
options = sys.argv[1:]
assert options[:2] == ["-s", "-o"]
source, target = pathlib.Path(options[3]), pathlib.Path(options[2], "network_edgetpu.tflite")
target.write_bytes(b"compiled " + source.read_bytes())
""")
    assert edge_tpu.compile_network(b"network") == b"compiled network"


@pytest.mark.parametrize("body", ["sys.exit('Operation version not supported')", "pass"])
def test_a_compiler_that_fails(compiler, body):
    compiler(body)
    with pytest.raises(ConversionError, match="edgetpu_compiler failed; expected exit code 0"):
        edge_tpu.compile_network(b"network")
