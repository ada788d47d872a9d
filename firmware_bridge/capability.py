"""`Capability`: what may be asked at a front door; `Grant`: who may ask what, by showing which secret.

The daemon, REST and the kiosk's page have this one notion. What changes or deletes what is enrolled
(`REPLACE`, `FORGET`), ends a wait (`UNLOCK`) or says who there is (`USERS`, `IDENTIFY`) is each one
of its own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar

from sigverify.errors import ConfigError, NotAllowed

Secret = TypeVar("Secret")
MAX_NAME: Final = 64
"""Characters of the name of who has a secret of their own: what the daemon keeps of a client's name."""


class Capability(StrEnum):
    """What somebody may be allowed to ask."""

    VERIFY = "verify"
    IDENTIFY = "identify"
    COMPARE = "compare"
    """How alike two signatures are, of nobody who need be enrolled."""
    ENROLL = "enroll"
    """Somebody who is not enrolled yet."""
    REPLACE = "replace"
    """Enroll somebody anew, in place of the references that are there; with `ENROLL`."""
    USERS = "users"
    FORGET = "forget"
    UNLOCK = "unlock"
    IMAGES = "images"
    """Send pictures, and ask about them what else is allowed."""


ALL: Final = frozenset(Capability)
DAEMON: Final = ALL - {Capability.COMPARE, Capability.UNLOCK}
"""What there are messages for."""
BY_DEFAULT: Final = DAEMON - {Capability.REPLACE, Capability.FORGET}
"""Of trusted clients of the daemon: nothing that touches what somebody else enrolled."""


@dataclass(frozen=True, kw_only=True)
class Grant(Generic[Secret]):
    """Who shows this secret is known by this name, and may ask this.

    Raises:
        ConfigError: no name, one that is too long, or one with characters that nobody sees.
    """

    name: str
    secret: Secret = field(repr=False)
    may: frozenset[Capability]

    def __post_init__(self) -> None:
        """Check the name."""
        if not (0 < len(self.name) <= MAX_NAME and self.name.isprintable()):
            raise ConfigError(
                "no name for who has a secret of their own",
                expected=f"1 to {MAX_NAME} visible characters",
                received=self.name,
            )


def read_capabilities(names: Iterable[str], possible: frozenset[Capability] = ALL) -> frozenset[Capability]:
    """Return the capabilities of those names.

    Raises:
        ConfigError: there is none of a name, or not at this front door.
    """
    names = list(names)
    try:
        wanted = frozenset(map(Capability, names))
    except ValueError:
        wanted = frozenset()
    if not wanted or not wanted <= possible:
        raise ConfigError(
            "unknown capability",
            expected="some of " + ", ".join(each for each in Capability if each in possible),
            received=", ".join(names),
        )
    return wanted


def read_grants(
    texts: Iterable[str], read: Callable[[str], Secret], possible: frozenset[Capability] = ALL
) -> tuple[Grant[Secret], ...]:
    """Return what options of the form `NAME:CAPABILITY,…:SOURCE` grant; `read` reads the secret of a source.

    >>> read_grants(["pen:verify,enroll:env:PEN"], str)[0].secret
    'env:PEN'

    Raises:
        ConfigError: not of that form, an unknown capability, or a name that comes twice.
    """
    grants = []
    for text in texts:
        name, _, rest = text.partition(":")
        names, _, source = rest.partition(":")
        if not source:
            raise ConfigError(
                "this grants nothing",
                expected="NAME:CAPABILITY,…:FILE, env:NAME or fd:N for FILE",
            )
        grants.append(
            Grant(name=name, secret=read(source), may=read_capabilities(names.split(","), possible))
        )
    if len({grant.name for grant in grants}) < len(grants):
        raise ConfigError(
            "a name that comes twice", expected="one of each", received=", ".join(g.name for g in grants)
        )
    return tuple(grants)


def not_allowed(capability: Capability) -> NotAllowed:
    """Return the error of a question that is not for whoever asks it."""
    return NotAllowed(f"this client may not {capability}", capability=capability.value)
