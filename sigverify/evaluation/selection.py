"""`Selection`: which writers of a corpus are measured, since a model has seen the others.

A model says in its manifest what its network was trained on: corpora by name and fingerprint, and by which
seed and fraction some of their writers were held out. So the split can be made again, and only those are
measured. It says likewise on which corpora its scores were fitted; older ones name these alone.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from sigverify.corpora import Corpus, Kind, split_writers
from sigverify.corpora.split_file import Side, SplitFile, is_split_file, select_writers
from sigverify.corpora.splits import qualified
from sigverify.errors import SplitLeak

HINT = "Measure other writers; --all-writers measures them all the same, and the figures flatter the model"


class Choice(StrEnum):
    """Why these writers."""

    UNSEEN = "unseen"
    """All: the model has seen nothing of the corpus."""
    HELD_OUT = "held_out"
    """Those that were held out when the network was trained."""
    NAMED = "named"
    """Those that a file names; the network has not seen them."""
    ALL = "all"
    """All that were asked for, seen or not."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is measured of a corpus.

    Attributes:
        choice: why these writers.
        writers: how many are measured.
        left_out: how many of the corpus are not.
        seen: how many of those measured the network was trained on, as far as is known.
        calibrated: whether scores and thresholds were fitted on these writers, or may have been.
        known: whether the model's record says enough to tell whom it has seen: each corpus that it names, by
            its fingerprint. Reports from before this was asked do not say so.
    """

    choice: Choice
    writers: int
    left_out: int = 0
    seen: int = 0
    calibrated: bool = False
    known: bool = False

    def words(self) -> str:
        """Say it to a person.

        >>> Selection(choice=Choice.HELD_OUT, writers=6, left_out=34, calibrated=True, known=True).words()
        'the 6 writers of 40 that were held out of training; scores and thresholds were fitted on them'
        >>> Selection(choice=Choice.UNSEEN, writers=6).words()
        'all 6 writers; nobody knows whether the model has seen them'
        """
        of = f"{self.writers} writers of {self.writers + self.left_out}"
        said = {
            Choice.UNSEEN: f"all {self.writers} writers"
            + (", none of whom the model has seen, by its record" if self.known else ""),
            Choice.HELD_OUT: f"the {of} that were held out of training",
            Choice.NAMED: f"the {of} that the file names"
            + (", on whom by its record the network was not trained" if self.known else ""),
            Choice.ALL: f"{of}, whether the model has seen them or not"
            + (f": it was trained on {self.seen}" if self.seen else ""),
        }[self.choice]
        if not self.known and self.choice is Choice.HELD_OUT:
            said += "; nobody knows what the model had seen before that"
        elif not self.known and self.choice is not Choice.ALL:
            said += "; nobody knows whether the model has seen them"
        fitted = "scores and thresholds were fitted on them"
        return f"{said}; {fitted}" if self.calibrated else said


def select_unseen(
    corpora: Sequence[Corpus],
    provenance: Mapping[str, Any] | None,
    *,
    writers: str | os.PathLike[str] | None = None,
    all_writers: bool = False,
) -> list[tuple[Corpus, Selection]]:
    """Return of each corpus the part that a model has not seen.

    Args:
        corpora: to measure on.
        provenance: of the model's manifest; None for what has not learned anything.
        writers: a file that names whom to measure: a split, of which the held-out side is taken, or a list.
        all_writers: whether to measure those that the model has seen, too.

    Raises:
        SplitLeak: nobody is left, or nobody knows who is; `all_writers` measures all the same.
        CorpusError: the file of writers cannot be read, or does not fit.
    """
    chosen = select_writers(corpora, writers, Side.HELD_OUT)
    split = SplitFile.read(writers) if writers is not None and is_split_file(writers) else None
    return [
        _selected(
            corpus,
            part,
            _Seen({} if provenance is None else provenance, _sides(corpus, split)),
            known=provenance is None or _tells(provenance),
            named=part is not corpus,
            ask=not all_writers,
        )
        for corpus, part in zip(corpora, chosen, strict=True)
    ]


def _tells(provenance: Mapping[str, Any]) -> bool:
    """Whether a record says enough to know again, by its signatures, each corpus that was trained on.

    An older one has names alone, and by another name the same signatures are not known; of a network that
    started from weights of unknown origin, no corpus is recorded for these.
    """
    names = {str(name) for name in provenance.get("trained_on", ())}
    records = [each for each in provenance.get("corpora", ()) if isinstance(each, Mapping)]
    return bool(names) and names <= {str(each.get("name")) for each in records if each.get("fingerprint")}


def _sides(corpus: Corpus, split: SplitFile | None) -> list[Corpus]:
    """Return what a model may have been given of a corpus: all of it, or a side of the split."""
    if split is None or split.corpus != corpus.name:
        return [corpus]
    return [corpus, *(split.select(corpus, side) for side in Side)]


def _selected(
    whole: Corpus, part: Corpus, seen: "_Seen", *, known: bool, named: bool, ask: bool
) -> tuple[Corpus, Selection]:
    trained = None if seen.is_unknown else seen.writers
    if ask and trained is None:
        raise SplitLeak(
            f"the model was trained on a corpus {whole.name}, and nobody knows on whom",
            expected="a corpus that it has not seen, or the very one that it names",
            received="the same name with other signatures",
            hint=HINT,
        )
    left = part.writers if not ask else tuple(each for each in part.writers if each not in (trained or ()))
    if not left or (ask and named and len(left) < len(part.writers)):
        raise SplitLeak(
            f"the model was trained on writers of {whole.name} that are to be measured",
            expected="writers whom it has not seen",
            received=f"{len(part.writers) - len(left)} of {len(part.writers)} seen",
            hint=HINT,
        )
    fitted = seen.fitted(left)
    if ask and fitted and not trained and not named:
        raise SplitLeak(
            f"the model's scores were fitted on all of {whole.name}",
            expected="writers whom it has not seen",
            received="all of them seen",
            hint=HINT,
        )
    choice = Choice.UNSEEN if ask else Choice.ALL
    choice = Choice.HELD_OUT if ask and trained else choice
    choice = Choice.NAMED if ask and named else choice
    return whole.select(left), Selection(
        choice=choice,
        writers=len(left),
        left_out=len(whole.writers) - len(left),
        seen=0 if ask else len(set(left) & (trained or set())),
        calibrated=fitted,
        known=known,
    )


class _Seen:
    """What a model has seen of one corpus, by the records in its manifest."""

    def __init__(self, provenance: Mapping[str, Any], sides: Sequence[Corpus]) -> None:
        self._sides = sides
        self._corpus = sides[0]
        records = provenance.get("corpora", ())
        self._records = [record for record in records if isinstance(record, Mapping)]
        self._trained_on = {str(name) for name in provenance.get("trained_on", ())}
        conversion = provenance.get("conversion", {})
        self._calibrated_on = [str(name) for name in conversion.get("calibrated_on", ())]
        self._calibrated = conversion.get("calibration_signatures", 0)
        fitted = conversion.get("calibration_corpora", ())
        self._fitted = [record for record in fitted if isinstance(record, Mapping)]
        self.writers: set[str] = set()
        self._held_out: set[str] = set()
        self.is_unknown = not self._find()

    def _find(self) -> bool:
        """Gather the writers; return whether all is known."""
        of_name = [record for record in self._records if record.get("name") == self._corpus.name]
        if self._corpus.name in self._trained_on and not of_name:
            return False
        for record in self._records:
            given = self._given(record)
            if given is not None:
                trained, held_out = _split(given, record.get("split"))
                self.writers |= trained
                self._held_out |= held_out
            elif record in of_name:
                return False
        return True

    def _given(self, record: Mapping[str, Any]) -> Corpus | None:
        """Return which part of the corpus a record is of; None: of another one."""
        return next((side for side in self._sides if _is_of(side, record)), None)

    def fitted(self, writers: Sequence[str]) -> bool:
        """Whether scores were fitted on some of these writers, or may have been."""
        of_name = [record for record in self._fitted if record.get("name") == self._corpus.name]
        for record in self._fitted:
            given = self._given(record)
            if given is None and record in of_name:
                return True  # other signatures of that name: nobody knows whose
            if given is not None and set(given.writers) & set(writers):
                return True
        if of_name or self._corpus.name not in self._calibrated_on:
            return False
        if self.writers:  # conversion takes no others of a corpus that the network was trained on
            return bool(self._held_out & set(writers))
        # Of a corpus of which one side was taken, for the scores alone: told by how many there are.
        sides = [side for side in self._sides[1:] if len(side) == self._calibrated]
        if len(self._calibrated_on) == 1 and len(sides) == 1:
            return bool(set(sides[0].writers) & set(writers))
        return True


def _split(given: Corpus, record: Any) -> tuple[set[str], set[str]]:
    """Return whom a network was trained on that was given a corpus, and whom it held out."""
    fraction = record.get("fraction", 0) if isinstance(record, Mapping) else 0
    if not fraction or len(given.writers) < 2:
        return set(given.writers), set()
    sides = split_writers(given, float(fraction), int(record.get("seed", 0)))
    return set(sides[0].writers), set(sides[1].writers)


def _is_of(corpus: Corpus, record: Mapping[str, Any]) -> bool:
    """Tell whether a record of training is of this corpus: by how many there are, and then by all of them."""
    genuine = sum(sample.kind is Kind.GENUINE for sample in corpus.samples)
    counts = (len(corpus.writers), genuine, len(corpus) - genuine)
    if counts != tuple(record.get(name) for name in ("writers", "genuine", "skilled")):
        return False
    return traced_fingerprint(corpus, str(record.get("name"))) == record.get("fingerprint")


def traced_fingerprint(corpus: Corpus, name: str = "") -> str:
    """Return the fingerprint that training records of a corpus: over traces and truth, hex sha256.

    `name` is what the corpus was called then; its own if not given.
    """
    modality, called = corpus.modality, name or corpus.name
    digests = []
    for sample in corpus.samples:
        extent, genuine = modality.extent(sample.capture), np.bool_(sample.kind is Kind.GENUINE)
        truth = f"{qualified(called, sample.writer)}|{genuine}|{extent:.3f}|"
        trace = np.ascontiguousarray(modality.trace(sample.capture), np.float32)
        digests.append(hashlib.sha256(truth.encode() + trace.tobytes()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()
