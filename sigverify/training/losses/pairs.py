"""Which signatures of a batch meet: shared by the losses on vectors."""

from typing import Any

from sigverify.training.backend import ops

Tensor = Any

_TINY = 1e-12
"""Keeps square roots away from 0, where their slope is infinite; 1e-6 in distance."""


def pair_masks(y_true: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Masks `(n, n)` bool from labels `(n, 2)` [writer, genuine]: row is the anchor, column the other.

    Returns genuine pairs (one writer, both genuine, not the same signature), skilled pairs (a genuine
    anchor and a forgery of its writer) and random pairs (genuine signatures of two writers). Forgeries are
    never anchors; a forgery and a signature of another writer than the one it imitates say nothing to each
    other.
    """
    labels = ops.cast(y_true, "int32")
    writer, genuine = labels[:, 0], ops.equal(labels[:, 1], 1)
    same = ops.equal(writer[:, None], writer[None, :])
    anchor, other = genuine[:, None], genuine[None, :]
    both = ops.logical_and(anchor, other)
    order = ops.arange(ops.shape(labels)[0])
    distinct = ops.not_equal(order[:, None], order[None, :])
    positive = ops.logical_and(ops.logical_and(same, both), distinct)
    skilled = ops.logical_and(ops.logical_and(same, anchor), ops.logical_not(other))
    random = ops.logical_and(ops.logical_not(same), both)
    return positive, skilled, random


def pair_distances(y_pred: Tensor) -> Tensor:
    """Euclidean distances `(n, n)` between L2-normalized vectors `(n, e)`, 0 to 2.

    From differences, not as sqrt(2 - 2 cos): near 0 that loses half the digits, and on a GPU, whose products
    keep 10 bits, nearly all of them.
    """
    vectors = ops.cast(y_pred, "float32")
    unit = vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + _TINY)
    return ops.sqrt(ops.sum(ops.square(unit[:, None] - unit[None, :]), axis=-1) + _TINY)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask` is true; 0 where it nowhere is."""
    weights = ops.cast(mask, "float32")
    return ops.sum(ops.where(mask, values, 0.0)) / ops.maximum(ops.sum(weights), 1.0)
