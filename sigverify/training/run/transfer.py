"""What starting from another network brought: the same held-out trials, before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

from sigverify.training.data.training_data import TrainingData
from sigverify.training.run.origin import UNKNOWN, Origin


def before_training(
    origin: Origin, data: TrainingData, rates: Mapping[str, float], *, fresh: Sequence[str], writers: int
) -> dict[str, Any]:
    """Record the `rates` of the starting weights on the held-out writers.

    Rates of an output in `fresh`, which the source did not have, say nothing and are left out.

    Returns "before", "writers" (how many were scored) and "may_have_seen": corpora whose held-out writers
    the source may have learned from, so that its rates there look better than they are.
    """
    cue = "sequence" if "val_eer_sequence" in rates else "vector"
    kept = {
        name: rate
        for name, rate in rates.items()
        if not any(head in name for head in fresh)
        and not (name == "val_eer" and cue in fresh)
        and not (name == "val_eer_random" and "vector" in fresh)
    }
    return {"before": kept, "writers": writers, "may_have_seen": may_have_seen(origin, data)}


def after_training(
    record: Mapping[str, Any], history: Sequence[Mapping[str, float]], best_epoch: int
) -> dict[str, Any]:
    """Add "after": the rates of the weights that were kept, of epoch `best_epoch`; 0 is the start."""
    kept = next((row for row in history if row["epoch"] == best_epoch), record["before"])
    return dict(record) | {"after": {name: kept[name] for name in kept if name.startswith("val_eer")}}


def may_have_seen(origin: Origin, data: TrainingData) -> list[str]:
    """Name the corpora whose held-out writers the origin may have been trained on.

    It has not where it never saw the corpus, or saw it under the same split.
    """
    if UNKNOWN in origin.trained_on:
        return [corpus.name for corpus in data.validation]
    seen = []
    for corpus in data.validation:
        records = [
            record for record in origin.corpora if corpus.name == record.get("name") or corpus.is_of(record)
        ]
        alike = [corpus.is_of(record) and record.get("split") == data.split for record in records]
        if (records or corpus.name in origin.trained_on) and not (alike and all(alike)):
            seen.append(corpus.name)
    return seen
