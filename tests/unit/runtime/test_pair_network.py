from types import SimpleNamespace

import numpy as np
import pytest
from builders import references, signature
from in_threads import in_threads
from toy_networks import PAIR_SHAPE, keras_pair_network, toy_model, toy_pairs

from sigverify.errors import MalformedModel, RuntimeUnavailable
from sigverify.manifest import Precision
from sigverify.matcher import Matcher
from sigverify.matching.cues import PAIR, SERIES
from sigverify.matching.embedding import References
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import Model
from sigverify.runtime import interpreters
from sigverify.runtime.interpreters import EDGETPU_LIBRARY, Runtime
from sigverify.runtime.pair_network import PairNetwork, pair_shape


class Interpreter:
    """Stands in for a TFLite interpreter of float32."""

    def __init__(self, says=0.0, *, shape=PAIR_SHAPE, outputs=1, error=None):
        self._said = np.full((1, outputs), says, np.float32)
        self._shape, self._error = shape, error

    def get_input_details(self):
        return [{"index": 0, "shape": (1, *self._shape), "dtype": np.float32, "quantization": (0.0, 0)}]

    def get_output_details(self):
        return [{"index": 1, "shape": self._said.shape, "dtype": np.float32, "quantization": (0.0, 0)}]

    def set_tensor(self, index, value):
        assert (index, value.shape) == (0, (1, *PAIR_SHAPE))

    def invoke(self):
        if self._error:
            raise self._error

    def get_tensor(self, index):
        assert index == 1
        return self._said.copy()


def opened(precision=Precision.INT8):
    return PairNetwork.open(toy_model(precision, pair=True), runtime=Runtime.AUTO)


def around(*arguments, **options):
    return PairNetwork(toy_model(pair=True), Interpreter(*arguments, **options))


def with_pair_network(data):
    model = toy_model(pair=True)
    return Model(manifest=model.manifest, network=model.network, pair_network=data)


def test_a_model_without_one():
    assert PairNetwork.open(toy_model(), runtime=Runtime.AUTO) is None


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 0.01), ("int8", 0.05)])
def test_it_says_what_was_trained(precision, tolerance):
    pairs = toy_pairs(4)
    expected = np.asarray(keras_pair_network()(pairs))[:, 0]
    said = opened(Precision(precision)).run(pairs)
    assert (said.shape, said.dtype) == ((16,), np.float32)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(said, expected, atol=tolerance)


def test_a_pairing_is_laid_out_first():
    its, network = references(3), opened()
    pairing = Pairing(its[0], its)
    np.testing.assert_array_equal(network(pairing), network.run(pair_inputs(pairing, PEN.pair_layout)))


def test_no_pairs():
    assert opened().run(np.zeros((0, *PAIR_SHAPE), np.float32)).shape == (0,)


def test_the_input_is_rounded_as_every_other_reader_of_the_file_must():
    network, seen = opened(), []
    real = network._interpreter
    network._interpreter = SimpleNamespace(
        set_tensor=lambda _, value: seen.append(value.copy()), invoke=lambda: None, get_tensor=real.get_tensor
    )
    pairs = toy_pairs(1)
    network.run(pairs[1:2])
    tensor = toy_model(pair=True).manifest.tensors["pair_input"]
    expected = np.rint(pairs[1] / np.float32(tensor["scale"])) + tensor["zero_point"]
    assert seen[0].dtype == np.int8
    np.testing.assert_array_equal(seen[0][0], np.clip(expected, -128, 127))


def test_a_matcher_compares_by_it():
    model = toy_model(pair=True)
    matcher = Matcher.open(model, runtime="litert")
    probe = matcher.embed(signature(0))
    others = References.stack([matcher.embed(signature(writer, 1)) for writer in range(3)])
    found = matcher.distances(probe, others)
    said = opened().run(pair_inputs(Pairing(probe, others), PEN.pair_layout))
    np.testing.assert_allclose(found[:, matcher.cues.index(PAIR)], np.exp(said), rtol=1e-6)
    np.testing.assert_array_equal(
        found[:, matcher.cues.index(SERIES)], SERIES.measure(Pairing(probe, others))
    )


def test_threads_share_one():
    network, pairs = opened(), toy_pairs(4)
    expected, wrong = network.run(pairs), []

    def work(number):
        wrong.extend(
            turn for turn in range(20) if network.run(pairs[number : number + 1]) != expected[number]
        )

    in_threads(4, work)
    assert wrong == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_that_says_no_number_is_refused(value):
    with pytest.raises(MalformedModel, match="pair network yields a number that is not finite"):
        around(value).run(toy_pairs(1))


def test_one_that_fails_while_running():
    with pytest.raises(MalformedModel, match="the pair network cannot be run; received node 3"):
        around(error=RuntimeError("node 3")).run(toy_pairs(1))


@pytest.mark.parametrize(
    ("options", "name"),
    [({"shape": (128, 21)}, "pair_input"), ({"shape": (256, 22)}, "pair_input"), ({"outputs": 2}, "pair")],
)
def test_one_of_another_shape(options, name):
    with pytest.raises(MalformedModel, match=f"does not match its manifest: {name}; expected one tensor"):
        around(**options)


@pytest.mark.parametrize("keep", [1, 8, 100, 0.5, 0.9])
def test_a_truncated_one_in_a_sound_file(keep):
    data = toy_model(pair=True).pair_network
    model = with_pair_network(data[: keep if keep >= 1 else int(keep * len(data))])
    with pytest.raises(MalformedModel, match="refuses the network"):
        PairNetwork.open(model, runtime=Runtime.AUTO)


def test_another_network_in_its_place():
    with pytest.raises(MalformedModel, match="does not match its manifest: pair_input"):
        Matcher.open(with_pair_network(toy_model().network), runtime="litert")


@pytest.mark.parametrize(("whose", "words"), [(0, "refuses the network"), (1, "name is no text")])
def test_a_name_that_is_no_text(whose, words):
    """The input is named in the signature, and as a tensor."""
    name = opened()._interpreter.get_input_details()[0]["name"].encode()
    first, between, last = toy_model(pair=True).pair_network.split(name)
    names = [name, name]
    names[whose] = b"\xff" + name[1:]
    data = first + names[0] + between + names[1] + last
    with pytest.raises(MalformedModel, match=words):
        PairNetwork.open(with_pair_network(data), runtime=Runtime.AUTO)


def test_the_edge_tpu_runs_it_too(monkeypatch):
    taken = {}

    def interpreter(**options):
        taken.update(options)
        return Interpreter()

    monkeypatch.setattr(interpreters.ctypes, "CDLL", lambda _: None)
    monkeypatch.setattr("ai_edge_litert.interpreter.load_delegate", lambda library: f"delegate of {library}")
    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", interpreter)
    monkeypatch.setattr(Interpreter, "allocate_tensors", lambda _: None, raising=False)
    PairNetwork.open(toy_model(pair=True), runtime=Runtime.EDGETPU)
    assert taken["experimental_delegates"] == [f"delegate of {EDGETPU_LIBRARY}"]
    assert taken["model_content"] == toy_model(pair=True).pair_network


def test_a_library_that_is_not_there(monkeypatch):
    def load(name, *_):
        raise ModuleNotFoundError(name)

    model = toy_model(pair=True)
    monkeypatch.setattr(interpreters.importlib, "import_module", load)
    with pytest.raises(RuntimeUnavailable, match="no interpreter for the network"):
        PairNetwork.open(model, runtime=Runtime.AUTO)


def test_the_shape_is_that_of_the_modality():
    assert pair_shape(PEN) == (128, PEN.pair_layout.depth) == PAIR_SHAPE
