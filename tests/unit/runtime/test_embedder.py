import ctypes
import importlib
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st
from in_threads import in_threads
from toy_networks import SEQUENCE_SHAPE, VECTOR_SIZE, toy_model

from sigverify.errors import ConfigError, InvalidSignature, MalformedModel, RuntimeUnavailable
from sigverify.manifest import Manifest, Precision
from sigverify.modality.pen.features import CHANNELS, FRAMES, features
from sigverify.model_file import Model
from sigverify.runtime import interpreters
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.interpreters import EDGETPU_LIBRARY, Runtime

FEATURES = features(signature(3))


def with_network(model, network):
    return Model(manifest=model.manifest, network=network)


class Interpreter:
    """Stands in for a TFLite interpreter: real outputs of our choice, stored as float."""

    def __init__(self, vector=None, sequence=None, error=None):
        self._outputs = {
            1: np.ones((1, VECTOR_SIZE), np.float32) if vector is None else vector,
            2: np.zeros((1, *SEQUENCE_SHAPE), np.float32) if sequence is None else sequence,
        }
        self._error = error

    def get_input_details(self):
        return [self._details(0, (1, FRAMES, CHANNELS))]

    def get_output_details(self):
        return [self._details(index, array.shape) for index, array in self._outputs.items()]

    def _details(self, index, shape):
        return {"index": index, "shape": shape, "dtype": np.float32, "quantization": (0.0, 0)}

    def set_tensor(self, index, value):
        assert index == 0
        assert value.shape == (1, FRAMES, CHANNELS)

    def invoke(self):
        if self._error:
            raise self._error

    def get_tensor(self, index):
        return self._outputs[index].copy()


def embedder_of(**outputs):
    manifest = Manifest(
        name="toy",
        encoder="toy",
        precision=Precision.FLOAT32,
        modality="pen",
        vector_size=VECTOR_SIZE,
        sequence_shape=SEQUENCE_SHAPE,
    )
    return Embedder(Model(manifest=manifest, network=b"n"), Runtime.LITERT, Interpreter(**outputs))


@pytest.mark.parametrize("precision", Precision)
def test_outputs_are_as_promised(precision):
    embedder = Embedder.open(toy_model(precision))
    output = embedder.run(FEATURES)
    assert output.vector.shape == (VECTOR_SIZE,)
    assert output.sequence.shape == SEQUENCE_SHAPE
    assert output.vector.dtype == output.sequence.dtype == np.float32
    assert np.linalg.norm(output.vector) == pytest.approx(1, abs=1e-6)
    assert np.abs(output.sequence).max() <= 1
    assert embedder.runtime is not Runtime.AUTO


def test_a_model_without_a_sequence():
    output = Embedder.open(toy_model(sequence=False)).run(FEATURES)
    assert output.vector.shape == (VECTOR_SIZE,)
    assert output.sequence is None


def test_int8_says_what_float_says():
    """The network is untrained and its representative set small: trained ones reach 0.999."""
    exact, rounded = (
        Embedder.open(toy_model(each)).run(FEATURES) for each in (Precision.FLOAT32, Precision.INT8)
    )
    assert exact.vector @ rounded.vector > 0.99
    assert np.abs(exact.sequence - rounded.sequence).max() < 0.1


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [
        (Precision.INT8, 0),  # integer arithmetic has one right answer
        (Precision.FLOAT32, 1e-5),  # libraries add up in different orders: a few units in the last place
    ],
)
def test_every_library_says_the_same_with_reference_kernels(precision, tolerance):
    first, second = (
        Embedder.open(toy_model(precision), runtime=runtime, reference_kernels=True).run(FEATURES)
        for runtime in (Runtime.LITERT, Runtime.TENSORFLOW)
    )
    assert np.abs(first.vector - second.vector).max() <= tolerance
    assert np.abs(first.sequence - second.sequence).max() <= tolerance


def test_tensorflow_does_not_point_to_its_successor():
    pytest.importorskip("tensorflow")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        Embedder.open(toy_model(), runtime=Runtime.TENSORFLOW)
        warnings.warn("others still show", UserWarning, stacklevel=1)
    assert [str(each.message) for each in warned] == ["others still show"]


def test_fast_kernels_stray_from_the_reference_by_three_steps_at_most():
    """Where a sum lies near a tie they round apart by one int8 step, which behind tanh may be three."""
    fast, plain = (
        Embedder.open(toy_model(), reference_kernels=reference).run(FEATURES) for reference in (False, True)
    )
    steps = np.abs(fast.sequence - plain.sequence) * 128
    assert steps.max() <= 3
    assert (steps > 0).mean() < 0.03
    assert fast.vector @ plain.vector > 0.9995


def test_more_threads_change_nothing():
    one, four = (Embedder.open(toy_model(), threads=threads).run(FEATURES) for threads in (1, 4))
    assert np.array_equal(one.vector, four.vector)


def test_outputs_stay_when_the_next_one_comes():
    embedder = Embedder.open(toy_model(Precision.FLOAT32))
    first = embedder.run(FEATURES)
    kept = first.vector.copy(), first.sequence.copy()
    embedder.run(features(signature(4)))
    assert np.array_equal(first.vector, kept[0])
    assert np.array_equal(first.sequence, kept[1])


def test_threads_share_one_embedder():
    embedder = Embedder.open(toy_model())
    inputs = [features(signature(writer)) for writer in range(8)]
    expected = [embedder.run(each).vector for each in inputs]
    wrong = []

    def work(number):
        wrong.extend(
            turn
            for turn in range(50)
            if not np.array_equal(embedder.run(inputs[number]).vector, expected[number])
        )

    in_threads(8, work)
    assert wrong == []


@given(st.integers(0, 2**32 - 1), st.floats(0, 1e6))
def test_property_any_finite_features_give_a_finite_embedding(seed, scale):
    values = (np.random.default_rng(seed).normal(size=(FRAMES, CHANNELS)) * scale).astype(np.float32)
    output = Embedder.open(toy_model()).run(values)
    assert np.isfinite(output.vector).all()
    assert np.abs(output.sequence).max() <= 1


def test_the_input_is_rounded_as_every_other_reader_of_the_file_must():
    embedder = Embedder.open(toy_model())
    seen = []
    real = embedder._interpreter
    embedder._interpreter = SimpleNamespace(
        set_tensor=lambda _, value: seen.append(value.copy()), invoke=lambda: None, get_tensor=real.get_tensor
    )
    embedder.run(FEATURES)
    tensor = toy_model().manifest.tensors["input"]
    expected = np.rint(FEATURES / np.float32(tensor["scale"])) + tensor["zero_point"]
    assert seen[0].dtype == np.int8
    assert np.array_equal(seen[0][0], np.clip(expected, -128, 127).astype(np.int8))


@pytest.mark.parametrize("wrong", [FEATURES[:-1], FEATURES[:, :-1], FEATURES[np.newaxis], FEATURES.ravel()])
def test_features_of_another_shape(wrong):
    with pytest.raises(InvalidSignature, match=r"features of another shape; expected \(256, "):
        Embedder.open(toy_model()).run(wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite(value):
    broken = FEATURES.copy()
    broken[7, 2] = value
    with pytest.raises(InvalidSignature, match="not finite"):
        Embedder.open(toy_model()).run(broken)


def test_a_zero_vector_stays_zero():
    output = embedder_of(vector=np.zeros((1, VECTOR_SIZE), np.float32)).run(FEATURES)
    assert not output.vector.any()


def test_a_sequence_beyond_one_is_clipped():
    output = embedder_of(sequence=np.full((1, *SEQUENCE_SHAPE), -1.01, np.float32)).run(FEATURES)
    assert (output.sequence == -1).all()


@pytest.mark.parametrize(("whose", "words"), [(0, "refuses the network"), (1, "name is no text")])
def test_a_name_that_is_no_text(whose, words):
    """The input is named in the signature, and as a tensor."""
    model = toy_model()
    name = Embedder.open(model)._interpreter.get_input_details()[0]["name"].encode()
    first, between, last = model.network.split(name)
    names = [name, name]
    names[whose] = b"\xff" + name[1:]
    network = first + names[0] + between + names[1] + last
    with pytest.raises(MalformedModel, match=words):
        Embedder.open(with_network(model, network))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["vector", "sequence"])
def test_a_network_that_yields_no_numbers_is_refused(name, value):
    shape = (1, VECTOR_SIZE) if name == "vector" else (1, *SEQUENCE_SHAPE)
    with pytest.raises(MalformedModel, match=f"yields a {name} that is not finite"):
        embedder_of(**{name: np.full(shape, value, np.float32)}).run(FEATURES)


def test_a_network_that_fails_while_running():
    with pytest.raises(MalformedModel, match="cannot be run; received node 3"):
        embedder_of(error=RuntimeError("node 3")).run(FEATURES)


@pytest.mark.parametrize("keep", [1, 3, 7, 8, 100, 0.3, 0.5, 0.9])
def test_a_truncated_network_in_a_sound_file(keep):
    network = toy_model().network
    length = keep if keep >= 1 else int(keep * len(network))
    with pytest.raises(MalformedModel, match="refuses the network"):
        Embedder.open(with_network(toy_model(), network[:length]))


def test_fuzz_a_damaged_network_never_crashes_the_process(tmp_path):
    """In a process of its own, as a crash is what it looks for."""
    code = """
import numpy as np, sys
from sigverify.errors import MalformedModel
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder
model = Model.read(sys.argv[1]); rng = np.random.default_rng(0); refused = 0
for turn in range(150):
    data = bytearray(model.network)
    for _ in range(4):
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    try:
        Embedder.open(Model(manifest=model.manifest, network=bytes(data))).run(np.zeros((256, %d), 'f'))
    except MalformedModel:
        refused += 1
print(refused)
"""
    path = tmp_path / "toy.sigmodel"
    toy_model().write(path)
    done = subprocess.run(
        [sys.executable, "-c", code % CHANNELS, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) > 50


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"vector_size": 63}, "vector"), ({"sequence_shape": (128, 8)}, "sequence")],
)
def test_a_manifest_of_another_network(changes, message):
    model = toy_model()
    manifest = Manifest(**{**vars(model.manifest), **changes})
    with pytest.raises(MalformedModel, match=f"does not match its manifest: {message}; expected one tensor"):
        Embedder.open(Model(manifest=manifest, network=model.network))


def test_no_such_runtime():
    with pytest.raises(ConfigError, match=r"no such runtime; expected auto or native or .*received 'gpu'"):
        Embedder.open(toy_model(), runtime="gpu")


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_threads_out_of_range(threads):
    with pytest.raises(ConfigError, match="threads out of range; expected 1 to 64"):
        Embedder.open(toy_model(), threads=threads)


@pytest.fixture
def absent(monkeypatch):
    """Return a function that makes packages look uninstalled."""

    def hide(*packages):
        real = importlib.import_module

        def load(name, *rest):
            if name.split(".")[0] in packages:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return real(name, *rest)

        monkeypatch.setattr(interpreters.importlib, "import_module", load)

    return hide


@pytest.mark.parametrize(
    ("runtime", "package", "command"),
    [
        ("litert", "ai_edge_litert", "pip install ai-edge-litert"),
        ("tflite-runtime", "tflite_runtime", "pip install tflite-runtime 'numpy<2'"),
        ("tensorflow", "tensorflow", "pip install tensorflow"),
    ],
)
def test_a_library_that_is_absent_names_the_command(absent, runtime, package, command):
    absent(package)
    with pytest.raises(RuntimeUnavailable) as caught:
        Embedder.open(toy_model(), runtime=runtime)
    assert str(caught.value).endswith(command)


def test_auto_takes_what_is_there(absent):
    absent("ai_edge_litert", "tflite_runtime")
    assert Embedder.open(toy_model()).runtime is Runtime.TENSORFLOW


def test_auto_with_nothing_there_names_everything_it_tried(absent):
    absent("ai_edge_litert", "tflite_runtime", "tensorflow")
    with pytest.raises(RuntimeUnavailable) as caught:
        Embedder.open(toy_model())
    for package in ("ai-edge-litert", "tflite-runtime", "tensorflow"):
        assert f"{package} is not installed" in str(caught.value)


def test_a_library_that_is_there_but_broken(monkeypatch):
    def load(_):
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(interpreters.importlib, "import_module", load)
    with pytest.raises(
        RuntimeUnavailable, match=r"does not load here; received numpy\.core.*pip install ai-edge"
    ):
        Embedder.open(toy_model(), runtime=Runtime.LITERT)


def test_the_edge_tpu_without_its_library():
    try:
        ctypes.CDLL(EDGETPU_LIBRARY)
    except OSError:
        with pytest.raises(
            RuntimeUnavailable, match=r"library libedgetpu\.so\.1 is not installed.*Install libedgetpu1"
        ):
            Embedder.open(toy_model(), runtime=Runtime.EDGETPU)
    else:
        pytest.skip(f"{EDGETPU_LIBRARY} is installed here")


def test_the_edge_tpu_without_a_device(monkeypatch):
    def refuse(_):
        raise ValueError("Failed to load delegate")

    monkeypatch.setattr(interpreters.ctypes, "CDLL", lambda _: None)
    monkeypatch.setattr("ai_edge_litert.interpreter.load_delegate", refuse)
    with pytest.raises(RuntimeUnavailable, match="no Edge TPU answers"):
        Embedder.open(toy_model(), runtime=Runtime.EDGETPU)


def test_the_edge_tpu_delegate_reaches_the_interpreter(monkeypatch):
    taken = {}

    def interpreter(**options):
        taken.update(options)
        return Interpreter()

    monkeypatch.setattr(interpreters.ctypes, "CDLL", lambda _: None)
    monkeypatch.setattr("ai_edge_litert.interpreter.load_delegate", lambda library: f"delegate of {library}")
    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", interpreter)
    monkeypatch.setattr(Interpreter, "allocate_tensors", lambda _: None, raising=False)
    assert Embedder.open(toy_model(), runtime="edgetpu").runtime is Runtime.EDGETPU
    assert taken["experimental_delegates"] == [f"delegate of {EDGETPU_LIBRARY}"]
    assert taken["num_threads"] == 1


def test_importing_it_loads_no_library_and_running_it_no_tensorflow(tmp_path):
    toy_model().write(tmp_path / "toy.sigmodel")
    code = """
import sys, numpy as np
import sigverify.runtime.embedder as r
from sigverify.model_file import Model
heavy = ('tensorflow', 'ai_edge_litert', 'keras')
before = [m for m in heavy if m in sys.modules]
r.Embedder.open(Model.read(sys.argv[1])).run(np.zeros((256, %d), np.float32))
print(before, [m for m in heavy if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code % CHANNELS, str(tmp_path / "toy.sigmodel")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] ['ai_edge_litert']"
