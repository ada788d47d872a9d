"""`Match` and `Matches`: people found by a search."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sigverify.card import Tone, card, grid
from sigverify.modality.quality import Flaw
from sigverify.words import phrase, preferred_language, sentence


@dataclass(frozen=True)
class Match:
    """One person found by a search. It is neither yes nor no: somebody is always the most alike.

    Attributes:
        user_id: who.
        score: what `Verifier.score` would give; None where the policy hides scores.
    """

    user_id: str
    score: float | None

    def __bool__(self) -> bool:
        raise TypeError("a Match is neither true nor false: search with fpir, and see whether there is one")

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it."""
        return {"user_id": self.user_id, "score": self.score}

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return Matches([self])._repr_html_()


class Matches(list[Match]):
    """People found by a search, best first.

    Of a search with `fpir` it is true where somebody was found. Of one without it is neither true nor false:
    a ranking names somebody for every probe, a stranger's too. Of a probe that is too poor to be compared it
    is empty, and `flaw` says what is wrong with it.

    >>> bool(Matches(fpir=0.01)), len(Matches([Match("ann", 0.2)]))
    (False, 1)
    """

    def __init__(
        self, found: Iterable[Match] = (), *, fpir: float | None = None, flaw: Flaw | None = None
    ) -> None:
        """Take those found, the rate at which strangers were let pass, and what is wrong with the probe."""
        super().__init__(found)
        self.fpir = fpir
        self.flaw = flaw

    def __bool__(self) -> bool:
        if self.fpir is None and self.flaw is None:
            raise TypeError("a ranking is neither true nor false: pass fpir=…, or ask for its length")
        return len(self) > 0

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it."""
        flaw = None if self.flaw is None else self.flaw.value
        return {"matches": [match.to_dict() for match in self], "flaw": flaw}

    def records(self) -> list[dict[str, Any]]:
        """Return a row for each, as `pandas.DataFrame` takes them.

        >>> Matches([Match("ann", 0.2)]).records()
        [{'rank': 1, 'user_id': 'ann', 'score': 0.2}]
        """
        return [{"rank": rank, **match.to_dict()} for rank, match in enumerate(self, 1)]

    def _repr_html_(self) -> str:
        """Show them in a notebook, best first."""
        language = preferred_language()
        if not len(self):
            said = phrase("nobody", language=language).rstrip(".")
            return card(
                Tone.NO, said, "0", () if self.flaw is None else [sentence(self.flaw, language=language)]
            )
        rows = [
            [str(row["rank"]), row["user_id"], "" if row["score"] is None else f"{row['score']:.3g}"]
            for row in self.records()
        ]
        return grid(["", phrase("user_id", language=language), "score"], rows, language=language)
