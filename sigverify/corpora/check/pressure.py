"""Pressure that is missing, constant, or cut off by the range of the sensor."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject
from sigverify.modality.pen.repaired import CLIPPED_PRESSURE
from sigverify.modality.pen.signature import Signature

NOTABLE: Final = 0.25
"""Share of the ink at the largest pressure from which on it is said; beyond `CLIPPED_PRESSURE` it is not
used."""


@dataclass(frozen=True, kw_only=True)
class Pressures:
    """What is known of pressure.

    Attributes:
        missing: recordings without any.
        constant: with one value throughout the ink.
        clipped: of which more than `NOTABLE` of the ink is at the largest value.
        at_most: share of the ink at the largest value, of recordings whose pressure varies.
    """

    missing: int
    constant: int
    clipped: int
    at_most: Spread


def press(subject: Subject) -> tuple[Pressures, list[Finding]]:
    """Look at the pressure of all recordings."""
    shares = [_share_at_most(capture) for capture in subject.pen]
    missing = [row for row, capture in enumerate(subject.pen) if capture.pressure is None]
    constant = [row for row, share in enumerate(shares) if share == 1]
    varying = {row: share for row, share in enumerate(shares) if share is not None and share < 1}
    clipped = [row for row, share in varying.items() if share > NOTABLE]
    lost = [row for row in clipped if varying[row] > CLIPPED_PRESSURE]
    figures = Pressures(
        missing=len(missing),
        constant=len(constant),
        clipped=len(clipped),
        at_most=Spread.of(list(varying.values())),
    )
    return figures, list(_findings(subject, missing, constant, clipped, lost))


def _share_at_most(capture: Signature) -> float | None:
    """Share of the ink at its largest pressure; None where there is no pressure."""
    if capture.pressure is None:
        return None
    written = capture.pressure[capture.ink]
    return float(np.mean(written == written.max()))


def _findings(
    subject: Subject, missing: list[int], constant: list[int], clipped: list[int], lost: list[int]
) -> Iterator[Finding]:
    if len(missing) == len(subject.pen):
        yield Finding.of(
            Token.PRESSURE_MISSING, Severity.NOTE, "There is no pressure at all: scores do without."
        )
    elif missing:
        words = (
            "Signatures without pressure among others that have it: pairs of both are compared without, "
            "which tells forgers less well."
        )
        yield Finding.of(Token.PRESSURE_MISSING, Severity.WARNING, words, subject.names(missing))
    if constant:
        words = "Pressure that never changes says nothing, and is not used."
        yield Finding.of(Token.PRESSURE_CONSTANT, Severity.WARNING, words, subject.names(constant))
    if lost:
        words = (
            f"Of the ink more than {CLIPPED_PRESSURE:.0%} is at the largest pressure: the range of the "
            "sensor cut it off, and it is not used."
        )
        yield Finding.of(Token.PRESSURE_CLIPPED, Severity.WARNING, words, subject.names(lost))
    if noted := [row for row in clipped if row not in set(lost)]:
        words = f"Of the ink more than {NOTABLE:.0%} is at the largest pressure; it is used all the same."
        yield Finding.of(Token.PRESSURE_CLIPPED, Severity.NOTE, words, subject.names(noted))
