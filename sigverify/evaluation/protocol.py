"""`Protocol`: which signatures are references, and which probes they are tried with.

Of each writer, `references` genuine signatures are drawn at random. What is left of the genuine gives genuine
trials, every skilled forgery a skilled trial, and the first genuine signature of every other writer a random
trial. That is done for draws 0, 1, 2 … and the error rates are averaged. Some protocols take the first ones
instead, as people enroll; then there is nothing to draw.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from sigverify.arrays import IndexArray
from sigverify.errors import ConfigError

REFERENCES: Final = (1, 3, 4, 5, 10)
"""How many references are enrolled where nobody says: as few as possible, what a kiosk asks for, and what a
corpus with ten signatures more allows. Every command and benchmark that names no others takes these."""


class TrialKind(StrEnum):
    """What a probe is to the references that it is tried with."""

    GENUINE = "genuine"
    SKILLED = "skilled"
    """A forgery by somebody who practiced this signature."""
    RANDOM = "random"
    """Another writer's own signature."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A convention for making trials.

    Attributes:
        name: what `--protocol` calls it.
        pool: references are drawn from the first `pool` genuine signatures only; None: from all.
        held_back: the first `held_back` genuine signatures never become genuine trials; 0: all may that
            are not drawn as references.
        ordered: the first genuine signatures are the references, in every draw.
        sitting: genuine trials are of the first `sitting` signatures only; None: of all.
        source: who used it.

    Raises:
        ConfigError: a count is out of range.
    """

    name: str
    pool: int | None = None
    held_back: int = 0
    ordered: bool = False
    sitting: int | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Check the counts."""
        counts = [count for count in (self.pool, self.sitting) if count is not None]
        if self.held_back < 0 or any(count < 1 for count in counts):
            raise ConfigError(
                f"protocol {self.name} is out of range",
                expected="a pool of at least 1 and nothing negative held back",
                received=f"pool {self.pool}, held back {self.held_back}",
            )

    def draw(
        self, writer: str, genuine: int, references: int, seed: int
    ) -> tuple[IndexArray, IndexArray] | None:
        """Choose among a writer's `genuine` signatures: indices of references and of genuine trials.

        None when too few are left for even one genuine trial. The choice depends on the writer's name and
        the seed only, not on who else is in the corpus; of more references the first are those of fewer.

        >>> drawn, tried = STANDARD.draw("alice", genuine=6, references=4, seed=0)
        >>> sorted([*drawn.tolist(), *tried.tolist()])
        [0, 1, 2, 3, 4, 5]
        """
        pool = genuine if self.pool is None else min(self.pool, genuine)
        if references > pool:
            return None
        order = np.arange(pool)
        if not self.ordered:
            order = np.random.default_rng([seed, *writer.encode()]).permutation(pool)
        drawn = np.sort(order[:references])
        last = genuine if self.sitting is None else min(self.sitting, genuine)
        tried = np.setdiff1d(np.arange(self.held_back, last), drawn)
        return (drawn, tried) if len(tried) else None


STANDARD: Final = Protocol(name="standard")

PROTOCOLS: Final = {
    protocol.name: protocol
    for protocol in (
        STANDARD,
        Protocol(
            name="enrolled",
            ordered=True,
            source="as people enroll: the first signatures are the references, all later ones the genuine "
            "trials, of whatever day",
        ),
        Protocol(
            name="sitting",
            ordered=True,
            sitting=10,
            source="the same, with genuine trials of the first ten signatures: SVC2004 has ten a sitting, "
            "SUSIG Blind has one sitting of eight to ten",
        ),
        Protocol(
            name="svc2004",
            pool=10,
            held_back=10,
            source="references drawn from S1-S10, genuine trials S11-S20, as the competition did: "
            "https://cse.hkust.edu.hk/svc2004/results.html; random trials as in standard, where the "
            "competition took signatures of 20 other users",
        ),
        Protocol(
            name="susig",
            pool=5,
            held_back=5,
            source="a fixed enrollment, as on a device: the first five are the references, the rest the "
            "genuine trials; modeled on A. Kholmatov, B. Yanikoglu, SUSIG, 2009",
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        ConfigError: no protocol of that name.
    """
    try:
        return PROTOCOLS[name]
    except KeyError as error:
        raise ConfigError("unknown protocol", expected=" or ".join(PROTOCOLS), received=repr(name)) from error
