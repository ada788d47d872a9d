"""`Profile`: how strict a device is, by name."""

from enum import StrEnum
from numbers import Real
from typing import Final

from sigverify.errors import ConfigError


class Profile(StrEnum):
    """A false-match rate of forgers, by name.

    `BALANCED` is the default: of the three it keeps within what the FIDO Biometric Component Certification
    asks for (at most 5 % of the genuine refused, 7 % of practiced impostors accepted, strangers in 1 of
    10,000 tries), with five references signed in one sitting. docs/results.md has what each gives.
    """

    CONVENIENT = "convenient"
    """A refusal costs more than a forgery: letting people in at a gym, a reminder to look again."""
    BALANCED = "balanced"
    STRICT = "strict"
    """Somebody stands by for those who are refused: up to one genuine try in three."""

    @property
    def fmr(self) -> float:
        """The rate."""
        return _RATES[self]


_RATES: Final = {Profile.CONVENIENT: 0.1, Profile.BALANCED: 0.05, Profile.STRICT: 0.01}


def false_match_rate(asked: float | str, name: str = "false-match rate") -> float:
    """Return the rate that a number, its text or the name of a profile asks for.

    Raises:
        ConfigError: none of these, or a rate that is not above 0 and below 1.

    >>> false_match_rate("strict"), false_match_rate("0.03"), false_match_rate(0.02)
    (0.01, 0.03, 0.02)
    """
    rate: object = asked
    if isinstance(asked, str):
        if asked in list(Profile):
            return Profile(asked).fmr
        try:
            rate = float(asked)
        except ValueError:
            rate = None
    if isinstance(rate, Real) and 0 < float(rate) < 1:  # which neither NaN nor a bool is
        return float(rate)
    raise ConfigError(
        f"{name} out of range",
        expected=f"a number above 0 and below 1, or {', '.join(Profile)}",
        received=str(asked)[:40],
    )
