"""How many strangers are expected to match somebody who was just enrolled, and whether that is too many."""

from typing import Final

from sigverify.enrollment.caution import Caution
from sigverify.errors import ConfigError
from sigverify.matcher import Matcher
from sigverify.matching.comparison import lacked
from sigverify.matching.embedding import References
from sigverify.matching.scoring import Impostor
from sigverify.matching.strangers import Strangers
from sigverify.policy import Policy

MOST_TIMES: Final = 5
"""Times the rate asked for: more strangers than that are too many for one person. `SV_MOST_TIMES` in C."""


def strangers_of(
    references: References, strangers: Strangers | None, matcher: Matcher, policy: Policy
) -> tuple[float | None, tuple[Caution, ...]]:
    """Return the share of strangers expected to match, and what is to be said of it.

    The references are in the model's own coordinates. The share is that by the threshold of all people which
    the policy asks for, before any raising; None where the model has no cohort, or no such threshold.
    """
    if strangers is None:
        return None, (Caution.NO_COHORT,) if policy.impostor is Impostor.RANDOM else ()
    reduced = bool(lacked(references, matcher.optional).any())
    try:
        threshold = matcher.threshold(
            policy.fmr, impostor=policy.impostor, references=len(references), reduced=reduced
        )
    except ConfigError:  # each `verify` may name another rate
        return None, ()
    share = strangers.fit(reduced=reduced).share(threshold)
    return share, (Caution.MANY_STRANGERS,) if share > MOST_TIMES * policy.fmr else ()
