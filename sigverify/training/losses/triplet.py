"""Triplet loss on vectors, with hard or semi-hard negatives."""

from typing import Any, Final

from sigverify.errors import ConfigError
from sigverify.training.backend import keras, ops
from sigverify.training.losses.pairs import masked_mean, pair_distances, pair_masks

Tensor = Any

MINING: Final = ("batch-hard", "semi-hard")

_FAR: Final = 4.0
"""Beyond any distance of unit vectors, which is at most 2."""


class TripletLoss(keras.losses.Loss):
    """Bring another genuine signature of the writer closer than any impostor: max(0, d_ap - d_an + margin).

    d is the distance of L2-normalized vectors (0 to 2). Anchors a are genuine; negatives are forgeries of
    the writer and genuine signatures of others.

    - ``batch-hard``: for every anchor the farthest positive and the nearest negative.
    - ``semi-hard``: for every anchor and positive the nearest negative that is farther than the positive,
      or, where all are nearer, the farthest of them.

    The mean is over the anchors (or anchor-positive pairs) that have both a positive and a negative.

    Args:
        margin: at least 0; 0.3 is about 17 degrees at right angles.
        mining: "batch-hard" or "semi-hard".

    Source: batch-hard: A. Hermans, L. Beyer, B. Leibe, "In defense of the triplet loss", 2017, equation 5;
    semi-hard: F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015, equation 4, on distances not
    squared.
    """

    def __init__(self, *, margin: float = 0.3, mining: str = "batch-hard", name: str = "triplet") -> None:
        """Check the settings; see the class."""
        super().__init__(name=name)
        if not 0 <= margin <= 2:
            raise ConfigError("triplet margin out of range", expected="0 to 2", received=str(margin))
        if mining not in MINING:
            raise ConfigError("unknown mining of triplets", expected=" or ".join(MINING), received=mining)
        self.margin, self.mining = margin, mining

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss of a batch: labels `(n, 2)`, vectors `(n, e)`."""
        distances = pair_distances(y_pred)
        positive, skilled, random = pair_masks(y_true)
        negative = ops.logical_or(skilled, random)
        select = _batch_hard if self.mining == "batch-hard" else _semi_hard
        near, far, valid = select(distances, positive, negative)
        return masked_mean(ops.relu(far - near + self.margin), valid)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"margin": self.margin, "mining": self.mining, "name": self.name}


def _batch_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return nearest negative, farthest positive and validity, `(n,)` each."""
    far = ops.max(ops.where(positive, distances, 0.0), axis=1)
    near = ops.min(ops.where(negative, distances, _FAR), axis=1)
    return near, far, ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))


def _semi_hard(distances: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mined negative, positive and validity, `(n, n)` each: rows anchors, columns positives."""
    farther = ops.logical_and(negative[:, None, :], distances[:, None, :] > distances[:, :, None])
    nearest_beyond = ops.min(ops.where(farther, distances[:, None, :], _FAR), axis=2)
    farthest = ops.max(ops.where(negative, distances, 0.0), axis=1, keepdims=True)
    near = ops.where(ops.any(farther, axis=2), nearest_beyond, farthest)
    return near, distances, ops.logical_and(positive, ops.any(negative, axis=1, keepdims=True))
