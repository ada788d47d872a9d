"""Synthetic traces: sums of sines, one set of them a writer; forgeries keep the shape and lose the timing."""

import numpy as np
import pytest

from sigverify.modality.pen.features import FRAMES
from sigverify.training import TraceSet
from sigverify.training.backend import backend_name


def draw_writer(rng, genuine, skilled):
    time = np.linspace(0, 1, FRAMES)
    pace, phase, size = (
        rng.uniform(1, 6, (2, 3, 1)),
        rng.uniform(0, 6, (2, 3, 1)),
        rng.uniform(0.3, 1, (2, 3, 1)),
    )
    traces = []
    for number in range(genuine + skilled):
        wander = 0.005 if number < genuine else 0.05
        warped = time + wander * np.sin(np.pi * time * rng.integers(1, 4))
        x, y = (
            size * np.sin(2 * np.pi * pace * warped + phase + wander * rng.standard_normal((2, 3, 1)))
        ).sum(1)
        pressure = 0.5 + 0.4 * np.sin(2 * np.pi * pace[0, 0] * warped)
        xy = np.stack([x - x.mean(), y - y.mean()], 1)
        xy /= np.sqrt((xy**2).sum(1).mean())
        ink = np.ones(FRAMES)
        ink[100:104] = 0
        traces.append(np.column_stack([xy, pressure, ink]))
    return traces


@pytest.fixture(scope="session")
def make_traces():
    def make(writers=6, genuine=4, skilled=3, *, seed=0, name="toy"):
        rng = np.random.default_rng(seed)
        traces = np.concatenate([draw_writer(rng, genuine, skilled) for _ in range(writers)])
        return TraceSet(
            name=name,
            traces=traces,
            extent=np.full(len(traces), 1500.0),
            writer=np.repeat([f"w{number:03d}" for number in range(writers)], genuine + skilled),
            genuine=np.tile(np.arange(genuine + skilled) < genuine, writers),
            licence_note=f"terms of {name}",
        )

    return make


@pytest.fixture(scope="session")
def traces(make_traces):
    return make_traces()


@pytest.fixture(scope="module")
def without_graphs():
    """Compute each step as it comes: to make a graph of it takes longer than the few steps of a test.

    Of tensorflow; on another backend the tests of the file run as they are.
    """
    yield from _in_graphs(is_wanted=False)


@pytest.fixture
def with_graphs(without_graphs):  # noqa: ARG001 - which comes before it
    """Compute as users do, in graphs."""
    yield from _in_graphs(is_wanted=True)


def _in_graphs(*, is_wanted):
    if backend_name() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(not is_wanted)
    yield
    tf.config.run_functions_eagerly(is_wanted)
