"""`Validator`: equal error rates on held-out writers after an epoch."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sigverify.arrays import Float32Array, IntArray, RealArray
from sigverify.errors import CorpusError
from sigverify.metrics.eer import crossing
from sigverify.metrics.normalized_distance import normalized_distance
from sigverify.modality.registry import find_modality
from sigverify.training.config import ValidationConfig
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.elastic import pair_distances

EMBED_BATCH: Final = 256
_FLOOR: Final = 1e-6


@dataclass(frozen=True)
class _Claim:
    """One writer's rows; `random` holds one genuine probe of each other writer."""

    references: IntArray
    genuine: IntArray
    skilled: IntArray
    random: IntArray


class Validator:
    """Scores a network on fixed trials of held-out writers.

    The first R genuine signatures of a writer are references, the rest are probes.

    `__call__` returns equal error rates, 0 to 1, all with one threshold over all writers:

    - ``val_eer_sequence``, ``val_eer_vector``: skilled forgeries against R references, by the
      `normalized_distance`;
    - ``val_eer_sequence_1``, ``val_eer_vector_1``: skilled, every single reference a trial of its own;
    - ``val_eer_random``: random forgeries against R references, by the vector; not for a single writer;
    - ``val_eer``: the mean of the two of the sequence, or of the vector where there is no sequence.

    Without skilled forgeries among the held-out, random ones stand in.

    Raises:
        CorpusError: no writer with enough genuine signatures.
    """

    def __init__(self, held_out: TraceSet, config: ValidationConfig) -> None:
        """Choose the trials and encode their signatures once."""
        self.references = config.references
        rows, self._claims = _trials(held_out, config)
        self.traces = held_out.take(rows)
        self.features = find_modality(held_out.modality).encode(self.traces.traces)

    @property
    def writers(self) -> int:
        """Writers scored."""
        return len(self._claims)

    @property
    def trials(self) -> dict[str, int]:
        """Writers, references, and how many probes of each kind are tried."""
        kinds = ("genuine", "skilled", "random")
        counts = {kind: sum(len(getattr(claim, kind)) for claim in self._claims) for kind in kinds}
        return {"writers": self.writers, "references": self.references, **counts}

    def __call__(self, network: Any) -> dict[str, float]:
        """Score `network`, a keras model from features to "vector" and perhaps "sequence"."""
        outputs = network.predict(self.features, batch_size=EMBED_BATCH, verbose=0)
        vectors = np.asarray(outputs["vector"], np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + _FLOOR
        metrics = self._rates("vector", _Pairs.of_vectors(vectors))
        if len(self._claims) > 1:
            metrics["val_eer_random"] = self._rate(_Pairs.of_vectors(vectors), "random")
        if "sequence" in outputs:
            metrics |= self._rates(
                "sequence", self._sequence_pairs(np.asarray(outputs["sequence"], np.float32))
            )
        cue = "sequence" if "sequence" in outputs else "vector"
        metrics["val_eer"] = (metrics[f"val_eer_{cue}"] + metrics[f"val_eer_{cue}_1"]) / 2
        return metrics

    @property
    def _kind(self) -> str:
        return "skilled" if any(len(claim.skilled) for claim in self._claims) else "random"

    def _rates(self, cue: str, pairs: "_Pairs") -> dict[str, float]:
        kind = self._kind
        return {
            f"val_eer_{cue}": self._rate(pairs, kind),
            f"val_eer_{cue}_1": self._single_rate(pairs, kind),
        }

    def _rate(self, pairs: "_Pairs", kind: str) -> float:
        """Equal error rate against all references of a writer."""
        genuine: list[RealArray] = []
        impostor: list[RealArray] = []
        for claim in self._claims:
            spread = pairs.between(claim.references, claim.references)
            genuine.append(normalized_distance(pairs.between(claim.genuine, claim.references), spread))
            impostor.append(
                normalized_distance(pairs.between(getattr(claim, kind), claim.references), spread)
            )
        return equal_error_rate(np.concatenate(genuine), np.concatenate(impostor))

    def _single_rate(self, pairs: "_Pairs", kind: str) -> float:
        """Equal error rate against single references, raw distances."""
        genuine = [pairs.between(claim.genuine, claim.references).ravel() for claim in self._claims]
        impostor = [pairs.between(getattr(claim, kind), claim.references).ravel() for claim in self._claims]
        return equal_error_rate(np.concatenate(genuine), np.concatenate(impostor))

    def _sequence_pairs(self, sequences: Float32Array) -> "_Pairs":
        kind = self._kind
        needed = []
        for claim in self._claims:
            probes = np.concatenate([claim.references, claim.genuine, getattr(claim, kind)])
            needed.append(
                np.stack(np.meshgrid(probes, claim.references, indexing="ij"), axis=-1).reshape(-1, 2)
            )
        pairs = np.unique(np.sort(np.concatenate(needed), axis=1), axis=0)
        table = np.full((len(sequences), len(sequences)), np.nan, np.float32)
        distances = pair_distances(sequences, pairs)
        table[pairs[:, 0], pairs[:, 1]] = distances
        table[pairs[:, 1], pairs[:, 0]] = distances
        return _Pairs(table)


@dataclass(frozen=True)
class _Pairs:
    """Distances between any two rows."""

    table: RealArray

    @classmethod
    def of_vectors(cls, unit: Float32Array) -> "_Pairs":
        return cls(np.sqrt(np.maximum(2 - 2 * unit @ unit.T, 0)))

    def between(self, rows: IntArray, columns: IntArray) -> RealArray:
        return np.asarray(self.table[np.ix_(rows, columns)])


def equal_error_rate(genuine: RealArray, impostor: RealArray) -> float:
    """Equal error rate of distances, 0 to 1: `metrics.eer` of their negatives, but without scikit-learn.

    A machine that only trains need not have that. Without trials of one kind 0.5.
    """
    if not len(genuine) or not len(impostor):
        return 0.5
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    matched = np.searchsorted(np.sort(impostor), thresholds, side="right") / len(impostor)
    missed = 1 - np.searchsorted(np.sort(genuine), thresholds, side="right") / len(genuine)
    return float(crossing(np.concatenate([[0.0], matched]), np.concatenate([[1.0], missed])))


def _trials(held_out: TraceSet, config: ValidationConfig) -> tuple[IntArray, list[_Claim]]:
    """Choose rows of `held_out`, and the claims in terms of positions among them."""
    index = held_out.writer_index
    able = [
        writer
        for writer in range(len(held_out.writers))
        if np.count_nonzero(held_out.genuine & (index == writer)) > config.references
    ]
    if not able:
        raise CorpusError(
            "no held-out writer can be validated on",
            expected=f"more than {config.references} genuine signatures of a writer",
            hint="Lower [validation] references, or hold out more writers",
        )
    # Spread evenly over the writers, which stand in the order of their names, and so over the corpora.
    picked = [
        able[n] for n in np.unique(np.linspace(0, len(able) - 1, min(config.writers, len(able))).astype(int))
    ]
    rows: list[int] = []
    parts: list[tuple[IntArray, IntArray]] = []
    for writer in picked:
        genuine = np.flatnonzero(held_out.genuine & (index == writer))[: config.genuine]
        skilled = np.flatnonzero(~held_out.genuine & (index == writer))[: config.skilled]
        start = len(rows)
        rows += [*genuine.tolist(), *skilled.tolist()]
        parts.append((start + np.arange(len(genuine)), start + len(genuine) + np.arange(len(skilled))))
    first_probes = np.array([genuine[config.references] for genuine, _ in parts])
    claims = [
        _Claim(
            references=genuine[: config.references],
            genuine=genuine[config.references :],
            skilled=skilled,
            random=np.delete(first_probes, number),
        )
        for number, (genuine, skilled) in enumerate(parts)
    ]
    return np.array(rows), claims
