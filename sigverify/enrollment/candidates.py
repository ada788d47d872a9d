"""`Candidates`: signatures of, it is claimed, one person; says which belong together."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.enrollment.addition import AdditionReason
from sigverify.errors import EnrollmentError
from sigverify.matcher import Matcher
from sigverify.matching.comparison import present
from sigverify.matching.distances import signs
from sigverify.matching.embedding import Embedding, References
from sigverify.modality.quality import Quality
from sigverify.words import sentence

LINK: Final = 0.1
"""Two signatures belong together when one scores at least this against the other alone. Chosen, as the next,
on synthetic writers and SigComp 2009; benchmarks/policy.py prints what both refuse on other corpora."""
ODD: Final = 0.04
"""Of three or more, one that scores less against the others is left out."""


class Candidates:
    """Captures offered as references of one person."""

    def __init__(self, matcher: Matcher) -> None:
        """Embed, compare and score by one model."""
        self._matcher = matcher
        self._between = np.zeros((0, 0, len(matcher.cues)), np.float32)
        self._lacking = np.zeros(len(matcher.optional), np.bool_)
        self._usable: list[int] = []
        self._reasons: list[AdditionReason] = []
        self._is_judged = True
        self.captures: list[Any] = []
        self.embeddings: list[Embedding] = []
        self.outlines: list[bytes] = []
        """See `Modality.outline`."""
        self.qualities: list[Quality] = []

    def add(self, capture: object) -> None:
        """Look at one more; `reasons` is then up to date for all."""
        examined = self._matcher.examine(capture, outlined=True)
        quality = self._matcher.assess(capture)
        self.captures.append(capture)
        if examined.embedding is None:  # any set may be kept, see `Screening.RECORD`
            self.embeddings.append(self._matcher.embed(capture))
            self.outlines.append(self._matcher.outline(capture))
        else:
            self.embeddings.append(examined.embedding)
            self.outlines.append(examined.outline)
        self.qualities.append(quality)
        flaw = quality.flaw
        self._reasons.append(AdditionReason(flaw.value) if flaw else AdditionReason.TAKEN)
        if not flaw:
            self._compare()

    @property
    def reasons(self) -> list[AdditionReason]:
        """Why each was taken or not; judged once somebody asks: each one more may change that of others."""
        if not self._is_judged:
            together = self._together()
            for place, number in enumerate(self._usable):
                self._reasons[number] = AdditionReason.TAKEN if place in together else AdditionReason.UNLIKE
            self._is_judged = True
        return self._reasons

    @property
    def taken(self) -> list[int]:
        """The numbers of those that belong together."""
        return [number for number, reason in enumerate(self.reasons) if reason is AdditionReason.TAKEN]

    def consistency(self) -> float:
        """Return the least score of one taken against the others taken; 1 when there is only one."""
        taken = set(self.taken)
        places = [place for place, number in enumerate(self._usable) if number in taken]
        return min((self._against(place, places) for place in places if len(places) > 1), default=1.0)

    def spread(self, numbers: Sequence[int]) -> Float32Array | None:
        """Return how far those of these numbers, rising, lie apart, `(r, r, k)`; None: not measured yet.

        All are measured by what all of them have, and again where fewer are to be stored that have more.
        """
        if not set(numbers) <= set(self._usable):
            return None
        chosen = References.stack([self.embeddings[number] for number in numbers])
        lacking = self._matcher.optional & ~present(chosen.series).all(axis=0)
        if not np.array_equal(lacking, self._lacking):
            return None
        places = [self._usable.index(number) for number in numbers]
        return self._between[np.ix_(places, places)]

    def refuse_flaws(self, names: Sequence[str] = ()) -> None:
        """Refuse a set of which not all were taken.

        Raises:
            EnrollmentError: naming each, as in `names` or by number from 1, and why.
        """
        wrong = [
            f"{names[number - 1] if names else f'reference {number}'} is {sentence(reason)}"
            for number, reason in enumerate(self.reasons, start=1)
            if reason is not AdditionReason.TAKEN
        ]
        if wrong:
            raise EnrollmentError(
                "; ".join(wrong),
                expected="genuine signatures of one person, each written anew",
                hint='Leave them out, or keep any set with quality="record" (--quality record)',
            )

    def _compare(self) -> None:
        """Measure the newest against the others; they are all judged again."""
        count = len(self._usable)
        everybody = References.stack(
            [*(self.embeddings[number] for number in self._usable), self.embeddings[-1]]
        )
        # By what all of them have: one that lacks a channel has the others measured anew without it.
        references = self._matcher.common(everybody)
        newest, others = references[count], references.take(range(count))
        lacking = self._matcher.optional & ~present(references.series).all(axis=0)
        between = np.zeros((count + 1, count + 1, self._between.shape[2]), np.float32)
        if count:
            distances = self._matcher.distances(newest, others)
            if self._matcher.is_copy(distances, newest, others):
                self._reasons[-1] = AdditionReason.COPY
                return
            between[count, :count] = distances
            between[:count, count] = distances * signs(self._matcher.cues)
        same = np.array_equal(lacking, self._lacking)
        between[:count, :count] = self._between if same else self._matcher.spread(others)
        self._between, self._lacking = between, lacking
        self._usable.append(len(self._reasons) - 1)
        self._is_judged = False

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
            # Grow one set from its earliest place: whoever is linked with a member joins, and is asked next.
            members, frontier = [], [left.pop(0)]
            while frontier:
                place = frontier.pop()
                members.append(place)
                near = [other for other in left if self._against(place, [other]) >= LINK]
                frontier += near
                left = [other for other in left if other not in near]
            sets.append(sorted(members))
        return sets

    def _against(self, place: int, places: Iterable[int]) -> float:
        """Score one against others."""
        others = [other for other in places if other != place]
        spread = self._between[np.ix_(others, others)]
        reduced = bool(self._lacking.any())
        return float(self._matcher.score(self._between[place][others], spread, reduced=reduced))
