"""Triplets on the elastic distance between local sequences."""

from collections.abc import Callable
from itertools import combinations, permutations, product
from typing import Any, Final

import numpy as np

from sigverify.errors import ConfigError
from sigverify.training.backend import backend_name, keras, ops

Tensor = Any

FORMS: Final = ("logistic", "margin")

_UNREACHABLE: Final = -1e9
"""Stands for minus infinity: far below any sum of costs, and its differences are still finite in float32."""


def elastic_distance(a: Tensor, b: Tensor, *, band: int, gamma: float = 0.0) -> Tensor:
    """Elastic distance of each sequence of `a` to its partner in `b`: twice `(m, t, d)` to `(m,)`.

    The cost of frames i and j is the mean of |a_i - b_j| over `d`; a path goes from (0, 0) to (t-1, t-1) by
    steps of (1, 0), (0, 1) or (1, 1) within |i - j| <= `band`; its sum of costs is divided by t. With gamma
    0 the cheapest path counts (DTW); with gamma > 0 all do, through softmin_gamma(x) = -gamma log sum
    exp(-x / gamma) (soft-DTW), where gamma is in units of a frame's cost and a result may be below 0.

    The table is filled along its anti-diagonals, two of them a step, all pairs at once.

    Source: H. Sakoe, S. Chiba, 1978, symmetric form without slope constraint (band r = `band`);
    M. Cuturi, M. Blondel, "Soft-DTW", ICML 2017, equation 1 and algorithm 1.
    """
    frames = a.shape[1]
    scale = gamma if gamma > 0 else 1.0
    even, odd = (gains / scale for gains in _diagonals(a, b, min(band, frames - 1)))

    def best(*cells: Tensor) -> Tensor:
        stacked = ops.stack(cells)
        return ops.logsumexp(stacked, axis=0) if gamma > 0 else ops.max(stacked, axis=0)

    def step(
        carry: tuple[Tensor, Tensor], gains: tuple[Tensor, Tensor]
    ) -> tuple[tuple[Tensor, Tensor], None]:
        # One odd and one even anti-diagonal. A cell is entered from its two neighbors on the one before, and
        # by a diagonal step from the same offset two before.
        last_even, last_odd = carry
        edged = ops.pad(last_even, [[0, 0], [1, 1]], constant_values=_UNREACHABLE)
        now_odd = gains[1] + best(edged[:, :-1], edged[:, 1:], last_odd)
        now_even = gains[0] + best(now_odd[:, :-1], now_odd[:, 1:], last_even)
        return (now_even, now_odd), None

    # Anti-diagonal 0 is the corner alone; there is none before it.
    start = (even[0], ops.full_like(odd[0], _UNREACHABLE))
    last, _ = _fold(step, start, (even[1:], odd), frames - 1)
    # The last corner has offset 0, the middle of the last even anti-diagonal; the sign is turned back.
    return last[:, last.shape[1] // 2] * (-scale / frames)


def _fold(
    step: Callable[[tuple[Tensor, Tensor], tuple[Tensor, Tensor]], tuple[tuple[Tensor, Tensor], None]],
    carry: tuple[Tensor, Tensor],
    items: tuple[Tensor, Tensor],
    count: int,
) -> tuple[Tensor, Tensor]:
    """Run `step` over the first axis of both items and return the last carry.

    The same loop for each backend in the form that it compiles and differentiates well: jax cannot reverse a
    `while_loop`, XLA under tensorflow cannot size the lists of a `scan`, and torch, which compiles neither,
    pays for every slice with a gradient of the whole array unless the items come from one `unstack`.
    """
    if backend_name() == "jax":
        carry, _ = ops.scan(step, carry, items)
        return carry
    if backend_name() == "tensorflow":

        def body(index: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            now = tuple(ops.take(item, index, axis=0) for item in items)
            (one, other), _ = step((one, other), (now[0], now[1]))
            return index + 1, one, other

        _, *ended = ops.while_loop(
            lambda index, *_: index < count, body, (0, *carry), maximum_iterations=count
        )
        return ended[0], ended[1]
    for item in zip(*(ops.unstack(item, count, axis=0) for item in items), strict=True):
        carry, _ = step(carry, item)
    return carry


def _diagonals(a: Tensor, b: Tensor, band: int) -> tuple[Tensor, Tensor]:
    """Negated costs by anti-diagonal i + j and offset j - i: `(t, m, 2h + 1)` and `(t - 1, m, 2h + 2)`.

    On even diagonals only even offsets lie, -2h ... 2h, on odd ones odd offsets, -2h - 1 ... 2h + 1, where
    h = band // 2. Cells off the table or beyond the band are unreachable.
    """
    frames, half = a.shape[1], band // 2

    def column(offset: int, length: int) -> Tensor:
        """Negated costs of all cells with j - i = `offset`, by number of the anti-diagonal: `(m, length)`."""
        # A line parallel to the main diagonal: frame i of a beside frame i + offset of b, where both exist.
        skip_a, skip_b = max(0, -offset), max(0, offset)
        gap = ops.abs(a[:, skip_a : frames - skip_b] - b[:, skip_b : frames - skip_a])
        # Negated, since the fold looks for the largest sum.
        gain = -ops.mean(gap, axis=-1)
        # Its first cell lies on anti-diagonal |offset|, which is number |offset| // 2 of its parity; what is
        # before it and after its last cell is off the table.
        before = abs(offset) // 2
        after = length - before - (frames - abs(offset))
        return ops.pad(gain, [[0, 0], [before, after]], constant_values=_UNREACHABLE)

    # Anti-diagonals 0, 2 ... 2t - 2 are t in number, 1, 3 ... 2t - 3 are t - 1.
    even = [column(offset, frames) for offset in range(-2 * half, 2 * half + 1, 2)]
    # With an even band the outermost odd offsets lie beyond it: columns that no path can enter.
    wall = ops.full_like(even[0][:, 1:], _UNREACHABLE)
    odd = [
        column(offset, frames - 1) if abs(offset) <= band else wall
        for offset in range(-2 * half - 1, 2 * half + 2, 2)
    ]
    # Anti-diagonals first, pairs second: the fold runs over the first axis.
    even_first, odd_first = (ops.stack(columns, axis=2) for columns in (even, odd))
    return ops.transpose(even_first, (1, 0, 2)), ops.transpose(odd_first, (1, 0, 2))


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

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = "genuine skilled randoms stride band gamma margin tau form skilled_weight pull name"
        return {name: getattr(self, name) for name in names.split()}

    def _groups(self, sequences: Tensor, slots: int) -> Tensor:
        """Average `stride` frames into one and split by writer: `(p, slots, t', d)`."""
        frames, width = sequences.shape[1:]
        kept = frames // self.stride
        pooled = ops.reshape(sequences[:, : kept * self.stride], (-1, slots, kept, self.stride, width))
        return ops.mean(pooled, axis=3)

    def _distances(self, groups: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Distances and masks `(p, pairs)`: K(K-1)/2 genuine pairs, K F skilled ones, K R random ones."""
        frames, width = groups.shape[2:]
        genuine, forged = range(self.genuine), range(self.genuine, self.genuine + self.skilled)
        within = [*combinations(genuine, 2), *product(genuine, forged)]
        left = np.array([pair[0] for pair in within])
        right = np.array([pair[1] for pair in within])
        lefts, rights = [ops.take(groups, left, axis=1)], [ops.take(groups, right, axis=1)]
        masks = [
            _pair_mask(ops.take(labels, left, axis=1), ops.take(labels, right, axis=1), count=self._positives)
        ]
        if self.randoms:
            # Writer p meets the writers p + 1 ... p + R of the batch, circularly.
            owners = groups[:, : self.genuine]
            names = labels[:, : self.genuine]
            others = [ops.roll(owners, -shift, axis=0) for shift in range(1, self.randoms + 1)]
            other_names = [ops.roll(names, -shift, axis=0) for shift in range(1, self.randoms + 1)]
            partner = ops.stack(others, axis=2)
            partner_names = ops.stack(other_names, axis=2)
            anchor = ops.broadcast_to(owners[:, :, None], ops.shape(partner))
            anchor_names = ops.broadcast_to(names[:, :, None], ops.shape(partner_names))
            wide = self.genuine * self.randoms
            lefts.append(ops.reshape(anchor, (-1, wide, frames, width)))
            rights.append(ops.reshape(partner, (-1, wide, frames, width)))
            masks.append(_random_mask(anchor_names, partner_names, wide))
        a, b = (ops.reshape(ops.concatenate(side, axis=1), (-1, frames, width)) for side in (lefts, rights))
        band = max(1, round(self.band * frames))
        distances = elastic_distance(a, b, band=band, gamma=self.gamma)
        mask = ops.concatenate(masks, axis=1)
        return ops.reshape(distances, (-1, mask.shape[1])), mask

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


def _random_mask(left: Tensor, right: Tensor, wide: int) -> Tensor:
    """1.0 where both are genuine and of different writers."""
    other = ops.not_equal(left[..., 0], right[..., 0])
    genuine = ops.logical_and(ops.equal(left[..., 1], 1), ops.equal(right[..., 1], 1))
    return ops.reshape(ops.cast(ops.logical_and(other, genuine), "float32"), (-1, wide))


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the cells whose mask is 1; 0 where there is none."""
    mask = ops.broadcast_to(mask, ops.shape(values))
    return ops.sum(values * mask) / ops.maximum(ops.sum(mask), 1.0)
