"""`render_check`: what is known of a corpus as one page, light or dark, that needs nothing beside it."""

from typing import Any, Final

from sigverify.corpora.check import Check, Severity
from sigverify.corpora.check.copies import NEARER
from sigverify.corpora.check.repetitions import Odd
from sigverify.corpora.check.size import Sizes
from sigverify.corpora.check.spread import Spread
from sigverify.evaluation.page.drawings import draw
from sigverify.evaluation.page.parts import Table, fill
from sigverify.plotting.style import COLORS

FEW: Final = 3
"""Names that are shown at once."""
LISTED: Final = 50
"""Names that the page lists of one finding; check.json has more."""
_PLOT: Final = 640, 170
"""Pixels of the histogram."""


def render_check(check: Check, *, flip_y: bool = False, style: str = "") -> str:
    """Return the page as HTML.

    Args:
        check: what was found.
        flip_y: whether y grows downwards in the strokes, as in browsers.
        style: CSS that comes after the page's own.

    Raises:
        MissingExtra: Jinja2 is not installed.
    """
    return fill(
        "check.html",
        title=f"Corpus {check.name}",
        what=_what(check),
        style=style,
        check=check,
        tally=tally(check),
        few=FEW,
        listed=LISTED,
        nearer=NEARER,
        figures=_figures(check),
        histogram=None if check.sizes is None else _histogram(check.sizes),
        oddest=[_odd(each, flip_y=flip_y) for each in check.oddest],
    )


def _what(check: Check) -> str:
    terms = check.about.licence_note.rstrip(".") or "nothing is said of them"
    said = [f"Terms: {terms}."]
    said += [f"Forgers: {check.about.forgers}."] if check.about.forgers else []
    said += [f"Sessions: {check.about.sessions}."] if check.about.sessions else []
    said += [f"Compared with {check.against}."] if check.against else []
    said += [f"Fingerprint {check.fingerprint[:16]}…"] if check.fingerprint else []
    return " ".join(said)


def tally(check: Check) -> str:
    """Count the findings: "0 errors, 1 warning, 2 notes"."""
    numbers = {severity: len(check.of(severity)) for severity in Severity}
    return ", ".join(f"{number} {severity}{'s' * (number != 1)}" for severity, number in numbers.items())


def _figures(check: Check) -> list[Table]:
    """Lay the figures out; what belongs together stays on one line."""
    return [
        Table(
            caption, (), tuple((name, value.replace(" · ", "\u00a0·\u00a0")) for name, value in rows.items())
        )
        for caption, rows in figures(check).items()
    ]


def figures(check: Check) -> dict[str, dict[str, str]]:
    """Return the figures for people: caption → name → value."""
    found: dict[str, dict[str, str]] = {}
    if (counts := check.counts) is not None:
        found["How much there is"] = {
            "writers": str(counts.writers),
            "genuine signatures": f"{counts.genuine}; of one writer {_spread(counts.genuine_each)}",
            "skilled forgeries": f"{counts.skilled}; of one writer {_spread(counts.skilled_each)}",
        }
    if (clocks := check.clocks) is not None:
        found["Time"] = {
            "samples a second": _spread(clocks.rate_hz, 1),
            "duration (s)": _spread(clocks.duration_ms, 2, 1000),
            "samples in one recording": _spread(clocks.samples),
            "steps in which no time passes": f"{clocks.equal:.1%}",
            "clock steps back, jumps, is coarse": f"{clocks.backward}, {clocks.jumped}, {clocks.coarse}",
            "without time, or in another unit": f"{clocks.untimed}, {clocks.other_unit}",
        }
    if (pressure := check.pressure) is not None:
        most = pressure.at_most
        found["Pressure"] = {
            "missing, constant, clipped": f"{pressure.missing}, {pressure.constant}, {pressure.clipped}",
            "share of the ink at the largest": f"{most.least:.1%} · {most.median:.1%} · {most.most:.1%}",
        }
    if (pictures := check.pictures) is not None:
        ink = pictures.ink
        found["Pictures"] = {
            "width (pixels)": _spread(pictures.width),
            "height (pixels)": _spread(pictures.height),
            "share of ink": f"{ink.least:.1%} · {ink.median:.1%} · {ink.most:.1%}",
        }
    if check.copies is not None and check.repetitions is not None:
        found["Likeness"] = {
            "between a writer's own signatures": _spread(check.repetitions, 2),
            "exact copies": str(check.copies.exact),
            "near copies": f"{check.copies.near}; nearer than {_spread(check.copies.bound, 2)}",
            "copies in another time, by their line": str(check.copies.same_line),
            "the nearest other pair, as a share of usual": _share(check.copies.nearest),
        }
    if (sizes := check.sizes) is not None:
        rates = {"forgeries": sizes.eer_skilled, "strangers": sizes.eer_random}
        found[f"What {sizes.measure} alone tells"] = {
            f"equal error rate against {name}": "–" if rate is None else f"{rate:.1%}"
            for name, rate in rates.items()
        }
        if check.clocks is not None:
            found["Time"]["width of one writer's signatures"] = _spread(sizes.width, 1)
    return found


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def _spread(spread: Spread, digits: int = 0, unit: float = 1) -> str:
    """Show the least, the median and the most.

    >>> _spread(Spread(least=1, median=2, most=3000), 1, 10)
    '0.1 · 0.2 · 300.0'
    """
    return " · ".join(f"{value / unit:,.{digits}f}" for value in (spread.least, spread.median, spread.most))


def _histogram(sizes: Sizes) -> dict[str, Any]:
    """Lay the histogram of sizes out: bars of genuine and forged signatures in turn, and its scale."""
    width, height = _PLOT
    unit, by = ("seconds", 1000) if sizes.measure == "duration" else ("width to height", 1)
    step = width / len(sizes.genuine)
    most = max(1, *sizes.genuine, *sizes.skilled)
    bars = [
        {
            "x": f"{number * step + side * step / 2:.1f}",
            "y": f"{height - 20 - rise:.1f}",
            "width": f"{step / 2 - 0.5:.1f}",
            "height": f"{rise:.1f}",
            "color": color,
        }
        for side, (counts, color) in enumerate(((sizes.genuine, COLORS[0]), (sizes.skilled, COLORS[1])))
        for number, counted in enumerate(counts)
        if (rise := (height - 30) * counted / most) > 0
    ]
    marks = [
        {"x": f"{place * width:.0f}", "anchor": anchor, "text": f"{edge / by:.3g}"}
        for place, anchor, edge in (
            (0, "start", sizes.edges[0]),
            (0.5, "middle", sizes.edges[len(sizes.edges) // 2]),
            (1, "end", sizes.edges[-1]),
        )
    ]
    return {
        "measure": str(sizes.measure),
        "width": width,
        "height": height,
        "bars": bars,
        "marks": marks,
        "unit": unit,
        "colors": COLORS[:2],
    }


def _odd(odd: Odd, *, flip_y: bool) -> dict[str, Any]:
    return {
        "name": odd.name,
        "writer": odd.writer,
        "times": odd.times,
        "usual": [draw(capture, flip_y=flip_y) for capture in odd.usual],
        "drawing": draw(odd.capture, flip_y=flip_y),
    }
