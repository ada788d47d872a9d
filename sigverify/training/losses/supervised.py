"""Supervised contrastive loss on vectors."""

from typing import Any

from sigverify.errors import ConfigError
from sigverify.training.backend import keras, ops
from sigverify.training.losses.pairs import pair_masks

Tensor = Any

_TINY = 1e-12
"""Keeps a vector without length from becoming infinite."""
_FAR = -1e9
"""Stands for minus infinity: its exponential is 0 in float32, and differences are still finite."""


class SupervisedContrastiveLoss(keras.losses.Loss):
    """Of a genuine signature, make those of its writer the likeliest neighbors among the whole batch.

    With z the L2-normalized vectors, P(i) the other genuine signatures of the writer of i, and A(i) these,
    the forgeries of that writer and the genuine signatures of all others, a genuine signature i costs

        -1 / |P(i)| · sum_(p in P(i)) log(exp(z_i · z_p / tau) / sum_(a in A(i)) exp(z_i · z_a / tau))

    and the loss is the mean over those that have a P(i). It gains from large batches.

    Args:
        tau: temperature, above 0.

    Source: P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020, equation 2; forgeries are
    never anchors, and negatives of their own writer only.
    """

    def __init__(self, *, tau: float = 0.1, name: str = "supervised") -> None:
        """Check the settings; see the class."""
        super().__init__(name=name)
        if not tau > 0:
            raise ConfigError("tau out of range", expected="above 0", received=str(tau))
        self.tau = tau

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss of a batch: labels `(n, 2)`, vectors `(n, e)`."""
        vectors = ops.cast(y_pred, "float32")
        unit = vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + _TINY)
        logits = ops.matmul(unit, ops.transpose(unit)) / self.tau
        positive, skilled, random = pair_masks(y_true)
        met = ops.logical_or(positive, ops.logical_or(skilled, random))
        normalizer = ops.logsumexp(ops.where(met, logits, _FAR), axis=1, keepdims=True)
        count = ops.sum(ops.cast(positive, "float32"), axis=1)
        costs = ops.sum(ops.where(positive, normalizer - logits, 0.0), axis=1) / ops.maximum(count, 1.0)
        anchors = ops.cast(count > 0, "float32")
        return ops.sum(costs * anchors) / ops.maximum(ops.sum(anchors), 1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"tau": self.tau, "name": self.name}
