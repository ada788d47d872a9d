"""`Caution`: what somebody should know of an enrollment that was stored all the same."""

from enum import StrEnum


class Caution(StrEnum):
    """What is not as one might think; `words.sentence` says it, and what to do."""

    MANY_STRANGERS = "many_strangers"
    """By the threshold of all people more than five times the rate would match: theirs is raised for that."""
    NO_COHORT = "no_cohort"
    """The rate asked for counts strangers, and this model cannot tell how many match a single person."""
