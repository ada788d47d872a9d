"""`Match`: one person found by a search."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """One person found by a search.

    Attributes:
        user_id: who.
        score: what `Verifier.score` would give; None where the policy hides scores.
    """

    user_id: str
    score: float | None
