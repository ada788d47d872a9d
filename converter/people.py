"""Who a device is fitted to: their signatures, counted and checked before anything is computed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from converter.trained import refuse_copies, refuse_seen
from sigverify.arrays import IndexArray
from sigverify.corpora import Corpus
from sigverify.errors import ConversionError
from sigverify.modality.modality import Modality
from sigverify.training.data.trace_set import TraceSet

MIN_PEOPLE: Final = 20
"""With fewer the shift that is fitted is mostly chance: see docs/training.md, "Fit to a device"."""
MIN_GENUINE: Final = 5
"""Four references and a probe."""


def gather_people(
    corpora: Sequence[Corpus], provenance: Mapping[str, Any], modality: Modality[Any]
) -> TraceSet:
    """Trace the signatures of everybody with enough of their own.

    Args:
        corpora: people of the device.
        provenance: of the model, which must not have seen them.
        modality: what the model takes.

    Raises:
        ConversionError: too few people, too few signatures of each, or another kind of capture.
        SplitLeak: the network was trained on one of the corpora, under this name or another one.
    """
    if not corpora:
        raise ConversionError("nobody to calibrate on", expected=_NEEDED, hint="Name a corpus with --on")
    if others := sorted({corpus.modality.name for corpus in corpora} - {modality.name}):
        raise ConversionError(
            "corpora of another kind of capture", expected=modality.name, received=", ".join(others)
        )
    refuse_seen(provenance, [corpus.name for corpus in corpora])
    enough = [
        [name for name in corpus.writers if len(corpus.genuine(name)) >= MIN_GENUINE] for corpus in corpora
    ]
    count = sum(map(len, enough))
    if count < MIN_PEOPLE:
        there = sum(len(corpus.writers) for corpus in corpora)
        raise ConversionError(
            "too few people to calibrate on",
            expected=_NEEDED,
            received=f"{there} people, {count} of them with {MIN_GENUINE} or more",
            hint="Collect more, or use the model as it is",
        )
    sets = [TraceSet.from_corpus(corpus) for corpus in corpora]
    refuse_copies(provenance, sets)
    return TraceSet.join([each.select(names) for each, names in zip(sets, enough, strict=True) if names])


def rows_of(people: TraceSet, number: int) -> tuple[IndexArray, IndexArray]:
    """Return the rows of a person's own signatures and of forgeries of them, in the order signed."""
    owned = people.writer_index == number
    return np.flatnonzero(owned & people.genuine), np.flatnonzero(owned & ~people.genuine)


_NEEDED: Final = f"{MIN_PEOPLE} people with {MIN_GENUINE} genuine signatures each"
