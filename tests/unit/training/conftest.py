"""Synthetic traces: sums of sines, one set of them a writer; forgeries keep the shape and lose the timing."""

import numpy as np
import pytest

from sigverify.modality.pen.features import FRAMES
from sigverify.training import TraceSet


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
