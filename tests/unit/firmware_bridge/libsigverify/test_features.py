import numpy as np
import pytest
from builders import signature
from hypothesis import example, given
from hypothesis import strategies as st

from sigverify import Signature
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import ConfigError, InvalidSignature
from sigverify.modality.pen.features import features
from sigverify.runtime.embedder import Embedder

TOLERANCE = 1e-5
"""The contract. On x86-64 the numbers are equal to the last bit; another libm or another numpy may round."""


@pytest.fixture(scope="module")
def signatures():
    corpus = synthesize(SyntheticConfig(writers=4, genuine=4, skilled=2, seed=3))
    return [sample.capture for sample in corpus.samples] + [signature(writer) for writer in range(8)]


def test_features_are_those_of_python(library, signatures):
    for its in signatures:
        np.testing.assert_allclose(library.features(its), features(its), atol=TOLERANCE, rtol=0)


def test_the_bytes_given_to_the_network_are_equal(native_model, library, base, signatures):
    embedder = Embedder.open(base)
    for its in signatures:
        embedder._input.to_stored(features(its), embedder._scratch, embedder._stored[0])
        assert native_model.quantize(library.features(its)) == embedder._stored.tobytes()


messy_times = st.lists(
    st.one_of(st.floats(-300, 300), st.just(0.0), st.just(1e-300), st.just(1e6)), min_size=12, max_size=60
)


@example([1e-310] * 12, 0, True, True)
@example([1e-7, 1e-6] * 8, 0, False, False)
@given(messy_times, st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_a_devices_mess_is_repaired_alike(library, steps, seed, pressed, lifted):
    rng = np.random.default_rng(seed)
    count = len(steps)
    its = Signature(
        rng.integers(-50, 50, count),
        rng.integers(-50, 50, count) + np.arange(count),
        np.cumsum(steps) + 1e12 * (seed % 2),
        rng.integers(0, 3, count) if pressed else None,
        np.arange(count) % 5 > 0 if lifted else None,
    )
    np.testing.assert_allclose(library.features(its), features(its), atol=TOLERANCE, rtol=0)


def test_a_signature_without_pressure_or_lifts(library):
    its = signature()
    plain = Signature(its.x, its.y, its.time_ms)
    np.testing.assert_allclose(library.features(plain), features(plain), atol=TOLERANCE, rtol=0)


def broken(**changes):
    """A signature's arrays with some of them spoilt, as only C can be given them."""
    its = signature(samples=40)
    arrays = {name: np.array(getattr(its, name)) for name in ("x", "y", "time_ms", "pressure")}
    arrays["pen_down"] = its.ink.astype(np.uint8)
    for name, (index, value) in changes.items():
        arrays[name][index] = value
    return arrays


@pytest.mark.parametrize(
    "arrays",
    [
        broken(x=(3, np.nan)),
        broken(y=(0, np.inf)),
        broken(x=(5, 1e10)),
        broken(time_ms=(9, 1e21)),
        broken(pressure=(2, -1.0)),
        broken(pen_down=(slice(None), 0)),
        broken(pen_down=(4, 2)),
        broken(x=(slice(None), 1.0), y=(slice(None), 2.0)),
    ],
)
def test_what_python_refuses_c_refuses(library, arrays):
    pen_down = arrays["pen_down"]
    with pytest.raises(InvalidSignature):
        Signature(*(arrays[name] for name in ("x", "y", "time_ms", "pressure")), pen_down)

    class Unchecked:
        ink = pen_down
        x, y, time_ms, pressure = (arrays[name] for name in ("x", "y", "time_ms", "pressure"))

        def __len__(self):
            return len(self.x)

    with pytest.raises(InvalidSignature):
        library.features(Unchecked())


def test_a_missing_argument_is_an_error_and_no_crash(library):
    with pytest.raises(ConfigError):
        library.call("sv_features", library.ffi.NULL, library.ffi.NULL)
