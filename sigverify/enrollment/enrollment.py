"""`Enrollment`: a conversation that ends with a good set of references, or with none.

Signatures are added one by one, and each is taken or refused with a reason, so that a person can be told
and sign again. Nothing is stored before `commit`. Which of them belong together is judged anew each time:
when the first was signed by somebody else, or slipped, and the next two agree, the first is left out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from sigverify.errors import EnrollmentError
from sigverify.matching.distances import CUES, Align, Embedding, References, distances, elastic_distances
from sigverify.matching.scoring import MAX_REFERENCES, Scoring
from sigverify.modality.pen.quality import Flaw, Quality, assess
from sigverify.modality.pen.signature import Signature
from sigverify.policy.replay import is_copy

LINK: Final = 0.1
"""Two signatures belong together when one scores at least this against the other alone. Chosen, as the next,
on synthetic writers and SigComp 2009; benchmarks/policy.py prints what both refuse on other corpora."""
ODD: Final = 0.04
"""Of three or more, one that scores less against the others is left out."""
DEFAULT_REFERENCES: Final = 5
_MOST_TRIED: Final = 4 * MAX_REFERENCES
"""Signatures that one conversation may look at."""


class Screening(StrEnum):
    """What becomes of a set of references that is not good."""

    ENFORCE = "enforce"
    """It is refused."""
    RECORD = "record"
    """It is kept, and its flaws are returned: for evaluation, which has to count everybody."""


class AdditionReason(StrEnum):
    """Why a signature was taken as a reference, or was not."""

    TAKEN = "taken"
    TOO_SHORT = "too short: sign your whole name"
    TOO_SIMPLE = "too simple: anybody could draw it"
    BAD_CAPTURE = "a bad capture: samples are missing"
    COPY = "a copy of an earlier one: sign anew"
    UNLIKE = "too unlike the others: sign as you usually do"


_OF_FLAW: Final = {
    Flaw.TOO_SHORT: AdditionReason.TOO_SHORT,
    Flaw.TOO_SIMPLE: AdditionReason.TOO_SIMPLE,
    Flaw.BAD_CAPTURE: AdditionReason.BAD_CAPTURE,
}


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What became of one signature.

    Attributes:
        accepted: whether it is among the references now.
        reason: why.
        quality: of this capture.
        remaining: signatures still wanted; it rises when an earlier one turns out not to belong here.
    """

    accepted: bool
    reason: AdditionReason
    quality: Quality
    remaining: int


@dataclass(frozen=True, kw_only=True)
class EnrollmentReceipt:
    """What became of one enrollment.

    Attributes:
        user_id: who.
        references: how many signatures were taken.
        template_bytes: size of what is stored.
        model_id: of the model that the template is bound to.
        created: when.
        complexity: 0 to 1, of the simplest reference; see `quality.complexity`.
        consistency: 0 to 1, the least score of a reference against the others; 1 for one reference.
        flaws: of each reference why it would not have been taken, or `TAKEN`; all `TAKEN` if enforced.
        latency_ms: from the call until it was safely stored.
    """

    user_id: str
    references: int
    template_bytes: int
    model_id: str
    created: datetime
    complexity: float
    consistency: float
    flaws: tuple[AdditionReason, ...]
    latency_ms: float


class Candidates:
    """Signatures of, it is claimed, one person; says which belong together."""

    def __init__(
        self,
        scoring: Scoring,
        embed: Callable[[Signature], Embedding],
        align: Align = elastic_distances,
    ) -> None:
        """Score by `scoring` what `embed` makes of signatures, compared by `align`."""
        self._scoring = scoring
        self._embed = embed
        self._align = align
        self._apart = np.zeros((0, 0, len(CUES)), np.float32)
        self._usable: list[int] = []
        self.signatures: list[Signature] = []
        self.embeddings: list[Embedding] = []
        self.qualities: list[Quality] = []
        self.reasons: list[AdditionReason] = []

    def add(self, signature: Signature) -> None:
        """Look at one more; `reasons` is then up to date for all."""
        self.signatures.append(signature)
        self.embeddings.append(self._embed(signature))
        self.qualities.append(assess(signature))
        flaw = self.qualities[-1].flaw
        self.reasons.append(_OF_FLAW[flaw] if flaw else AdditionReason.TAKEN)
        if not flaw:
            self._compare()

    @property
    def taken(self) -> list[int]:
        """The numbers of those that belong together."""
        return [number for number, reason in enumerate(self.reasons) if reason is AdditionReason.TAKEN]

    def consistency(self) -> float:
        """Return the least score of one taken against the others taken; 1 when there is only one."""
        places = [place for place, number in enumerate(self._usable) if number in set(self.taken)]
        return min((self._against(place, places) for place in places if len(places) > 1), default=1.0)

    def _compare(self) -> None:
        """Measure the newest against the others, and judge them all again."""
        own = self.embeddings[-1]
        count = len(self._usable)
        apart = np.zeros((count + 1, count + 1, len(CUES)), np.float32)
        if count:
            others = References.stack([self.embeddings[number] for number in self._usable])
            apart[count, :count] = apart[:count, count] = distances(own, others, align=self._align)
            if is_copy(apart[count, :count, 0]):
                self.reasons[-1] = AdditionReason.COPY
                return
        apart[:count, :count] = self._apart
        self._apart = apart
        self._usable.append(len(self.reasons) - 1)
        together = self._together()
        for place, number in enumerate(self._usable):
            self.reasons[number] = AdditionReason.TAKEN if place in together else AdditionReason.UNLIKE

    def _together(self) -> list[int]:
        """Return the largest set of places in which each is linked with some other, without odd ones."""
        places = max(self._linked_sets(), key=len)
        while len(places) > 2:
            scores = [self._against(place, places) for place in places]
            if min(scores) >= ODD:
                break
            places = [place for place in places if place != places[int(np.argmin(scores))]]
        return places

    def _linked_sets(self) -> list[list[int]]:
        """Split the places into sets without a link between them, the earliest first."""
        left, sets = list(range(len(self._usable))), []
        while left:
            its, frontier = [], [left.pop(0)]
            while frontier:
                place = frontier.pop()
                its.append(place)
                near = [other for other in left if self._against(place, [other]) >= LINK]
                frontier += near
                left = [other for other in left if other not in near]
            sets.append(sorted(its))
        return sets

    def _against(self, place: int, places: Iterable[int]) -> float:
        """Score one against others."""
        others = [other for other in places if other != place]
        return float(self._scoring.score(self._apart[place][others], self._apart[np.ix_(others, others)]))


class Enrollment:
    """One person's conversation; not for several threads at once.

    >>> enrollment = verifier.enrollment("alice")                            # doctest: +SKIP
    >>> while enrollment.remaining:                                          # doctest: +SKIP
    ...     print(enrollment.add(capture()).reason)
    >>> enrollment.commit()                                                  # doctest: +SKIP
    """

    def __init__(
        self, candidates: Candidates, references: int, keep: Callable[[Candidates], EnrollmentReceipt]
    ) -> None:
        """Ask for so many references; `Verifier.enrollment` is how to get here.

        Raises:
            EnrollmentError: fewer than 1 or more than `MAX_REFERENCES` wanted.
        """
        check_count(references)
        self._candidates = candidates
        self._wanted = references
        self._keep = keep
        self._done = False

    @property
    def remaining(self) -> int:
        """How many signatures are still wanted."""
        return self._wanted - len(self._candidates.taken)

    def add(self, signature: Signature) -> Addition:
        """Take a signature as a reference, or say why not.

        Raises:
            EnrollmentError: no more are wanted, or far too many were tried.
        """
        self._check_open()
        if not self.remaining or len(self._candidates.reasons) >= _MOST_TRIED:
            raise EnrollmentError(
                "no more signatures are wanted" if not self.remaining else "too many signatures tried",
                hint="Commit" if not self.remaining else "Begin again, with one person at a time",
            )
        self._candidates.add(signature)
        reason = self._candidates.reasons[-1]
        return Addition(
            accepted=reason is AdditionReason.TAKEN,
            reason=reason,
            quality=self._candidates.qualities[-1],
            remaining=self.remaining,
        )

    def commit(self) -> EnrollmentReceipt:
        """Store the references: all of them, or, when anything is raised, nothing.

        Raises:
            EnrollmentError: signatures are still wanted, or this was committed before.
            AlreadyEnrolled, StoreError: as for `Verifier.enroll`.
        """
        self._check_open()
        if self.remaining:
            raise EnrollmentError(
                "too few references", expected=str(self._wanted), received=str(self._wanted - self.remaining)
            )
        enrollment = self._keep(self._candidates)
        self._done = True
        return enrollment

    def _check_open(self) -> None:
        if self._done:
            raise EnrollmentError("this enrollment is committed", hint="Begin another one")


def check_count(references: int) -> None:
    """Refuse a number of references that no template holds.

    Raises:
        EnrollmentError: fewer than 1, or more than `MAX_REFERENCES`.
    """
    if not 1 <= references <= MAX_REFERENCES:
        raise EnrollmentError(
            "wrong number of references", expected=f"1 to {MAX_REFERENCES}", received=str(references)
        )


def refuse_flaws(candidates: Candidates) -> None:
    """Refuse a set of which not all were taken.

    Raises:
        EnrollmentError: naming each, by number from 1, and why.
    """
    wrong = [
        f"reference {number} is {reason}"
        for number, reason in enumerate(candidates.reasons, start=1)
        if reason is not AdditionReason.TAKEN
    ]
    if wrong:
        raise EnrollmentError(
            "; ".join(wrong),
            expected="genuine signatures of one person, each written anew",
            hint='Leave them out, or keep any set with quality="record" (--quality record)',
        )
