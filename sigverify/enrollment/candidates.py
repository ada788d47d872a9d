"""`Candidates`: signatures of, it is claimed, one person; says which belong together."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.enrollment.addition import AdditionReason
from sigverify.errors import EnrollmentError
from sigverify.matcher import Matcher
from sigverify.matching.comparison import channels, lacked, without
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
        self._waiting: list[int] = []
        """Those that were not compared yet."""
        self._reasons: list[AdditionReason] = []
        self._is_judged = True
        self._scores: dict[tuple[int, ...], float] = {}
        """Of one place against others, as far as they were asked for."""
        self.captures: list[Any] = []
        self.embeddings: list[Embedding] = []
        self.outlines: list[tuple[bytes, ...]] = []
        """See `Modality.outlines`."""
        self.qualities: list[Quality] = []

    def add(self, capture: object) -> None:
        """Look at one more; `reasons` is then up to date for all."""
        examined = self._matcher.examine(capture, outlined=True)
        quality = self._matcher.assess(capture)
        self.captures.append(capture)
        if examined.embedding is None:  # any set may be kept, see `Screening.RECORD`
            self.embeddings.append(self._matcher.embed(capture))
            self.outlines.append(self._matcher.outlines(capture))
        else:
            self.embeddings.append(examined.embedding)
            self.outlines.append(examined.outlines)
        self.qualities.append(quality)
        flaw = quality.flaw
        self._reasons.append(AdditionReason(flaw.value) if flaw else AdditionReason.TAKEN)
        if not flaw:
            self._waiting.append(len(self._reasons) - 1)

    @property
    def reasons(self) -> list[AdditionReason]:
        """Why each was taken or not; judged once somebody asks: each one more may change that of others."""
        self._compare()
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
        self._compare()
        if not set(numbers) <= set(self._usable):
            return None
        chosen = References.stack([self.embeddings[number] for number in numbers])
        lacking = lacked(chosen, self._matcher.optional)
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
        """Measure those that wait against the others; they are all judged again."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        everybody = References.stack([self.embeddings[number] for number in (*self._usable, *waiting)])
        if not self._usable and np.count_nonzero(self._matcher.optional) <= 1:
            self._compare_all(everybody, waiting)
        else:
            for number in waiting:
                self._compare_one(number)
        self._is_judged = False
        self._scores = {}

    def _compare_all(self, references: References, numbers: Sequence[int]) -> None:
        """Measure all at once: with the one optional channel, and without it where some lack it.

        Of two that are copies the later is one; it is looked for by what those up to there have.
        """
        matcher = self._matcher
        reduced = without(references, matcher.optional)
        whole = matcher.spread(references)
        between = [(whole, matcher.copies(whole, references))]
        lacks = ~channels(references, matcher.optional)
        if lacks.any() and not lacks.all():
            less = matcher.spread(reduced)
            between.append((less, matcher.copies(less, reduced)))
        places: list[int] = []
        for place, number in enumerate(numbers):
            _, copies = between[-1 if lacks[[*places, place]].any() else 0]
            if copies[place, places].any() or self._runs_along(number, [numbers[each] for each in places]):
                self._reasons[number] = AdditionReason.COPY
            else:
                places.append(place)
        lacking = lacks[places].any()
        self._between = between[-1 if lacking else 0][0][np.ix_(places, places)]
        self._lacking = matcher.optional & lacking
        self._usable = [numbers[place] for place in places]

    def _compare_one(self, number: int) -> None:
        """Measure one against the others."""
        count = len(self._usable)
        everybody = References.stack([self.embeddings[each] for each in (*self._usable, number)])
        # By what all of them have: one that lacks a channel has the others measured anew without it.
        references = self._matcher.common(everybody)
        newest, others = references[count], references.take(range(count))
        lacking = lacked(references, self._matcher.optional)
        between = np.zeros((count + 1, count + 1, self._between.shape[2]), np.float32)
        if count:
            distances = self._matcher.distances(newest, others)
            if self._matcher.is_copy(distances, newest, others) or self._runs_along(number, self._usable):
                self._reasons[number] = AdditionReason.COPY
                return
            between[count, :count] = distances
            between[:count, count] = distances * signs(self._matcher.cues)
        same = np.array_equal(lacking, self._lacking)
        between[:count, :count] = self._between if same else self._matcher.spread(others)
        self._between, self._lacking = between, lacking
        self._usable.append(number)

    def _runs_along(self, number: int, others: Iterable[int]) -> bool:
        """Whether one is a copy of others in another time, of a part, or with little beside it."""
        lines = [line for other in others for line in self.outlines[other][:1]]
        return self._matcher.runs_along(self.outlines[number], lines)

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
        alone = np.zeros((1, 1, self._between.shape[2]))
        reduced = bool(self._lacking.any())
        linked = self._matcher.score(self._between[:, :, np.newaxis], alone, reduced=reduced) >= LINK
        while left:
            # Grow one set from its earliest place: whoever is linked with a member joins, and is asked next.
            members, frontier = [], [left.pop(0)]
            while frontier:
                place = frontier.pop()
                members.append(place)
                near = [other for other in left if linked[place, other]]
                frontier += near
                left = [other for other in left if other not in near]
            sets.append(sorted(members))
        return sets

    def _against(self, place: int, places: Iterable[int]) -> float:
        """Score one against others."""
        others = [other for other in places if other != place]
        asked = (place, *others)
        if asked not in self._scores:
            spread = self._between[np.ix_(others, others)]
            reduced = bool(self._lacking.any())
            self._scores[asked] = float(
                self._matcher.score(self._between[place][others], spread, reduced=reduced)
            )
        return self._scores[asked]
