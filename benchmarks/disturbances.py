"""What clocks, pens and hands do to a capture, and what becomes of its writer: decides if a repair stays.

    python benchmarks/disturbances.py                      # invented writers
    python benchmarks/disturbances.py -c svc2004-task2=svc2004_task2.zip --writers 20

Each disturbance leaves the writing legible. It is put on the probe only, on the references only, and on both;
five references are enrolled, the rest of the genuine signatures and the forgeries are tried at FMR 3 %.
Printed are genuine accepted of tried, forgeries accepted, and what was said of the genuine refused.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sigverify import Policy, Signature, Verifier
from sigverify.corpora import Corpus, open_corpus
from sigverify.errors import SigverifyError

REFERENCES: Final = 5
PROBES: Final = 8
"""Genuine and forged tried of each writer, at most."""
FMR: Final = 0.03
INVENTED: Final = "synthetic:writers=12,genuine=13,skilled=8,seed=4712,device=tablet"


@dataclass(frozen=True, eq=False)
class Recording:
    """Columns of a signature, free to be disturbed: `(n,)` each; `p` may be None."""

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    p: np.ndarray | None
    ink: np.ndarray

    @classmethod
    def of(cls, signature: Signature) -> "Recording":
        """Take a signature apart."""
        return cls(signature.x, signature.y, signature.time_ms, signature.pressure, signature.ink)

    def signature(self) -> Signature:
        """Put it together again."""
        return Signature(self.x, self.y, self.t, self.p, self.ink)

    def inserted(self, place: int, x, y, t, ink) -> "Recording":
        """Return it with samples put in at a place, pressed as the sample before them."""
        pressed = None if self.p is None else np.full(len(x), self.p[max(0, place - 1)])
        columns = zip((self.x, self.y, self.t, self.ink), (x, y, t, ink), strict=True)
        put = [np.insert(a, [place] * len(b), b) for a, b in columns]
        pressure = None if pressed is None else np.insert(self.p, [place] * len(x), pressed)
        return Recording(put[0], put[1], put[2], pressure, put[3].astype(bool))


Disturb = Callable[[Recording, np.random.Generator], Recording]


def clock(stamp: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Disturb:
    """Stamp the same samples by another clock."""
    return lambda its, rng: replace(its, t=stamp(its.t - its.t.min(), rng))


def ticks(step: float) -> Disturb:
    """Several samples carry one stamp."""
    return clock(lambda t, _: np.floor(t / step + 1e-9) * step)


def bursts(size: int, apart: float) -> Disturb:
    """Samples arrive together, stamped as they arrive."""

    def stamp(t: np.ndarray, _: np.random.Generator) -> np.ndarray:
        out = t.copy()
        for start in range(0, len(t), size):
            part = slice(start, start + size)
            out[part] = t[part][-1] + apart * np.arange(len(t[part]))
        return out

    return clock(stamp)


def pressure(change: Callable[[np.ndarray], np.ndarray | None]) -> Disturb:
    """Change the pressure, where there is one."""
    return lambda its, _: replace(its, p=None if its.p is None else change(its.p))


def touch(samples: int, away: float, after_ms: float) -> Disturb:
    """Touch the pad before (negative) or after the name, so many widths to the right of its middle."""

    def put(its: Recording, _: np.random.Generator) -> Recording:
        step = np.arange(samples)
        x = np.median(its.x) + away * np.ptp(its.x) + 0.002 * np.ptp(its.x) * step
        y = np.median(its.y) + 0.002 * np.ptp(its.y) * step
        if after_ms < 0:
            first = its.ink.copy()
            first[0] = False
            return replace(its, ink=first).inserted(0, x, y, its.t[0] + after_ms + 10 * step, step > 0)
        return its.inserted(len(its.x), x, y, its.t[-1] + after_ms + 10 * step, step > 0)

    return put


def rest(share: float, ms: float) -> Disturb:
    """Rest the pen on the pad at that share of the samples, sending all the while."""

    def put(its: Recording, rng: np.random.Generator) -> Recording:
        inked = np.flatnonzero(its.ink)
        place = int(inked[min(len(inked) - 1, int(share * len(inked)))]) + (share == 1)
        held, count = max(0, place - 1), int(ms / 10)
        tremble = 0.001 * np.ptp(its.x) * rng.normal(size=(2, count))
        later = its.t + np.where(np.arange(len(its.t)) >= place, ms, 0)
        return replace(its, t=later).inserted(
            place, its.x[held] + tremble[0], its.y[held] + tremble[1],
            its.t[held] + 10 * np.arange(1, count + 1), np.ones(count),
        )  # fmt: skip

    return put


def hover(where: str) -> Disturb:
    """Send 300 ms of hover before or after the name, far from it."""

    def put(its: Recording, _: np.random.Generator) -> Recording:
        step = np.arange(30)
        x, y, no = np.full(30, its.x.max() + 3 * np.ptp(its.x)), np.full(30, its.y.max()), np.zeros(30)
        if where == "before":
            first = its.ink.copy()
            first[0] = False
            return replace(its, ink=first).inserted(0, x, y, its.t[0] - 310 + 10 * step, no)
        return its.inserted(len(its.x), x, y, its.t[-1] + 10 + 10 * step, no)

    return put


def hover_unsaid(its: Recording, _: np.random.Generator) -> Recording:
    """Send hover between strokes every 10 ms, without pressure, and never say when the pen is down."""
    pressure = np.full(len(its.x), 0.5) if its.p is None else np.maximum(its.p, 1e-3 * its.p.max())
    out = replace(its, p=pressure, ink=np.ones(len(its.x), np.bool_))
    for place in np.flatnonzero(~its.ink)[::-1]:
        count = int((its.t[place] - its.t[place - 1]) // 10) - 1 if place else 0
        if count > 0:
            share = np.arange(1, count + 1) / (count + 1)
            x, y, t = (
                each[place - 1] + share * (each[place] - each[place - 1]) for each in (its.x, its.y, its.t)
            )
            out = out.inserted(place, x, y - 0.05 * np.ptp(its.y) * np.sin(np.pi * share), t, np.ones(count))
            out.p[place : place + count] = 0
    return out


def lost(samples: int) -> Disturb:
    """Lose the first samples."""

    def cut(its: Recording, _: np.random.Generator) -> Recording:
        part = slice(samples, None)
        return Recording(
            its.x[part], its.y[part], its.t[part], None if its.p is None else its.p[part], its.ink[part]
        )

    return cut


def missing(share: float) -> Disturb:
    """Lose that share of the samples, here and there; those that are left have their stamps."""

    def cut(its: Recording, rng: np.random.Generator) -> Recording:
        left = np.flatnonzero(rng.random(len(its.x)) >= share)
        # The way to the first sample that is left of a stroke carries no ink.
        begins = np.diff(np.cumsum(~its.ink)[left], prepend=-1) > 0
        pressure = None if its.p is None else its.p[left]
        return Recording(its.x[left], its.y[left], its.t[left], pressure, its.ink[left] & ~begins)

    return cut


def no_lifts(its: Recording, _: np.random.Generator) -> Recording:
    """Stamp by a count of the samples that touch."""
    steps = np.diff(its.t, prepend=its.t[0])
    return replace(its, t=np.cumsum(np.where(its.ink, steps, np.median(steps))))


def within(its: Recording, rng: np.random.Generator) -> np.ndarray:
    """Choose a sample that is neither first nor last of a stroke."""
    return rng.choice(np.flatnonzero(its.ink[:-1] & its.ink[1:]), 1)


def misplaced(which, off: float | None = None) -> Disturb:
    """Put samples to 0, or off by a share of the diagonal in any direction."""

    def put(its: Recording, rng: np.random.Generator) -> Recording:
        places, x, y = which(its, rng), its.x.copy(), its.y.copy()
        if off is None:
            x[places] = y[places] = 0.0
        else:
            angle, way = rng.uniform(0, 2 * np.pi), off * np.hypot(np.ptp(x), np.ptp(y))
            x[places] += way * np.cos(angle)
            y[places] += way * np.sin(angle)
        return replace(its, x=x, y=y)

    return put


def stale(its: Recording, _: np.random.Generator) -> Recording:
    """Begin each stroke but the first with the last position before it."""
    starts = np.flatnonzero(~its.ink)
    starts = starts[starts > 0]
    x, y = its.x.copy(), its.y.copy()
    x[starts], y[starts] = its.x[starts - 1], its.y[starts - 1]
    return replace(its, x=x, y=y)


def per_stroke(its: Recording, _: np.random.Generator) -> Recording:
    """Count from 0 in every stroke."""
    starts = np.unique(np.concatenate([[0], np.flatnonzero(~its.ink)]))
    first = np.repeat(its.t[starts], np.diff(np.append(starts, len(its.t))))
    return replace(its, t=its.t - first)


EPOCH: Final = 1_790_000_000_000.0
DISTURBANCES: Final[dict[str, Disturb]] = {
    "nothing": lambda its, _: its,
    "ticks of 10 ms": ticks(10), "Windows ticks, 15.6 ms": ticks(15.625), "60 Hz frames": ticks(1000 / 60),
    "ticks of 20 ms": ticks(20), "ticks of 33 ms": ticks(100 / 3), "ticks of 40 ms": ticks(40),
    "ticks of 50 ms": ticks(50), "browser clock, 100 ms": ticks(100), "ticks of 200 ms": ticks(200),
    "packets of 2": bursts(2, 0), "packets of 3": bursts(3, 0), "packets of 4": bursts(4, 0),
    "packets of 6": bursts(6, 0), "serial bursts of 2": bursts(2, 0.02),
    "serial bursts of 3": bursts(3, 0.05), "serial bursts of 5": bursts(5, 0.3),
    "jitter of 3 ms": clock(lambda t, rng: t + rng.uniform(-3, 3, len(t))),
    "jitter of 5 ms": clock(lambda t, rng: t + rng.uniform(-5, 5, len(t))),
    "epoch milliseconds": clock(lambda t, _: t + EPOCH),
    "stamps from 0 in every stroke": per_stroke,
    "first stamp 0, then epoch": clock(lambda t, _: np.where(np.arange(len(t)) == 0, 0, t + EPOCH)),
    "one stray 0": clock(lambda t, _: np.where(np.arange(len(t)) == len(t) // 2, 0, t + EPOCH)),
    "last stamp 0": clock(lambda t, _: np.where(np.arange(len(t)) == len(t) - 1, 0, t + EPOCH)),
    "clock set an hour on": clock(lambda t, _: t + 3_600_000 * (t > t.max() / 2)),
    "clock set an hour back": clock(lambda t, _: t + EPOCH - 3_600_000 * (t > t.max() / 2)),
    "two clocks": clock(lambda t, _: t + EPOCH * (t > t.max() / 3)),
    "16-bit counter": clock(lambda t, _: (t + 2**16 - 700) % 2**16),
    "32-bit counter": clock(lambda t, _: (t + 2**32 - 700) % 2**32),
    "32-bit counter of us": clock(lambda t, _: (1000 * t + 2**32 - 700_000) % 2**32 / 1000),
    "no pressure": pressure(lambda _: None), "pressure all 0": pressure(lambda p: 0 * p),
    "pressure all 0.5": pressure(lambda p: 0 * p + 0.5),
    "pressure all 1023": pressure(lambda p: 0 * p + 1023),
    "pressure of another range": pressure(lambda p: 3 + 40 * p),
    "pressure in 20 steps": pressure(lambda p: np.ceil(20 * p / p.max())),
    "pressure cut off at its median": pressure(lambda p: np.minimum(p, np.median(p))),
    "pressure gone half-way": pressure(lambda p: np.where(np.arange(len(p)) < len(p) / 2, p, 0)),
    "touch 2 s before, beside": touch(3, 0.8, -2000), "touch 2 s before, inside": touch(3, 0.1, -2000),
    "touch 0.3 s before, far": touch(3, 1.6, -300), "touch 2 s after, beside": touch(4, 0.8, 2000),
    "touch 2 s after, inside": touch(4, 0.2, 2000),
    "rest at the start": rest(0, 600), "rest in the middle": rest(0.5, 600), "rest at the end": rest(1, 600),
    "hover in lifts, unsaid": hover_unsaid,
    "hover before": hover("before"), "hover after": hover("after"),
    "5 samples lost at the start": lost(5), "10 samples lost at the start": lost(10),
    "10 % of the samples lost": missing(0.1), "30 % of the samples lost": missing(0.3),
    "50 % of the samples lost": missing(0.5), "no time in lifts": no_lifts,
    "first position 0": misplaced(lambda its, _: np.flatnonzero(~its.ink)[:1]),
    "last position 0": misplaced(lambda its, _: np.flatnonzero(its.ink)[-1:]),
    "one position within 0": misplaced(within), "one position within off": misplaced(within, off=0.5),
    "strokes begin where the last ended": stale,
}  # fmt: skip


def disturbed(signature: Signature, disturb: Disturb, number: int) -> Signature:
    """Disturb a signature, the same way each time it is asked for."""
    return disturb(Recording.of(signature), np.random.default_rng(number)).signature()


def tally(corpus: Corpus, disturb: Disturb, side: str) -> dict[str, object]:
    """Enroll and try every writer of a corpus with one side, or both, disturbed."""
    plain = DISTURBANCES["nothing"]
    at_enrollment = disturb if side != "probe" else plain
    at_trial = disturb if side != "references" else plain
    accepted, tried, forged, forgeries, said = 0, 0, 0, 0, Counter[str]()
    for number, writer in enumerate(corpus.writers):
        genuine = [capture(sample) for sample in corpus.genuine(writer)]
        with Verifier.open(":memory:", policy=Policy.unguarded()) as verifier:
            try:
                references = [
                    disturbed(each, at_enrollment, 100 * number + k)
                    for k, each in enumerate(genuine[:REFERENCES])
                ]
                verifier.enroll("writer", references)
            except SigverifyError as error:
                said[f"not enrolled: {str(error)[:60]}"] += 1
                tried += len(genuine[REFERENCES : REFERENCES + PROBES])
                continue
            for k, each in enumerate(genuine[REFERENCES : REFERENCES + PROBES]):
                yes, words = decided(verifier, each, at_trial, 7_000 + 100 * number + k)
                tried, accepted = tried + 1, accepted + yes
                if not yes:
                    said[words] += 1
            for k, sample in enumerate(corpus.skilled(writer)[:PROBES]):
                yes, _ = decided(verifier, capture(sample), at_trial, 9_000 + 100 * number + k)
                forgeries, forged = forgeries + 1, forged + yes
    return {"accepted": accepted, "tried": tried, "forged": forged, "forgeries": forgeries, "said": said}


def decided(verifier: Verifier, probe: Signature, disturb, number: int) -> tuple[bool, str]:
    """Return whether a disturbed probe is accepted, and what is said of it."""
    try:
        decision = verifier.verify("writer", disturbed(probe, disturb, number), fmr=FMR)
    except SigverifyError as error:  # not even a signature
        return False, f"refused: {str(error)[:60]}"
    return decision.accepted, ", ".join(decision.unlike) or str(decision.reason.name).lower()


def capture(sample) -> Signature:
    """Return what a sample holds, in this release or in one before."""
    return sample.capture if hasattr(sample, "capture") else sample.signature


def table(corpus: Corpus, names: list[str]) -> Iterator[str]:
    """Yield the rows of a table, one disturbance each."""
    yield f"{corpus.name}: genuine accepted / tried, forgeries accepted, at FMR {FMR:.0%}"
    yield ""
    yield "| disturbance | probe only | references only | both | said of the genuine refused |"
    yield "|---|---|---|---|---|"
    for name in names:
        cells, said = [], Counter[str]()
        for side in ("probe", "references", "both"):
            found = tally(corpus, DISTURBANCES[name], side)
            cells.append(f"{found['accepted']} / {found['tried']}, {found['forged']} of {found['forgeries']}")
            said.update(found["said"])
        words = "; ".join(f"{what} ({count})" for what, count in said.most_common(3))
        yield f"| {name} | {' | '.join(cells)} | {words} |"


def main() -> None:
    """Print a table for each corpus."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-c", "--corpus", action="append", help="as for `sigverify evaluate`; invented writers if not given"
    )
    parser.add_argument("--writers", type=int, default=12, help="of each corpus, at most")
    parser.add_argument("--only", nargs="*", help="disturbances by name")
    options = parser.parse_args()
    for spec in options.corpus or [INVENTED]:
        corpus = open_corpus(spec)
        for row in table(
            corpus.select(corpus.writers[: options.writers]), options.only or list(DISTURBANCES)
        ):
            print(row, flush=True)  # noqa: T201
        print()  # noqa: T201


if __name__ == "__main__":
    main()
