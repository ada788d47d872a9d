"""`held_out_rates`: what a run says of the writers that it held out, with what each figure is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sigverify.training.run.run import Run

_OF: Final = {
    "val_eer_vector": ("vector", False),
    "val_eer_vector_1": ("vector", True),
    "val_eer_sequence": ("local vectors", False),
    "val_eer_sequence_1": ("local vectors", True),
    "val_eer_random": ("vector", False),
}
"""By name of a rate: what is compared, and whether with single references."""


@dataclass(frozen=True, kw_only=True)
class HeldOutRate:
    """An equal error rate on held-out writers, one threshold over all.

    Attributes:
        name: in `history.csv`.
        compared: output of the network.
        impostor: "skilled" or "random".
        references: that a probe is compared with.
        genuine, impostors: trials of each.
        before: of the network that the run started from; None: from none, or one without that output.
        eer: 0 to 1, of the network that was kept.
    """

    name: str
    compared: str
    impostor: str
    references: int
    genuine: int
    impostors: int
    before: float | None
    eer: float


def held_out_rates(run: Run) -> tuple[HeldOutRate, ...]:
    """Return the rates of the network that was kept; none where nobody was held out."""
    facts = run.provenance
    trials = facts.get("validation_trials")
    if not trials:
        return ()
    transfer: Mapping[str, Any] = facts.get("transfer", {})
    before = transfer.get("before", {})
    kept = next((row for row in run.history if row["epoch"] == facts.get("best_epoch")), before)
    return tuple(
        _rate(name, single, compared, trials, before.get(name), kept[name])
        for name, (compared, single) in _OF.items()
        # Without forgeries the first is of random ones already.
        if name in kept and (trials["skilled"] or name != "val_eer_random")
    )


def _rate(
    name: str, single: bool, compared: str, trials: Mapping[str, Any], before: float | None, eer: float
) -> HeldOutRate:
    impostor = "random" if name == "val_eer_random" or not trials["skilled"] else "skilled"
    times = trials["references"] if single else 1
    return HeldOutRate(
        name=name,
        compared=compared,
        impostor=impostor,
        references=1 if single else trials["references"],
        genuine=times * trials["genuine"],
        impostors=times * trials[impostor],
        before=before,
        eer=eer,
    )
