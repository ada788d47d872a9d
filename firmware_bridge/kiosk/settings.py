"""`Settings`: who may reach the page, and who may do more there than verify."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from firmware_bridge.capability import ALL, Capability, Grant
from firmware_bridge.transport.address import is_loopback
from sigverify.enrollment.enroller import DEFAULT_REFERENCES, check_count
from sigverify.errors import ConfigError

MIN_TOKEN: Final = 16
"""Characters: nothing slows down whoever guesses tokens, so there have to be too many to try."""
MIN_CODE: Final = 6
"""Characters: guesses at the operator's code are slowed down; see `operators`."""
NEW_CODE_DIGITS: Final = 8
"""100 million codes, of which a hundred can be guessed; see `operators`."""
MAX_SECRET: Final = 200
"""Characters: as the longest text of a request; see `reading.MAX_TEXT`."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Rules of one page.

    Attributes:
        host: the address to listen on. Any but this machine's own needs a token.
        token: what every caller has to show; None: nothing.
        code: what makes a visitor an operator, who may enroll, identify, list and forget, and sees scores;
            None: everybody is one, unless there are `operators`.
        operator_may: what an operator by that code is allowed; everything that the page offers.
        operators: more of them, each with a name, a code and capabilities of their own.
        clients: programs that use REST, each with a name, a token and capabilities of its own.
        references: signatures of one enrollment.
        fpir: the rate at which `identify` may take a stranger for somebody.
        visitor_pictures: whether visitors may verify by a picture; else operators alone, who see the paper. A
            picture proves less than strokes: whoever holds a letter of somebody can show its signature.
        keyboard: whether names and the code are typed on the page's own keys; else on the system's.

    Raises:
        ConfigError: no token where one is needed, a secret that is too short, a token that no header can
            carry, or a number out of range.
        EnrollmentError: a number of references that no template holds.
    """

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    operator_may: frozenset[Capability] = ALL
    operators: tuple[Grant[str], ...] = ()
    clients: tuple[Grant[str], ...] = ()
    references: int = DEFAULT_REFERENCES
    fpir: float = 0.01
    visitor_pictures: bool = False
    keyboard: bool = True

    def __post_init__(self) -> None:
        """Check what would open the page to more people than was meant."""
        if self.token is None and not self.clients and not is_loopback(self.host):
            raise ConfigError(
                "other machines could reach this page",
                expected="a token, or a loopback address such as 127.0.0.1",
                received=self.host,
                hint="Pass --token FILE with any text that nobody guesses in it, 16 characters at least",
            )
        _check_length("token", self.token, MIN_TOKEN)
        _check_header(self.token or "")
        _check_length("operator's code", self.code, MIN_CODE)
        for grant in self.operators:
            _check_length("operator's code", grant.secret, MIN_CODE)
        for grant in self.clients:
            _check_length("token", grant.secret, MIN_TOKEN)
            _check_header(grant.secret)
        tokens = [each for each in (self.token, *(grant.secret for grant in self.clients)) if each]
        codes = [grant.secret for grant in self.all_operators]
        if len(set(tokens)) < len(tokens) or len(set(codes)) < len(codes):
            raise ConfigError("two callers have one secret", expected="one of each")
        check_count(self.references)
        if not 0 < self.fpir < 1:
            raise ConfigError(
                "false-positive identification rate out of range",
                expected="0 to 1",
                received=f"{self.fpir:g}",
            )

    @property
    def all_operators(self) -> tuple[Grant[str], ...]:
        """The operators by their codes; none: everybody is one."""
        one = () if self.code is None else (Grant(name="operator", secret=self.code, may=self.operator_may),)
        return one + self.operators


def find(grants: Iterable[Grant[str]], secret: str) -> Grant[str] | None:
    """Return what this secret grants; takes as long whether it is one of them or not."""
    found = None
    for grant in grants:
        if hmac.compare_digest(grant.secret.encode(), secret.encode()):
            found = grant
    return found


def new_code() -> str:
    """Return a code for one start of the page, `NEW_CODE_DIGITS` digits."""
    return "".join(secrets.choice("0123456789") for _ in range(NEW_CODE_DIGITS))


def _check_length(what: str, secret: str | None, least: int) -> None:
    if secret is not None and not least <= len(secret) <= MAX_SECRET:
        raise ConfigError(
            f"the {what} is too short or too long",
            expected=f"{least} to {MAX_SECRET} characters",
            received=f"{len(secret)} characters",
        )


def _check_header(token: str) -> None:
    """Refuse what a browser does not send, or not as it was given."""
    if not (token.isascii() and token.isprintable() and token == token.strip()):
        raise ConfigError(
            "no browser can send this token", expected="ASCII characters, without a blank at either end"
        )
