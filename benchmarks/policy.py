"""Print what the rules of enrollment and verification cost and catch on a corpus, as Markdown.

Each table decides one constant or one sentence in docs/decisions.md: who is refused at enrollment that should
not be, which mixed sets get through, which copies are found, and how often the reason given is the true one.

    python benchmarks/policy.py --corpus synthetic:writers=60,genuine=10,skilled=4,seed=77
    python benchmarks/policy.py --corpus svc2004-task2=corpora/svc2004_task2.zip
    python benchmarks/policy.py --copies --corpus susig-blind=corpora/susig_blind.zip
    python benchmarks/policy.py --drift --corpus synthetic:writers=60,genuine=41,sessions=12,drift=0.3
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import typer

from sigverify.cli.quiet import quiet
from sigverify.corpora import open_corpus
from sigverify.decision import confidence
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.candidates import Candidates
from sigverify.matcher import Matcher
from sigverify.matching.aspect import Aspect
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.explanation import deviations
from sigverify.modality.pen import outlines
from sigverify.modality.pen.assessment import COMPLEXITY_FLOOR, assess
from sigverify.modality.pen.features import features
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.policy.adaptation import CONFIDENCE
from sigverify.policy.profile import Profile
from sigverify.policy.replay import Memory, Role, Sketch, Sketcher

SECRET: Final = bytes(32)
SETS: Final = 6
"""Sets drawn of each writer."""
COPIED: Final = 3
"""Signatures of each writer that are copied."""

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Person:
    """A writer's signatures with their embeddings; forgeries by others of this name."""

    genuine: tuple[tuple[Signature, Embedding], ...]
    skilled: tuple[tuple[Signature, Embedding], ...]


def people(corpus: str, matcher: Matcher) -> list[Person]:
    """Embed a corpus."""
    its = open_corpus(corpus)

    def embedded(samples):
        return tuple((sample.capture, matcher.embed(sample.capture)) for sample in samples)

    return [Person(embedded(its.genuine(writer)), embedded(its.skilled(writer))) for writer in its.writers]


# ------------------------------------------------------------------------------------------ enrollment
def screened(matcher: Matcher, given: Sequence[tuple[Signature, Embedding]]) -> list[AdditionReason]:
    """Return what an enrollment would say to each of these."""
    known = {id(signature): embedding for signature, embedding in given}
    look_up = Matcher(matcher.model, matcher.runtime, lambda its: known[id(its)], matcher.engine)
    candidates = Candidates(look_up)
    for signature, _ in given:
        candidates.add(signature)
    return candidates.reasons


def sets(everybody: Sequence[Person], count: int, rng: Rng) -> Iterator[tuple[str, list]]:
    """Draw sets of references: genuine ones, and mixed ones with the odd signatures last."""
    for index, person in enumerate(everybody):
        for _ in range(SETS):
            if len(person.genuine) < count:
                continue
            own = [person.genuine[i] for i in rng.permutation(len(person.genuine))[:count]]
            other = everybody[(index + 1 + rng.integers(len(everybody) - 1)) % len(everybody)]
            yield "one writer", own
            yield "one signature of another writer", [*own[:-1], other.genuine[0]]
            if count > 3:
                yield "two signatures of another writer", own[:-2] + list(other.genuine[:2])
            if person.skilled:
                yield "one skilled forgery", [*own[:-1], person.skilled[rng.integers(len(person.skilled))]]


def enrollment(everybody: Sequence[Person], matcher: Matcher, rng: Rng) -> Iterator[str]:
    """Table: how many sets are refused. Decides LINK and ODD."""
    yield "| references | set | sets | refused % |"
    yield "|---|---|---|---|"
    for count in (2, 3, 5):
        refused: dict[str, list[bool]] = {}
        for what, given in sets(everybody, count, rng):
            bad = any(reason is not AdditionReason.TAKEN for reason in screened(matcher, given))
            refused.setdefault(what, []).append(bad)
        for what, each in refused.items():
            yield f"| {count} | {what} | {len(each)} | {100 * np.mean(each):.1f} |"


def captures(everybody: Sequence[Person]) -> Iterator[str]:
    """Table: genuine captures refused by themselves. Decides COMPLEXITY_FLOOR and MIN_DURATION_MS."""
    qualities = [assess(signature) for person in everybody for signature, _ in person.genuine]
    simple = np.array([quality.complexity for quality in qualities])
    yield "| genuine captures | with a flaw | complexity: least | 1 % | median | floor |"
    yield "|---|---|---|---|---|---|"
    flawed = sum(quality.flaw is not None for quality in qualities)
    low, median = np.quantile(simple, [0.01, 0.5])
    yield (
        f"| {len(simple)} | {flawed} | {simple.min():.2f} | {low:.2f} | {median:.2f} | {COMPLEXITY_FLOOR} |"
    )


# --------------------------------------------------------------------------------------------- replay
def changed(its: Signature, *, x=None, y=None, time_ms=None, pressure=None) -> Signature:
    """Return a signature with some columns replaced."""
    return Signature(
        its.x if x is None else x,
        its.y if y is None else y,
        its.time_ms if time_ms is None else time_ms,
        its.pressure if pressure is None else pressure,
        its.ink,
    )


def noise(share: float) -> Callable[[Signature, Rng], Signature]:
    """Add independent noise to the positions, of this share of the signature's size."""

    def apply(its, rng):
        size = share * (np.ptp(its.x[its.ink]) + np.ptp(its.y[its.ink])) / 2
        return changed(
            its, x=its.x + size * rng.normal(size=len(its)), y=its.y + size * rng.normal(size=len(its))
        )

    return apply


def jitter(milliseconds: float) -> Callable[[Signature, Rng], Signature]:
    """Add independent noise to the stamps."""
    return lambda its, rng: changed(its, time_ms=its.time_ms + milliseconds * rng.normal(size=len(its)))


def rotate(degrees: float) -> Callable[[Signature, Rng], Signature]:
    """Turn the ink."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return lambda its, _: changed(its, x=its.x * cos - its.y * sin, y=its.x * sin + its.y * cos)


def warp(share: float) -> Callable[[Signature, Rng], Signature]:
    """Stretch and squeeze the time smoothly."""

    def apply(its, rng):
        start, whole = its.time_ms.min(), max(its.duration_ms, 1.0)
        part = (its.time_ms - start) / whole
        waves = (rng.normal() / k * np.sin(np.pi * k * part) / np.pi for k in (1, 2, 3))
        return changed(its, time_ms=start + whole * (part + share * sum(waves)))

    return apply


def resample(rate_hz: float) -> Callable[[Signature, Rng], Signature]:
    """Sample anew, straight between samples."""

    def apply(its, _):
        keep = np.concatenate([[True], np.diff(np.maximum.accumulate(its.time_ms)) > 0])
        time = its.time_ms[keep]
        grid = np.arange(time[0], time[-1], 1000 / rate_hz)
        x, y = (np.interp(grid, time, column[keep]) for column in (its.x, its.y))
        pressure = None if its.pressure is None else np.interp(grid, time, its.pressure[keep])
        return Signature(x, y, grid, pressure, its.ink[keep][np.searchsorted(time, grid)])

    return apply


def crop(begin: float, end: float = 0.0) -> Callable[[Signature, Rng], Signature]:
    """Leave out the beginning, and that share at the end."""

    def apply(its, _):
        kept = slice(max(1, int(begin * len(its))), len(its) - int(end * len(its)))
        pressure = None if its.pressure is None else its.pressure[kept]
        return Signature(its.x[kept], its.y[kept], its.time_ms[kept], pressure, its.ink[kept])

    return apply


def smooth(samples: int) -> Callable[[Signature, Rng], Signature]:
    """Average the positions over so many samples."""

    def apply(its, _):
        half, kernel = samples // 2, np.ones(samples) / samples
        x, y = (np.convolve(np.pad(axis, half, "edge"), kernel, "valid") for axis in (its.x, its.y))
        return changed(its, x=x, y=y)

    return apply


def beside(samples: int, share: float, *, before: bool) -> Callable[[Signature, Rng], Signature]:
    """Draw a stroke of that share of the ink in the middle, 0.3 s before or after: too near for a touch."""

    def apply(its, rng):
        step, turn = np.arange(samples), rng.uniform(0, 2 * np.pi)
        length = share * np.hypot(np.diff(its.x), np.diff(its.y))[its.ink[1:]].sum() / max(samples - 1, 1)
        x, y = (
            np.median(its.x) + length * np.cos(turn) * step,
            np.median(its.y) + length * np.sin(turn) * step,
        )
        late = 10 * step if not before else -10 * step[::-1]
        time = its.time_ms[0] - 300 + late if before else its.time_ms[-1] + 300 + late
        pressed = None if its.pressure is None else np.full(samples, np.median(its.pressure))
        name = its.x, its.y, its.time_ms, its.pressure, its.ink & (np.arange(len(its)) > 0)
        pairs = zip((x, y, time, pressed, step > 0), name, strict=True)
        order = 1 if before else -1
        return Signature(
            *(None if one is None else np.concatenate((one, all_)[::order]) for one, all_ in pairs)
        )

    return apply


def both(one: Callable[[Signature, Rng], Signature], other: Callable[[Signature, Rng], Signature]):
    """Disturb by one after the other."""
    return lambda its, rng: other(one(its, rng), rng)


def bend(share: float) -> Callable[[Signature, Rng], Signature]:
    """Bend the line smoothly, by this share of its size."""

    def apply(its, rng):
        size = share * (np.ptp(its.x[its.ink]) + np.ptp(its.y[its.ink])) / 2
        part = np.linspace(0, 1, len(its))
        waves = [
            sum(rng.normal() * np.sin(2 * np.pi * (k * part + rng.random())) for k in (1, 2, 3, 5)) / 2
            for _ in range(2)
        ]
        return changed(its, x=its.x + size * waves[0], y=its.y + size * waves[1])

    return apply


COPIES: Final = {
    "as it was": lambda its, _: its,
    "moved, three times as large, later": lambda its, _: changed(
        its, x=3 * its.x + 50, y=3 * its.y - 9, time_ms=its.time_ms + 1e6
    ),
    "noise of 0.2 % of its size": noise(0.002),
    "noise of 0.5 %": noise(0.005),
    "noise of 1 %": noise(0.01),
    "stamps off by 1 ms": jitter(1),
    "stamps off by 3 ms": jitter(3),
    "sampled anew at 60 Hz": resample(60),
    "sampled anew at 133 Hz": resample(133),
    "sampled anew at 200 Hz": resample(200),
    "turned by 10 degrees": rotate(10),
    "slower by a tenth": lambda its, _: changed(its, time_ms=1.1 * its.time_ms),
    "time stretched smoothly, by up to 1 %": warp(0.01),
    "by up to 3 %": warp(0.03),
    "by up to 10 %": warp(0.1),
    "by up to 5 %, sampled anew": both(warp(0.05), resample(100)),
    "by up to 10 %, sampled anew": both(warp(0.1), resample(100)),
    "by up to 3 %, noise of 0.5 %": both(warp(0.03), noise(0.005)),
    "bent by 1 %": bend(0.01),
    "bent by 2 %": bend(0.02),
    "without the first 2 %": crop(0.02),
    "without the first 5 %": crop(0.05),
    "without the first and the last 5 %": crop(0.05, 0.05),
    "a tap before it": beside(3, 0.005, before=True),
    "a tap behind it": beside(3, 0.005, before=False),
    "a tap before and behind it": both(beside(3, 0.005, before=True), beside(3, 0.005, before=False)),
    "a stroke of 4 % before it": beside(8, 0.04, before=True),
    "a stroke of 4 % behind it": beside(8, 0.04, before=False),
    "smoothed over 9 samples": smooth(9),
}


def dynamics(signature: Signature):
    """Return what the sketch and the elastic distance see; the network plays no part in it."""
    inputs = features(signature)[np.newaxis]
    return Embedding.from_floats(PEN.series(inputs)[0], PEN.detail(inputs)[0], None, np.ones(1), 1.0).series


def is_copy(apart: Sequence[float]) -> bool:
    """Whether a capture whose series lies so far from those of the references is a copy of one."""
    return bool(min(apart) < PEN.copy_distance)


def sketched(sketcher: Sketcher, its: Signature, series) -> Sketch:
    """Sketch a capture as a verifier does."""
    return sketcher.sketch(sketcher.digest(PEN.fingerprint(its)), series, PEN.outlines(its))


def was_seen(its: Signature, sketch: Sketch, memory: Memory) -> bool:
    """Whether a capture is one of those remembered, as `Gate` finds out."""
    return memory.has(sketch, PEN.copy_bits) or PEN.runs_along(PEN.outlines(its), memory.outlines)


def caught(everybody: Sequence[Person], rng: Rng) -> Iterator[str]:
    """Table: copies found. Decides what is kept of a capture, and COPY_DISTANCE (references in full)."""
    sketcher = Sketcher(SECRET)
    yield "| copy | found among captures seen before % | by bits alone % | by a reference's series alone % |"
    yield "|---|---|---|---|"
    originals = [each for person in everybody for each, _ in person.genuine[:COPIED]]
    known = [(each, dynamics(each)) for each in originals]
    for what, disturb in COPIES.items():
        seen, bits, near = [], [], []
        for its, plain in known:
            copy = disturb(its, rng)
            moved = dynamics(copy)
            shown = sketched(sketcher, copy, moved)
            memory = Memory().with_([sketched(sketcher, its, plain)], Role.ACCEPTED, limit=1)
            seen.append(was_seen(copy, shown, memory))
            bits.append(memory.has(shown, PEN.copy_bits))
            near.append(is_copy(NUMPY.distances(moved, plain[np.newaxis]) / SERIES_SCALE))
        found = " | ".join(f"{100 * np.mean(each):.0f}" for each in (seen, bits, near))
        yield f"| {what} | {found} |"


def refused(everybody: Sequence[Person]) -> Iterator[str]:
    """Table: genuine signatures taken for copies, each shown once after all before it. At most 0.1 %."""
    sketcher, limit = Sketcher(SECRET), Policy().remembered
    wrong, tried, nearest, closest, along = 0, 0, [], [], []
    for person in everybody:
        memory, before = Memory(), []
        for signature, embedding in person.genuine:
            sketch = sketched(sketcher, signature, embedding.series)
            if before:
                apart = NUMPY.distances(embedding.series, np.stack(before)) / SERIES_SCALE
                nearest.append(min(_bits(sketch, kept) for _, kept in memory.entries))
                closest.append(apart.min())
                along.append(apart_by_outline(signature, memory))
                wrong += was_seen(signature, sketch, memory) or is_copy(apart)
                tried += 1
            memory = memory.with_([sketch], Role.ACCEPTED, limit=limit)
            before.append(embedding.series)
    nears = f"{min(nearest)} | {min(along):.4f} | {min(closest):.2f}"
    columns = "taken for copies | % | nearest: differing bits | outline | elastic distance"
    yield f"| genuine signatures | {columns} |"
    yield "|---|---|---|---|---|---|"
    yield f"| {tried} | {wrong} | {100 * wrong / tried:.2f} | {nears} |"


def apart_by_outline(its: Signature, memory: Memory) -> float:
    """Return how near its outlines come to one that is remembered."""
    each = [outlines.unpacked(line, memory.outlines) for line in PEN.outlines(its)]
    return min(float(outlines.apart(line, known).min()) for line, known in each)


def _bits(one: Sketch, other: Sketch) -> int:
    return (int.from_bytes(one.bits, "little") ^ int.from_bytes(other.bits, "little")).bit_count()


# -------------------------------------------------------------------------------------------- reasons
def at_even_speed(its: Signature, _: Rng) -> Signature:
    """Draw the same ink in the same time, without haste or hesitation."""
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(its.x), np.diff(its.y)))])
    even = way / way[-1] * max(its.duration_ms, 1.0)
    return changed(its, time_ms=its.time_ms.min() + even + 1e-3 * np.arange(len(its)))


def by_another_grip(its: Signature, _: Rng) -> Signature:
    """Press where the writer did not."""
    assert its.pressure is not None
    return changed(its, pressure=its.pressure.max() - its.pressure + 1)


SPOILT: Final = {
    Aspect.SHAPE: rotate(40),
    Aspect.SPEED: at_even_speed,
    Aspect.PRESSURE: by_another_grip,
    Aspect.DURATION: lambda its, _: changed(its, time_ms=2 * its.time_ms),
}


def reasons(everybody: Sequence[Person], matcher: Matcher, rng: Rng) -> Iterator[str]:
    """Table: a genuine probe spoilt in one aspect; how often that is named. Decides NOTABLE."""
    yield "| spoilt | probes | named first % | named % |"
    yield "|---|---|---|---|"
    for aspect, spoil in SPOILT.items():
        named = []
        for person in everybody:
            *given, (probe, _) = person.genuine[:6]
            if aspect is Aspect.PRESSURE and (probe.pressure is None or np.ptp(probe.pressure) == 0):
                continue
            spoilt = matcher.embed(spoil(probe, rng))
            named.append(matcher.unlike(spoilt, References.stack([embedding for _, embedding in given])))
        if named:
            first, any_ = (100 * np.mean(each) for each in (
                [names[0] is aspect for names in named], [aspect in names for names in named]
            ))  # fmt: skip
            yield f"| {aspect} | {len(named)} | {first:.0f} | {any_:.0f} |"


def adapted(everybody: Sequence[Person], matcher: Matcher) -> Iterator[str]:
    """Table: error rates with and without renewed references, forgers trying in turn. Decides the default."""
    columns = (
        "genuine refused %, first third",
        "last third",
        "forgeries accepted %",
        "renewals",
        "by forgeries",
    )
    yield f"| references | {' | '.join(columns)} |"
    yield "|---|---|---|---|---|---|"
    able = [person for person in everybody if len(person.genuine) > 5]
    for adaptive in (False, True) if able else ():
        tally = [_live(person, matcher, adaptive=adaptive) for person in able]
        thirds = [np.array_split(its[0], 3) for its in tally]
        early, late = (100 * np.mean(~np.concatenate([each[part] for each in thirds])) for part in (0, 2))
        forged = np.concatenate([its[1] for its in tally])
        renewals, poisoned = (sum(its[part] for its in tally) for part in (2, 3))
        name = "renewed after confident acceptances" if adaptive else "as enrolled"
        let_in = 100 * np.mean(forged)
        yield f"| {name} | {early:.1f} | {late:.1f} | {let_in:.1f} | {renewals} | {poisoned} |"


def _live(person: Person, matcher: Matcher, *, adaptive: bool):
    """Try genuine signatures and forgeries in turn: accepted or not, and renewals, by forgeries too."""
    given = [embedding for _, embedding in person.genuine]
    forged = [embedding for _, embedding in person.skilled]
    references = References.stack(given[:5])
    answers, renewals, by_forgeries = {True: [], False: []}, 0, 0
    for number, true in _turns(len(given) - 5, len(forged)):
        probe = given[5 + number] if true else forged[number]
        accepted, sure = _accepts(matcher, probe, references)
        answers[true].append(accepted)
        if adaptive and sure and _accepts(matcher, probe, references.take(range(3)))[1]:
            its = [references[index] for index in range(5)]
            its[3 + renewals % 2] = probe
            references = References.stack(its)
            renewals, by_forgeries = renewals + 1, by_forgeries + (not true)
    return np.array(answers[True], bool), np.array(answers[False], bool), renewals, by_forgeries


def _turns(genuine: int, forged: int) -> Iterator[tuple[int, bool]]:
    for number in range(max(genuine, forged)):
        if number < genuine:
            yield number, True
        if number < forged:
            yield number, False


def _accepts(matcher: Matcher, probe: Embedding, references: References) -> tuple[bool, bool]:
    """Whether it is accepted at the default rate, and whether with confidence."""
    compared = matcher.compare(probe, references, matcher.spread(references))
    score, rate = matcher.score_of(compared), Profile.BALANCED.fmr
    threshold = matcher.threshold(rate, references=len(references), reduced=compared.reduced)
    return score >= threshold, score >= threshold and confidence(score, threshold) >= CONFIDENCE


def usual(everybody: Sequence[Person], rng: Rng) -> Iterator[str]:
    """Table: deviations of genuine probes from five references. Decides USUAL."""
    found: dict[Aspect, list[float]] = {}
    for person in everybody:
        count = min(5, len(person.genuine) - 1)
        for _ in range(SETS):
            order = rng.permutation(len(person.genuine))
            references = References.stack([person.genuine[i][1] for i in order[:count]])
            for aspect, value in deviations(person.genuine[order[count]][1], references, PEN.aspects).items():
                found.setdefault(aspect, []).append(value)
    yield "| aspect | mean | standard deviation | 95 % |"
    yield "|---|---|---|---|"
    for aspect, values in found.items():
        yield f"| {aspect} | {np.mean(values):.2f} | {np.std(values):.2f} | {np.quantile(values, 0.95):.2f} |"


def main(
    corpus: Annotated[list[str], typer.Option("--corpus", "-c", metavar="NAME[=PATH]")],
    model: Annotated[str, typer.Option("--model", "-m")] = "base",
    drift: Annotated[bool, typer.Option("--drift", help="Print the last table alone.")] = False,
    copies: Annotated[bool, typer.Option("--copies", help="Print those of copies alone.")] = False,
) -> None:
    """Print all tables for each corpus."""
    loaded = Model.read(model)
    with quiet():
        matcher = Matcher.open(loaded)
    for name in corpus:
        everybody = people(name, matcher)
        rng = np.random.default_rng(0)
        typer.echo(f"\n## {name.partition('=')[0]}")
        if copies:
            for table in (refused(everybody), caught(everybody, rng)):
                typer.echo("\n" + "\n".join(table))
            continue
        tables = [
            captures(everybody),
            enrollment(everybody, matcher, rng),
            refused(everybody),
            caught(everybody, rng),
            reasons(everybody, matcher, rng),
            usual(everybody, rng),
            adapted(everybody, matcher),
        ]
        for table in tables[-1:] if drift else tables:
            typer.echo("\n" + "\n".join(table))


if __name__ == "__main__":
    typer.run(main)
