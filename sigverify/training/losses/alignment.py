"""Triplets on the elastic distance between local sequences."""

from itertools import combinations, permutations, product
from typing import Any, Final

import numpy as np

from sigverify.errors import ConfigError
from sigverify.training.backend import keras, ops
from sigverify.training.losses.elastic_distance import pairs_last_distance

Tensor = Any

FORMS: Final = ("logistic", "margin")


class AlignmentLoss(keras.losses.Loss):
    """Triplets of local sequences `(n, t, d)` under `elastic_distance` D.

    For a genuine anchor a, another genuine p of its writer and a negative f, with x = D(a, p) - D(a, f) +
    margin:

    - ``logistic``: tau log(1 + exp(x / tau)); always some pull, less and less of it;
    - ``margin``: max(0, x).

    Negatives are the skilled forgeries of the writer, and `randoms` genuine signatures of other writers in
    the batch. The two kinds are averaged apart and weighed `skilled_weight` to 1 - `skilled_weight`, over
    those present; `pull` x mean D(a, p) is added, which keeps genuine distances alike over writers, as one
    global threshold wants. Forgeries are never anchors and never meet each other.

    A batch must be laid out writer by writer: `genuine` genuine signatures, then `skilled` slots. Labels
    `(n, 2)` int [writer, 1 genuine / 0 forgery] then only mask: a slot whose label says otherwise does not
    count.

    Args:
        genuine, skilled: slots a writer has in the batch, K >= 2 and F >= 0.
        randoms: genuine signatures of other writers each anchor meets.
        stride: frames averaged into one before warping, to save time.
        band: half width of the warping band, as a share of the length.
        gamma: softness of the minimum in units of a frame's cost; 0 is hard.
        margin: in units of D, which lies between 0 and about 2.
        tau: temperature of the logistic form, in units of D.
        form: "logistic" or "margin".

    Source: triplets: F. Schroff et al., "FaceNet", CVPR 2015, equation 1; on soft-DTW for signatures: J.
    Jiang et al., "DsDTW", IEEE TIFS 2022; logistic form: A. Hermans et al., 2017, section 2 ("soft
    margin").
    """

    def __init__(
        self,
        *,
        genuine: int,
        skilled: int,
        randoms: int = 1,
        stride: int = 2,
        band: float = 0.2,
        gamma: float = 0.02,
        margin: float = 0.05,
        tau: float = 0.05,
        form: str = "logistic",
        skilled_weight: float = 0.7,
        pull: float = 0.1,
        name: str = "alignment",
    ) -> None:
        """Check the settings; see the class."""
        super().__init__(name=name)
        if genuine < 2 or skilled < 0 or randoms < 0 or stride < 1:
            raise ConfigError(
                "an alignment loss without pairs",
                expected="genuine >= 2, skilled >= 0, randoms >= 0, stride >= 1",
                received=f"{genuine}, {skilled}, {randoms}, {stride}",
            )
        if form not in FORMS:
            raise ConfigError(
                "unknown form of the alignment loss", expected=" or ".join(FORMS), received=form
            )
        if not (0 < band <= 1 and gamma >= 0 and tau > 0 and 0 <= skilled_weight <= 1 and pull >= 0):
            raise ConfigError(
                "alignment loss settings out of range",
                expected="0 < band <= 1, gamma >= 0, tau > 0, 0 <= skilled_weight <= 1, pull >= 0",
                received=f"{band}, {gamma}, {tau}, {skilled_weight}, {pull}",
            )
        self.genuine, self.skilled, self.randoms, self.stride = genuine, skilled, randoms, stride
        self.band, self.gamma, self.margin, self.tau, self.form = band, gamma, margin, tau, form
        self.skilled_weight, self.pull = skilled_weight, pull

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the scalar loss of a batch: labels `(n, 2)`, sequences `(n, t, d)`."""
        # Distances of all pairs in one call: genuine pairs, then genuine x skilled, then genuine x random.
        slots = self.genuine + self.skilled
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, slots, 2))
        groups = self._groups(ops.cast(y_pred, "float32"), slots)
        distances, valid = self._distances(groups, labels)
        pairs = list(combinations(range(self.genuine), 2))
        count = len(pairs)
        crossings = self.genuine * self.skilled
        # A pair {a, p} gives two triplets, with either as anchor.
        ordered = list(permutations(range(self.genuine), 2))
        of_pair = np.array([pairs.index((min(pair), max(pair))) for pair in ordered])
        anchors = np.array([anchor for anchor, _ in ordered])
        positive = ops.take(distances[:, :count], of_pair, axis=1)[..., None]
        positive_valid = ops.take(valid[:, :count], of_pair, axis=1)[..., None]
        terms, weights = [], []
        for start, width, weight in (
            (count, self.skilled, self.skilled_weight),
            (count + crossings, self.randoms, 1 - self.skilled_weight),
        ):
            if not width or not weight:
                continue
            # Every anchor with each of its negatives: (writers, ordered pairs, negatives).
            cells = slice(start, start + self.genuine * width)
            shape = (-1, self.genuine, width)
            negative = ops.take(ops.reshape(distances[:, cells], shape), anchors, axis=1)
            mask = positive_valid * ops.take(ops.reshape(valid[:, cells], shape), anchors, axis=1)
            terms.append(_masked_mean(self._penalty(positive - negative + self.margin), mask))
            # A kind of which the batch has none does not count.
            weights.append(weight * ops.cast(ops.any(mask > 0), "float32"))
        loss = self.pull * _masked_mean(distances[:, :count], valid[:, :count])
        if terms:
            total = sum(term * weight for term, weight in zip(terms, weights, strict=True))
            loss = loss + total / ops.maximum(sum(weights), 1e-6)
        return loss

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance of each pair of sequences: twice `(d, t', m)` to `(m,)`."""
        return pairs_last_distance(a, b, band=max(1, round(self.band * a.shape[1])), gamma=self.gamma)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = "genuine skilled randoms stride band gamma margin tau form skilled_weight pull name"
        return {name: getattr(self, name) for name in names.split()}

    def _groups(self, sequences: Tensor, slots: int) -> Tensor:
        """Average `stride` frames into one and split by writer: `(d, t', slots, p)`."""
        frames, width = sequences.shape[1:]
        kept = frames // self.stride
        pooled = ops.reshape(sequences[:, : kept * self.stride], (-1, slots, kept, self.stride, width))
        # Turned here: there are several times as many pairs as signatures.
        return ops.transpose(ops.mean(pooled, axis=3), (3, 2, 1, 0))

    def _distances(self, groups: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Distances and masks `(p, pairs)`: K(K-1)/2 genuine pairs, K F skilled ones, K R random ones."""
        width, frames = groups.shape[:2]
        genuine, forged = range(self.genuine), range(self.genuine, self.genuine + self.skilled)
        within = [*combinations(genuine, 2), *product(genuine, forged)]
        left = np.array([pair[0] for pair in within])
        right = np.array([pair[1] for pair in within])
        lefts, rights = [ops.take(groups, left, axis=2)], [ops.take(groups, right, axis=2)]
        masks = [
            _pair_mask(ops.take(labels, left, axis=1), ops.take(labels, right, axis=1), count=self._positives)
        ]
        if self.randoms:
            # Writer p meets the writers p + 1 ... p + R of the batch, circularly.
            wide = self.genuine * self.randoms
            anchors = np.repeat(np.arange(self.genuine), self.randoms)
            shifts = range(1, self.randoms + 1)
            owners, names = groups[:, :, : self.genuine], labels[:, : self.genuine]
            partners = ops.stack([ops.roll(owners, -shift, axis=3) for shift in shifts], axis=3)
            partner_names = ops.stack([ops.roll(names, -shift, axis=0) for shift in shifts], axis=2)
            lefts.append(ops.take(groups, anchors, axis=2))
            rights.append(ops.reshape(partners, (width, frames, wide, -1)))
            masks.append(
                _random_mask(ops.take(labels, anchors, axis=1), ops.reshape(partner_names, (-1, wide, 2)))
            )
        mask = ops.concatenate(masks, axis=1)
        a, b = (ops.reshape(ops.concatenate(side, axis=2), (width, frames, -1)) for side in (lefts, rights))
        return ops.transpose(ops.reshape(self.distance(a, b), (mask.shape[1], -1))), mask

    @property
    def _positives(self) -> int:
        return self.genuine * (self.genuine - 1) // 2

    def _penalty(self, excess: Tensor) -> Tensor:
        if self.form == "margin":
            return ops.relu(excess)
        return self.tau * ops.softplus(excess / self.tau)


def _pair_mask(left: Tensor, right: Tensor, *, count: int) -> Tensor:
    """1.0 for one writer, the first genuine, and the second so in the first `count` columns only."""
    second = np.array([1] * count + [0] * (left.shape[1] - count), np.int32)
    same = ops.equal(left[..., 0], right[..., 0])
    fits = ops.logical_and(ops.equal(left[..., 1], 1), ops.equal(right[..., 1], second))
    return ops.cast(ops.logical_and(same, fits), "float32")


def _random_mask(left: Tensor, right: Tensor) -> Tensor:
    """1.0 where both are genuine and of different writers."""
    other = ops.not_equal(left[..., 0], right[..., 0])
    genuine = ops.logical_and(ops.equal(left[..., 1], 1), ops.equal(right[..., 1], 1))
    return ops.cast(ops.logical_and(other, genuine), "float32")


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the cells whose mask is 1; 0 where there is none."""
    mask = ops.broadcast_to(mask, ops.shape(values))
    return ops.sum(values * mask) / ops.maximum(ops.sum(mask), 1.0)
