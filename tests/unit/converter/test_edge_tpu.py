import itertools
import stat
import sys

import pytest
from toy_networks import toy_model

from converter import convert, edge_tpu
from converter.edge_tpu import Compiled, Operation, _objection, macs, read_log
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
    assert edge_tpu.compile_network(b"network") == Compiled(network=b"compiled network")


LOG = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 42 ms.

Input model: network.tflite
Input size: 86.48KiB
Output model: network_edgetpu.tflite
Output size: 184.45KiB
On-chip memory used for caching model parameters: 94.00KiB
On-chip memory remaining for caching model parameters: 7.61MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
Number of Edge TPU subgraphs: 1
Total number of operations: 19
Operation log: network_edgetpu.log

Operator                       Count      Status

ADD                            4          Mapped to Edge TPU
CONV_2D                        10         Mapped to Edge TPU
RESHAPE                        5          Operation is otherwise supported, but not mapped
"""


def test_what_the_compiler_says():
    said = read_log(b"network", LOG)
    assert (said.version, said.total) == ("16.0.384591198", 19)
    assert (said.cached, said.streamed) == ("94.00KiB", "0.00B")
    assert said.operations[1] == ("CONV_2D", 10, "Mapped to Edge TPU")
    assert [name for name, _, status in said.operations if not status.startswith("Mapped")] == ["RESHAPE"]
    assert said.to_dict()["operations"][0] == {"name": "ADD", "count": 4, "status": "Mapped to Edge TPU"}


def test_what_is_compiled_already_maps():
    assert _objection(operation("edgetpu-custom-op", (1, 64))) == ""


def test_multiplications_are_those_of_plain_loops():
    counted = {each.name: each for each in edge_tpu.operations(toy_model().network)}
    convolution = counted["CONV_2D"]
    assert convolution.macs > 0
    assert convolution.constant_bytes > 0
    assert counted["RESHAPE"].macs == 0
    done = 0
    for _row, _channel_out, _y, _x, _channel_in in itertools.product(*map(range, (5, 4, 1, 3, 2))):
        done += 1
    assert macs("CONV_2D", (1, 1, 5, 4), [[4, 1, 3, 2], [4]]) == done
    assert macs("FULLY_CONNECTED", (1, 4), [[4, 7]]) == 28


@pytest.mark.parametrize("body", ["sys.exit('Operation version not supported')", "pass"])
def test_a_compiler_that_fails(compiler, body):
    compiler(body)
    with pytest.raises(ConversionError, match="edgetpu_compiler failed; expected exit code 0"):
        edge_tpu.compile_network(b"network")
