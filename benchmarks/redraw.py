"""How well can a stolen, decrypted template be drawn, and what does it cost to keep less? As Markdown.

The numbers decide what a template holds (docs/store.md). The thief has one reference in the model's own
coordinates, knows this code, and makes a signature of it: from the places in its detail, or, where that was
taken, velocities integrated; with the scales and offsets that standardizing removed solved from speed and
direction. For every weakening of the template, the table has

- EER: skilled forgeries, one global threshold, with scores fitted anew on the other corpora.
- error, r: of the drawing against the true trace, after the best shift, scale and rotation: root mean square
  relative to the size of the signature, and correlation. 1.00 and 0.00 would be a blot.
- replayed: how many drawings are accepted where the template was stolen, at a false-match rate of 1 % for
  skilled forgeries; of these, caught: how many the comparison in full takes for a copy of a reference (a
  fixed distance, so it says something only while nothing is taken).
- elsewhere: how many are accepted at a store that has other signatures of the same writer, and so nothing to
  compare copies with; genuine ones accepted there for comparison.

    python benchmarks/redraw.py --data corpora/
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import typer

from converter import fitting
from sigverify import Model, Signature
from sigverify.cli.progress import stage_bar
from sigverify.cli.quiet import quiet
from sigverify.corpora import Corpus, Kind, open_corpus
from sigverify.errors import InvalidSignature
from sigverify.evaluation import Measured, SdkSystem, evaluate, measure
from sigverify.evaluation.tables import WriterTables
from sigverify.experiments.left_out import LEFT_OUT, open_real
from sigverify.matcher import Matcher
from sigverify.matching.cues import PAIR, SERIES, TRIMMED
from sigverify.matching.embedding import SERIES_SCALE, Embedding
from sigverify.matching.scoring import Impostor
from sigverify.modality.pen.features import (
    CHANNEL_NAMES,
    CLIP,
    DETAIL_NAMES,
    FRAMES,
    MIDDLE_SPEED,
    SERIES_CHANNELS,
    trace,
)
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.tempo import TEMPO

FMR: Final = 0.01
REPORTED: Final = ("sigcomp2009", "synthetic", *LEFT_OUT)
"""The first two are for choosing, the others for saying what the choice costs."""
HEAD: Final = (
    "| what is taken, or kept | EER % | error | r | replayed % | caught % | elsewhere % | genuine % |\n"
    "|---|---|---|---|---|---|---|---|"
)
SYNTHETIC: Final = "synthetic:writers=40,seed=4"
"""Invented writers, others than the shipped network was trained on."""

Drawn = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weakening:
    """What is taken before it is kept: the detail, and of the series channels and steps of int8."""

    label: str
    detail: bool = False
    without: tuple[str, ...] = ()
    step: int = 1
    pooled: int = 1

    def __call__(self, embedding: Embedding) -> Embedding:
        """Return the embedding that would be kept."""
        values = embedding.series.astype(np.int32)
        pooled = values.reshape(-1, self.pooled, SERIES_CHANNELS).mean(axis=1)
        rounded = np.clip(np.rint(pooled / self.step) * self.step, -127, 127) * self.kept
        detail = embedding.detail * np.int8(self.detail)
        return replace(embedding, series=rounded.astype(np.int8), detail=detail)

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which channels are left; the others are 0, and so cost and tell nothing."""
        return np.array([name not in self.without for name in CHANNEL_NAMES[:SERIES_CHANNELS]])


WEAKENINGS: Final = (
    Weakening("nothing taken", detail=True),
    Weakening("detail taken"),
    Weakening("detail taken, 4 of 8 bits kept", step=16),
    Weakening("detail taken, 3 of 8 bits kept", step=32),
    Weakening("detail taken, 2 of 8 bits kept", step=64),
    Weakening("detail taken, one frame of two kept", pooled=2),
    Weakening("detail taken, one frame of four kept", pooled=4),
    Weakening("detail, dx, dy taken", without=("dx", "dy")),
    Weakening("detail, cos, sin taken", without=("cos", "sin")),
    Weakening("detail, dx, dy, cos, sin taken", without=("dx", "dy", "cos", "sin")),
    Weakening("detail and all of the series taken", without=CHANNEL_NAMES[:SERIES_CHANNELS]),
)


def main(
    data: Annotated[Path, typer.Option("--data", exists=True, file_okay=False)],
    *,
    model: Annotated[str, typer.Option("--model")] = "base",
    references: Annotated[int, typer.Option("--references")] = 4,
    signatures: Annotated[int, typer.Option("--signatures", help="Genuine and forged ones of a writer.")] = 8,
    writers: Annotated[int, typer.Option("--writers", help="Of each corpus, the first.")] = 20,
    report_on: Annotated[str, typer.Option("--report-on", help="Corpora to measure on.")] = ",".join(
        REPORTED
    ),
) -> None:
    """Measure and print a table for each corpus."""
    system = SdkSystem(Matcher.open(Model.read(model)))
    corpora = {name: _fewer(corpus, signatures) for name, corpus in open_real(data, writers=writers).items()}
    corpora["synthetic"] = _fewer(open_corpus(SYNTHETIC), signatures)
    with quiet(), stage_bar("Measuring") as show:
        seen = {}
        for name, corpus in corpora.items():
            show(f"comparing {name}", len(seen), len(corpora))
            seen[name] = Seen.of(system, corpus)
        lines: defaultdict[str, list[str]] = defaultdict(list)
        for done, weakening in enumerate(WEAKENINGS):
            show(weakening.label, done, len(WEAKENINGS))
            weak = {each: its.weakened(system, weakening) for each, its in seen.items()}
            for name in report_on.split(","):
                lines[name].append(_row(system, name, weak, weakening, references))
    for name, rows in lines.items():
        typer.echo("\n".join([f"{name}, R = {references}:", "", HEAD, *rows, ""]))


def _fewer(corpus: Corpus, signatures: int) -> Corpus:
    """Keep the first signatures of each writer and kind, to be done in minutes."""
    counts: defaultdict[tuple[str, Kind], int] = defaultdict(int)
    kept = []
    for sample in corpus.samples:
        counts[sample.writer, sample.kind] += 1
        if counts[sample.writer, sample.kind] <= signatures:
            kept.append(sample)
    return replace(corpus, samples=tuple(kept))


@dataclass(frozen=True, eq=False)
class Seen:
    """A corpus as the network sees it: embeddings, and all distances."""

    corpus: Corpus
    embeddings: Sequence[Embedding]
    trials: Measured

    @classmethod
    def of(cls, system: SdkSystem, corpus: Corpus) -> "Seen":
        """Compare whole embeddings."""
        embeddings = [system.embed(sample.capture) for sample in corpus.samples]
        return cls._measured(system, corpus, embeddings)

    @classmethod
    def _measured(cls, system: SdkSystem, corpus: Corpus, embeddings: Sequence[Embedding]) -> "Seen":
        known = {id(sample.capture): its for sample, its in zip(corpus.samples, embeddings, strict=True)}
        return cls(corpus, embeddings, measure(_Known(system, known), corpus))

    @property
    def writers(self) -> list[WriterTables]:
        """The distances in full, for fitting; those that lack something come after them."""
        count = self.trials.tables[0].spread.shape[-1] // 2
        return [
            WriterTables(
                f"{self.corpus.name}/{table.writer}",
                table.spread[..., :count],
                {
                    kind: replace(its, distances=its.distances[..., :count])
                    for kind, its in table.probes.items()
                },
            )
            for table in self.trials.tables
        ]

    def weakened(self, system: SdkSystem, weakening: Weakening) -> "Seen":
        """Compare anew by what reads the series and the detail; the other cues are as they were."""
        columns = _columns(system)
        kept = [weakening(its) for its in self.embeddings]
        alone = [
            replace(its, sequence=np.zeros((1, 0), np.int8), vector=np.ones(1, np.float32)) for its in kept
        ]
        other = Seen._measured(system, self.corpus, alone)
        tables = tuple(
            replace(
                table,
                spread=_put(new.spread, table.spread, columns),
                probes={
                    kind: replace(old, distances=_put(new.probes[kind].distances, old.distances, columns))
                    for kind, old in table.probes.items()
                },
            )
            for table, new in zip(self.trials.tables, other.trials.tables, strict=True)
        )
        return Seen(self.corpus, kept, replace(self.trials, tables=tables))


class _Known(SdkSystem):
    """Knows the embeddings already."""

    def __init__(self, system: SdkSystem, known: Mapping[int, Embedding]) -> None:
        self.__dict__.update(system.__dict__)
        self._of = known

    def embed(self, signature: Signature) -> Embedding:
        """Look up."""
        return self._of[id(signature)]

    def cohort(self) -> Sequence[Embedding]:
        """Bring nobody along: weakened embeddings are of other shapes."""
        return ()


def _columns(system: SdkSystem) -> list[int]:
    """Columns of the cues that read series and detail, in full and reduced; see `SdkSystem.distances`."""
    own = [place for place, cue in enumerate(system.cues) if cue in (SERIES, TRIMMED, PAIR, TEMPO)]
    return own + [place + len(system.cues) for place in own]


def _put(new: Any, old: Any, columns: Sequence[int]) -> Any:
    """Take these columns from `new` and the others from `old`."""
    out = old.copy()
    out[..., columns] = new[..., columns]
    return out


def _row(
    system: SdkSystem, name: str, weak: Mapping[str, Seen], weakening: Weakening, references: int
) -> str:
    """Measure one weakening; scores are fitted on the other real corpora and on invented writers."""
    others = [writer for each in weak if each != name for writer in weak[each].writers]
    system = system.scored_by(fitting.fit_scoring(others, system.cues))
    measured = weak[name].trials
    report = evaluate(system, measured.corpus, references=[references], measured=measured)
    eer = report.conditions[0].impostors["skilled"].eer
    attacked = _attack(system, weak[name], weakening, references)
    return f"| {weakening.label} | {100 * eer.mean:.2f} ± {100 * eer.std:.2f} | {attacked} |"


def _attack(system: SdkSystem, seen: Seen, weakening: Weakening, count: int) -> str:
    """Steal the first reference of every writer, draw it and show it; the cells after the EER."""
    errors, correlations, replayed, caught, elsewhere, genuine = [], [], [], [], [], []
    own: defaultdict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(seen.corpus.samples):
        if sample.kind is Kind.GENUINE:
            own[sample.writer].append(index)
    for indices in own.values():
        here, there = indices[:count], indices[1 : count + 1]
        stolen = seen.embeddings[here[0]]
        drawing = (
            trace_of(stolen.detail / SERIES_SCALE)
            if weakening.detail
            else draw(stolen.series / SERIES_SCALE, weakening.kept)
        )
        if drawing is None:
            continue
        true = trace(seen.corpus.samples[here[0]].capture)[:, :2].astype(np.float64)
        error, correlation = _likeness(drawing, true)
        errors.append(error)
        correlations.append(correlation)
        probe = weakening(system.embed(_forged(drawing, stolen)))
        accepted, copy = _shown(system, probe, [seen.embeddings[index] for index in here])
        replayed.append(accepted)
        caught += [copy] if accepted else []
        elsewhere.append(_shown(system, probe, [seen.embeddings[index] for index in there])[0])
        if len(there) == count:
            genuine.append(_shown(system, stolen, [seen.embeddings[index] for index in there])[0])
    if not errors:
        return "– | – | – | – | – | –"
    rates = (f"{100 * np.mean(each):.0f}" if each else "–" for each in (replayed, caught, elsewhere, genuine))
    return f"{np.median(errors):.2f} | {np.median(correlations):.2f} | {' | '.join(rates)}"


def _shown(system: SdkSystem, probe: Embedding, its: Sequence[Embedding]) -> tuple[bool, bool]:
    """Whether these references accept the probe, and whether they see a copy in it."""
    apart = system.distances([probe], its)
    score = float(system.score(apart, system.spread(its))[0])
    wanted = system.scoring.threshold(FMR, impostor=Impostor.SKILLED, references=len(its))
    return score >= wanted, bool(apart[0, :, system.cues.index(SERIES)].min() < PEN.copy_distance)


def trace_of(detail: npt.ArrayLike) -> Drawn:
    """Put the places in a detail `(t, c)` back to their scales: `(FRAMES, 2)`.

    The pace tells the speed itself: so (sx · x')² + (sy · y')² = s² gives both scales by least squares.
    """
    x, y, pace = (np.asarray(detail, np.float64)[:, DETAIL_NAMES.index(name)] for name in ("x", "y", "pace"))
    slopes = np.stack([np.gradient(x), np.gradient(y)], axis=1) / 2
    speed = MIDDLE_SPEED * (2 + pace) / np.maximum(2 - pace, 1e-2)
    squares, *_ = np.linalg.lstsq(slopes**2, speed**2, rcond=None)
    path = np.stack([x, y], axis=1) * np.sqrt(np.clip(squares, 1e-2, 1e2))
    steps = np.linspace(0, len(path) - 1, FRAMES)
    return np.stack([np.interp(steps, np.arange(len(path)), column) for column in path.T], axis=1)


def draw(functions: npt.ArrayLike, kept: npt.NDArray[np.bool_]) -> Drawn | None:
    """Draw a path `(FRAMES, 2)` from standardized functions `(t, 7)`; None when no direction is left."""
    given = np.asarray(functions, np.float64)
    steps = np.linspace(0, len(given) - 1, FRAMES)
    values = np.stack([np.interp(steps, np.arange(len(given)), column) for column in given.T], axis=1)
    dx, dy, speed, cos, sin = (values[:, channel] for channel in range(5))
    estimates = []
    if kept[0]:
        estimates.append(_velocity(dx, dy, speed))
    if kept[3]:
        estimates.append((speed - speed.min())[:, np.newaxis] * _circle(cos, sin))
    if not estimates:
        return None
    # Two views of one velocity, rounded apart: their mean is nearer than either.
    scaled = [each / np.linalg.norm(each) for each in estimates]
    return np.asarray(np.cumsum(np.mean(scaled, axis=0), axis=0))


def _velocity(dx: Drawn, dy: Drawn, speed: Drawn) -> Drawn:
    """Undo standardizing: find a, b, c, d with (dx + a)² + b² (dy + c)² = d² (speed + e)² by least squares.

    Multiplied out, dx² is linear in b², b²c, d², d²e, a and a constant.
    """
    columns = np.stack([-(dy**2), -2 * dy, speed**2, 2 * speed, -2 * dx, np.ones_like(dx)], axis=1)
    (b_squared, b_squared_c, _, _, a, _), *_ = np.linalg.lstsq(columns, dx**2, rcond=None)
    if not 0.01 < b_squared < 100:
        return np.stack([dx, dy], axis=1)
    aspect = np.sqrt(b_squared)
    return np.stack([dx + a, aspect * dy + b_squared_c / aspect], axis=1)


def _circle(cos: Drawn, sin: Drawn) -> Drawn:
    """Undo standardizing: the ellipse that cos and sin lie on is a circle of radius 1 around 0."""
    columns = np.stack([-(sin**2), -2 * sin, -2 * cos, np.ones_like(cos)], axis=1)
    (b_squared, b_squared_c, a, _), *_ = np.linalg.lstsq(columns, cos**2, rcond=None)
    aspect = np.sqrt(np.clip(b_squared, 0.01, 100))
    path = np.stack([cos + a, aspect * sin + b_squared_c / aspect], axis=1)
    return np.asarray(path / np.maximum(np.linalg.norm(path, axis=1, keepdims=True), 1e-9))


def _forged(drawing: Drawn, stolen: Embedding) -> Signature:
    """Make a capture of a drawing: times from the duration, pressure as it was, the pen down all along."""
    time_ms = np.linspace(0, stolen.extent, len(drawing))
    pressure = stolen.series[:, 6].astype(float) + SERIES_SCALE * CLIP
    steps = np.linspace(0, len(pressure) - 1, len(drawing))
    its = np.interp(steps, np.arange(len(pressure)), pressure)
    try:
        return Signature(drawing[:, 0], drawing[:, 1], time_ms, its, np.ones(len(drawing), bool))
    except InvalidSignature:
        return Signature(drawing[:, 0], drawing[:, 1], time_ms, None, np.ones(len(drawing), bool))


def _likeness(drawing: Drawn, true: Drawn) -> tuple[float, float]:
    """Compare after the best shift, scale and rotation: relative root-mean-square error, correlation."""
    one, other = (path[:, 0] + 1j * path[:, 1] for path in (drawing, true))
    one, other = one - one.mean(), other - other.mean()
    factor = np.vdot(one, other) / max(np.vdot(one, one).real, 1e-12)
    fitted = factor * one
    size = np.sqrt(np.mean(np.abs(other) ** 2))
    error = np.sqrt(np.mean(np.abs(fitted - other) ** 2)) / size
    parts = [np.corrcoef(getattr(fitted, axis), getattr(other, axis))[0, 1] for axis in ("real", "imag")]
    return float(error), float(np.mean(parts))


if __name__ == "__main__":
    typer.run(main)
