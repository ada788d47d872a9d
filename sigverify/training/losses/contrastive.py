"""Contrastive loss on pairs of vectors."""

from typing import Any

from sigverify.errors import ConfigError
from sigverify.training.backend import keras, ops
from sigverify.training.losses.pairs import masked_mean, pair_distances, pair_masks

Tensor = Any


class ContrastiveLoss(keras.losses.Loss):
    """Pull the pairs of one writer together, push all others beyond the margin.

    With d the distance of two L2-normalized vectors (0 to 2), a pair costs

    - d^2 for two genuine signatures of one writer,
    - max(0, margin - d)^2 for a genuine signature and a forgery of it, or of two writers.

    Pairs are averaged by kind (genuine, skilled, random), and the kinds present weighed 1, `skilled_weight`
    and 1 - `skilled_weight`, the weights scaled to sum to 1: a batch holds far more random pairs than
    others.

    Args:
        margin: distance beyond which an impostor costs nothing, above 0, at most 2.
        skilled_weight: share of skilled against random forgeries, 0 to 1.

    Source: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality reduction by learning an invariant mapping",
    CVPR 2006, equation 4, without its factors 1/2.
    """

    def __init__(
        self, *, margin: float = 1.0, skilled_weight: float = 0.5, name: str = "contrastive"
    ) -> None:
        """Check the settings; see the class."""
        super().__init__(name=name)
        if not (0 < margin <= 2 and 0 <= skilled_weight <= 1):
            raise ConfigError(
                "contrastive loss settings out of range",
                expected="0 < margin <= 2, 0 <= skilled_weight <= 1",
                received=f"{margin}, {skilled_weight}",
            )
        self.margin, self.skilled_weight = margin, skilled_weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss of a batch: labels `(n, 2)`, vectors `(n, e)`."""
        distances = pair_distances(y_pred)
        positive, skilled, random = pair_masks(y_true)
        push = ops.square(ops.relu(self.margin - distances))
        kinds = (
            (1.0, ops.square(distances), positive),
            (self.skilled_weight, push, skilled),
            (1 - self.skilled_weight, push, random),
        )
        weights = [weight * ops.cast(ops.any(mask), "float32") for weight, _, mask in kinds]
        total = sum(w * masked_mean(cost, mask) for w, (_, cost, mask) in zip(weights, kinds, strict=True))
        return total / ops.maximum(sum(weights), 1e-6)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"margin": self.margin, "skilled_weight": self.skilled_weight, "name": self.name}
