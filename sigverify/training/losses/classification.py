"""Classification of training writers, with a margin."""

from typing import Any

from sigverify.errors import ConfigError
from sigverify.training.backend import keras, ops
from sigverify.training.losses.pairs import masked_mean

Tensor = Any


class ClassificationLoss(keras.losses.Loss):
    """Tell the training writers apart by the vector, a margin better than needed.

    With c_j the cosine of a signature's vector and the direction learned for writer j (`WriterCosines`), y
    its own writer, s the scale and m the margin, a genuine signature costs

        -log( exp(s (c_y - m)) / (exp(s (c_y - m)) + sum over j != y of exp(s c_j)) )

    The mean is over the genuine signatures of training writers. Forgeries say nothing here, nor does a
    label beyond the writers known, which held-out writers have.

    Args:
        scale: s, above 0: a softmax of bare cosines is too flat to learn from.
        margin: m, 0 to below 1; 0 is the plain softmax of cosines.

    Source: F. Wang, J. Cheng, W. Liu, H. Liu, "Additive margin softmax for face verification", IEEE SPL
    2018, equation 6, with its s and m; the same in H. Wang et al., "CosFace", CVPR 2018, equation 4.
    """

    def __init__(self, *, scale: float = 30.0, margin: float = 0.35, name: str = "classification") -> None:
        """Check the settings; see the class."""
        super().__init__(name=name)
        if not (scale > 0 and 0 <= margin < 1):
            raise ConfigError(
                "classification loss settings out of range",
                expected="scale > 0, 0 <= margin < 1",
                received=f"{scale}, {margin}",
            )
        self.scale, self.margin = scale, margin

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss of a batch: labels `(n, 2)`, cosines `(n, w)`."""
        labels = ops.cast(y_true, "int32")
        cosines = ops.cast(y_pred, "float32")
        writers = cosines.shape[-1]
        counts = ops.logical_and(ops.equal(labels[:, 1], 1), labels[:, 0] < writers)
        own = ops.cast(ops.equal(labels[:, :1], ops.arange(writers, dtype="int32")), "float32")
        logits = self.scale * (cosines - self.margin * own)
        cost = ops.logsumexp(logits, axis=-1) - ops.sum(own * logits, axis=-1)
        return masked_mean(cost, counts)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"scale": self.scale, "margin": self.margin, "name": self.name}
