"""How the recordings are timed: rates, units of stamps, and what their clocks did."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw

SHORTEST_MS: Final = 200.0
LONGEST_MS: Final = 60_000.0
"""A signature takes no less and no more: the shortest of SVC2004, SUSIG and SigComp 2009 takes 0.5 s, and the
longest 25 s. What is beyond is most often in another unit of time."""
RATES_APART: Final = 1.5
"""Median rates of two writers that differ by more come from two devices."""
KINDS_APART: Final = 1.1
"""The same of genuine signatures and forgeries: then the rate tells one from the other."""
DECLARED_APART: Final = 1.1
"""The same of the rate that corpus.toml says and the one measured."""

UNITS: Final = {
    Flaw.IN_SECONDS: ("seconds", "time_s"),
    Flaw.IN_MICROSECONDS: ("microseconds", "time_us"),
    Flaw.IN_NANOSECONDS: ("nanoseconds", "time_ns"),
}
"""What stamps count, and how a column of them is called in a table."""


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """How the recordings are timed.

    Attributes:
        rate_hz: samples a second within strokes, of recordings whose stamps can be milliseconds.
        duration_ms: from the first ink to the last, jumps of the clock bridged and gaps shortened.
        samples: in one recording.
        equal: share of all steps from one sample to the next in which no time passes.
        backward: recordings in which the clock steps back.
        jumped: in which it jumps: it was set, or a stamp is wrong.
        coarse: in which it is coarser than the pen, or jitters.
        untimed: without time, or timed by an index.
        other_unit: whose stamps count something else than milliseconds.
    """

    rate_hz: Spread
    duration_ms: Spread
    samples: Spread
    equal: float
    backward: int
    jumped: int
    coarse: int
    untimed: int
    other_unit: int


def time(subject: Subject) -> tuple[Clocks, list[Finding]]:
    """Look at the stamps of all recordings."""
    pen = subject.pen
    flaws = [capture.repaired.flaw for capture in pen]
    repairs = [capture.repaired.repairs for capture in pen]
    timed = np.array([flaw is None for flaw in flaws])
    rate = np.array([capture.sample_rate_hz for capture in pen])
    duration = subject.extent  # from the first to the last ink, jumps and wraps bridged
    steps = [np.diff(capture.time_ms) for capture in pen]
    backward = np.array([bool((step < 0).any()) for step in steps])
    jumped = np.array([Repair.CLOCK_JUMPED in each for each in repairs])
    coarse = np.array([Repair.COARSE_CLOCK in each for each in repairs])
    clocks = Clocks(
        rate_hz=Spread.of(rate[timed]),
        duration_ms=Spread.of(duration),
        samples=Spread.of([len(capture) for capture in pen]),
        equal=sum(int((step == 0).sum()) for step in steps) / max(1, sum(map(len, steps))),
        backward=int(backward.sum()),
        jumped=int(jumped.sum()),
        coarse=int(coarse.sum()),
        untimed=flaws.count(Flaw.NO_TIME),
        other_unit=sum(flaw in UNITS for flaw in flaws),
    )
    findings = [
        *_units(subject, flaws),
        *_durations(subject, duration, timed),
        *_stamps(subject, backward & timed, jumped, coarse),
        *_rates(subject, rate, timed),
    ]
    return clocks, findings


def _units(subject: Subject, flaws: list[Flaw | None]) -> Iterator[Finding]:
    for flaw, (unit, column) in UNITS.items():
        if rows := [row for row, each in enumerate(flaws) if each is flaw]:
            words = (
                f"Stamps count {unit}: as milliseconds no hand could have written this. Convert them, or "
                f"call the column {column}."
            )
            yield Finding.of(Token.TIME_UNIT, Severity.ERROR, words, subject.names(rows))
    if rows := [row for row, each in enumerate(flaws) if each is Flaw.NO_TIME]:
        words = (
            "There is no time, or an index stands in its place: nothing tells how the pen moved. If it "
            "sampled evenly, say how fast in corpus.toml: sampling_rate_hz = 100."
        )
        yield Finding.of(Token.NO_TIME, Severity.ERROR, words, subject.names(rows))


def _durations(subject: Subject, duration: FloatArray, timed: BoolArray) -> Iterator[Finding]:
    wrong = timed & ((duration < SHORTEST_MS) | (duration > LONGEST_MS))
    if wrong.any():
        words = (
            f"Signatures that take less than {SHORTEST_MS / 1000:g} s or more than {LONGEST_MS / 1000:g} s: "
            "the unit of their time is probably wrong."
        )
        yield Finding.of(Token.DURATION, Severity.WARNING, words, subject.names(np.flatnonzero(wrong)))


def _stamps(subject: Subject, backward: BoolArray, jumped: BoolArray, coarse: BoolArray) -> Iterator[Finding]:
    said = (
        (
            Token.CLOCK_JUMPED, Severity.WARNING, jumped,
            "The clock jumps: it was set while they were written, or a stamp is wrong. The jump is bridged.",
        ),
        (
            Token.BACKWARD_STAMPS, Severity.NOTE, backward & ~jumped,
            "The clock steps back between samples. It is repaired as the device does it.",
        ),
        (
            Token.COARSE_CLOCK, Severity.NOTE, coarse,
            "The clock is coarser than the pen, or jitters. The pen's own interval is restored.",
        ),
    )  # fmt: skip
    for token, severity, found, words in said:
        if found.any():
            yield Finding.of(token, severity, words, subject.names(np.flatnonzero(found)))


def _rates(subject: Subject, rate: FloatArray, timed: BoolArray) -> Iterator[Finding]:
    if not timed.any():
        return
    writers = subject.corpus.writers
    own = {
        name: float(np.median(rate[rows]))
        for number, name in enumerate(writers)
        if len(rows := np.flatnonzero((subject.writer == number) & timed))
    }
    usual = float(np.median(list(own.values())))
    apart = [name for name, each in own.items() if max(each, usual) > RATES_APART * min(each, usual)]
    if apart:
        words = (
            f"Writers sampled at another rate than most ({usual:.0f} Hz), by more than {RATES_APART:g} "
            "times: what tells them from others may be the device, not the hand."
        )
        yield Finding.of(Token.RATES_DIFFER, Severity.WARNING, words, apart)
    kinds = [rate[timed & (subject.genuine == kind)] for kind in (True, False)]
    if all(map(len, kinds)):
        genuine, skilled = (float(np.median(each)) for each in kinds)
        if max(genuine, skilled) > KINDS_APART * min(genuine, skilled):
            words = (
                f"Genuine signatures have {genuine:.0f} samples a second, forgeries {skilled:.0f}: a model "
                "can tell them by the device, and its error rates would be too good."
            )
            yield Finding.of(Token.RATE_TELLS, Severity.WARNING, words)
    about = subject.corpus.about
    declared = about.sampling_rate_hz if about is not None else None
    measured = float(np.median(rate[timed]))
    if declared and max(declared, measured) > DECLARED_APART * min(declared, measured):
        words = f"corpus.toml says {declared:g} Hz; by their stamps it is {measured:.0f} Hz."
        yield Finding.of(Token.DECLARED_RATE, Severity.WARNING, words)
