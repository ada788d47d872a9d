import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_dtw import soft_distance

from sigverify.training.backend import backend_name, ops
from sigverify.training.losses.elastic_distance import elastic_distance


def sequences(count, frames=10, width=3, seed=0):
    return np.tanh(np.random.default_rng(seed).normal(size=(count, frames, width))).astype(np.float32)


def gradients(function, *inputs):
    """Slopes of a number by each of the inputs."""
    if backend_name() == "jax":
        import jax

        return jax.grad(function, argnums=tuple(range(len(inputs))))(*map(ops.array, inputs))
    if backend_name() == "torch":
        import torch

        tensors = [torch.tensor(each, requires_grad=True) for each in inputs]
        function(*tensors).backward()
        return [each.grad.numpy() for each in tensors]
    import tensorflow as tf

    tensors = [tf.constant(each) for each in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return [each.numpy() for each in tape.gradient(value, tensors)]


@pytest.mark.parametrize("band", [0, 1, 3, 9])
@pytest.mark.parametrize("gamma", [0.0, 0.02, 0.5])
def test_distance_equals_plain_loops(band, gamma):
    a, b = sequences(5), sequences(5, seed=1)
    found = ops.convert_to_numpy(elastic_distance(ops.array(a), ops.array(b), band=band, gamma=gamma))
    expected = [soft_distance(*pair, band, gamma) for pair in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), frames=st.integers(2, 8))
def test_distance_is_symmetric_zero_on_itself_and_below_the_diagonal(seed, frames):
    a, b = (ops.array(sequences(3, frames, seed=seed + n)) for n in range(2))
    there, back = (ops.convert_to_numpy(elastic_distance(*pair, band=2)) for pair in ((a, b), (b, a)))
    np.testing.assert_allclose(there, back, atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(elastic_distance(a, a, band=2)), 0, atol=1e-7)
    assert (there <= ops.convert_to_numpy(ops.mean(ops.abs(a - b), axis=(1, 2))) + 1e-6).all()


def test_a_delayed_copy_costs_only_its_ends():
    time = np.linspace(0, 3, 40)
    a, b = (np.sin(2 * time + delay)[None, :, None].astype(np.float32) for delay in (0.0, 0.3))
    warped, unwarped = (float(elastic_distance(ops.array(a), ops.array(b), band=band)[0]) for band in (6, 0))
    assert warped < unwarped / 4


@pytest.mark.parametrize("band", [0, 1, 2, 7])
@pytest.mark.parametrize("gamma", [0.0, 0.02, 0.5])
def test_gradients_equal_differences(band, gamma):
    """In single precision against quotients of plain loops in double precision."""
    frames, width, step = 7, 2, 1e-6
    pairs = [sequences(3, frames, width, seed).astype(np.float64) for seed in range(2)]
    upstream = np.array([1.0, -2.0, 0.5], np.float32)

    def total(a, b):
        return ops.sum(elastic_distance(a, b, band=band, gamma=gamma) * upstream)

    found = gradients(total, *(each.astype(np.float32) for each in pairs))
    for side, slopes in enumerate(found):
        for pair, frame, channel in np.ndindex(3, frames, width):
            at = [[each[pair].copy() for each in pairs] for _ in range(2)]
            at[0][side][frame, channel] += step
            at[1][side][frame, channel] -= step
            up, down = (soft_distance(*each, band, gamma) for each in at)
            expected = upstream[pair] * (up - down) / (2 * step)
            assert slopes[pair, frame, channel] == pytest.approx(expected, abs=1e-5)


def test_equally_cheap_paths_share_the_gradient():
    """Straight on or around the middle costs 10, and every such path has one cell of frame 1."""
    a, b = (np.array([[[0.0], [peak], [0.0]]], np.float32) for peak in (5.0, -5.0))
    slopes = gradients(lambda a, b: ops.sum(elastic_distance(a, b, band=2)), a, b)
    # Each path counts by its share, so that together they count once; a distance is a third of its sum.
    assert slopes[0][0, 1, 0] == pytest.approx(1 / 3)
    assert slopes[1][0, 1, 0] == pytest.approx(-1 / 3)
