"""`render`: reports as one page that needs nothing beside it: no network, no script, no other file."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from sigverify.corpora import Corpus
from sigverify.evaluation.page.extremes import extreme_cases, extremes_figure
from sigverify.evaluation.page.plots import (
    KIND_NAMES,
    by_corpus,
    det_figure,
    is_calibrated,
    most_references,
    references_figure,
    reliability_figure,
    scores_figure,
    writers_figure,
)
from sigverify.evaluation.protocol import TrialKind, find_protocol
from sigverify.evaluation.report import Report
from sigverify.evaluation.summary import IMPOSTORS, Condition, Estimate, ImpostorErrors, Share
from sigverify.plotting.learning_curves import History, learning_curves
from sigverify.plotting.style import styled

CSS: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #0072B2; }
h3 { margin-top: 1.8rem; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
th { font-weight: 600; background: #f5f7fa; } th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
small, .note { color: #666; } .ci { color: #666; font-size: .85em; white-space: nowrap; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; } figure img { max-width: 100%; height: auto; }
.pictures figure { flex: 1 1 30rem; max-width: 35rem; }
figcaption { color: #666; font-size: .85em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { color: #666; } dd { margin: 0; }
dd { overflow-wrap: anywhere; }
"""

TERMS: Final = (
    "Terms of ISO/IEC 19795-1. FMR: share of impostor trials accepted. FNMR: share of genuine trials "
    "rejected. EER: where both are equal, straight lines between points of the empirical curve. A skilled "
    "forgery is by somebody who practiced the signature; a random one is another writer’s own signature. "
    "“Global” is one threshold for all writers, as on a device; “per writer” is each writer’s best "
    "threshold, found afterwards. ± is the standard deviation over draws of references; brackets are 95 % "
    "confidence intervals, by bootstrap over writers."
)


def render(
    reports: Sequence[Report], *, corpora: Sequence[Corpus] = (), history: History | None = None
) -> str:
    """Return the page as HTML.

    Args:
        reports: what was found; those on one corpus are drawn together.
        corpora: those of the reports, to show the signatures judged worst; without them it is left out.
        history: learning curves of the training run.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    known = {corpus.fingerprint: corpus for corpus in corpora}
    with styled():
        sections = [_corpus(name, group, known) for name, group in by_corpus(reports).items()]
        learning = [] if history is None else [_tag("h2", "Training"), _picture(learning_curves(history), "")]
    title = "Signature verification: evaluation"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{CSS}</style></head><body>",
            _tag("h1", title),
            f'<p class="note">{escape(_what(reports))}</p>',
            _overview(reports),
            f'<p class="note">{escape(TERMS)}</p>',
            *sections,
            *learning,
            _tag("h2", "Provenance"),
            *(_provenance(report) for report in reports),
            "</body></html>\n",
        ]
    )


def _what(reports: Sequence[Report]) -> str:
    first = reports[0]
    source = find_protocol(first.protocol).source
    return (
        f"Protocol “{first.protocol}”{f' ({source})' if source else ''}, {first.draws} draws of references. "
        f"Made {first.created} by sigverify {first.versions.get('sigverify', '?')}."
    )


def _overview(reports: Sequence[Report]) -> str:
    header = ("corpus, system", "references", "skilled, global", "skilled, per writer", "random, global")
    rows = [
        (
            f"{escape(report.corpus)}, <b>{escape(report.system)}</b>",
            str(condition.references),
            *(_rate(estimate) for estimate in _headline(condition)),
        )
        for report in reports
        for condition in report.conditions
    ]
    return _table("Equal error rates (%)", header, rows)


def _headline(condition: Condition) -> tuple[Estimate | None, ...]:
    skilled = condition.impostors.get(TrialKind.SKILLED)
    random = condition.impostors.get(TrialKind.RANDOM)
    return (
        None if skilled is None else skilled.eer,
        None if skilled is None else skilled.eer_per_writer,
        None if random is None else random.eer,
    )


def _corpus(name: str, reports: Sequence[Report], known: dict[str, Corpus]) -> str:
    first = most_references(reports[0])
    counts = ", ".join(f"{errors.trials} {KIND_NAMES[kind]}" for kind, errors in first.impostors.items())
    trials = (
        f"{first.writers} writers; with {first.references} references each draw has "
        f"{first.genuine_trials} genuine trials, {counts}."
    )
    parts = [
        _tag("h2", f"Corpus {name}"),
        f"<p>{trials}</p>",
        '<div class="pictures">',
        _picture(det_figure(reports), "DET curves with 95 % confidence bands over writers"),
        _picture(references_figure(reports), "Error against number of references"),
        "</div>",
        *(_system(report, known.get(report.corpus_fingerprint)) for report in reports),
    ]
    return "\n".join(parts)


def _system(report: Report, corpus: Corpus | None) -> str:
    parts = [
        _tag("h3", report.system),
        '<div class="pictures">',
        _picture(scores_figure(report), "Score distributions by kind of trial, all draws"),
        _picture(writers_figure(report), "Spread of error over writers"),
    ]
    if is_calibrated(report):
        parts.append(_picture(reliability_figure(report), "Reliability of the score as a probability"))
        parts.append(f"<div>{_calibration(report)}</div>")
    parts += ["</div>", _thresholds(report), _profiles(report), _promises(report), _latency(report)]
    cases = extreme_cases(report, corpus) if corpus is not None else ()
    if cases:
        parts.append(
            _picture(
                extremes_figure(cases),
                "The genuine signatures with the lowest scores and the skilled forgeries with the highest, "
                "each beside two of the references it was tried with",
            )
        )
    return "\n".join(part for part in parts if part)


def _thresholds(report: Report) -> str:
    header = ("impostor", "references", "FMR ≤ (%)", "threshold", "FNMR (%)")
    rows = [
        (
            *named,
            f"{100 * point.fmr:g}{_few(errors, point.fmr)}",
            _score(point.threshold),
            _rate(point.fnmr),
        )
        for named, errors in _by_impostor(report)
        for point in errors.points
    ]
    note = "*: fewer impostor trials than 3 / FMR; the figure rests on a handful of them or on none."
    return _table("Thresholds by false match rate, set on these trials", header, rows, note=note)


def _by_impostor(report: Report) -> list[tuple[tuple[str, str], ImpostorErrors]]:
    """List kinds of impostor, and of each the numbers of references, as the first two cells of a row."""
    return [
        ((KIND_NAMES[kind], str(condition.references)), condition.impostors[kind])
        for kind in IMPOSTORS
        for condition in report.conditions
        if kind in condition.impostors
    ]


def _score(score: float) -> str:
    """Show a score with digits enough to tell it from 0 and from 1.

    >>> _score(0.25), _score(0.0000123), _score(0.99998765)
    ('0.2500', '1.2e-05', '0.999988')
    """
    if score < 0.001:
        return f"{score:.1e}"
    return f"{score:.4f}" if score < 0.9995 else f"{score:.6f}"


def _few(errors: ImpostorErrors, fmr: float) -> str:
    """Mark rates that the trials are too few for: 0 errors in n bound a rate by 3 / n (rule of three)."""
    return "*" if errors.trials < 3 / fmr else ""


def _promises(report: Report) -> str:
    header = ("impostor", "references", "FMR promised (%)", "threshold", "FMR found (%)", "FNMR found (%)")
    rows = [
        (
            *named,
            f"{100 * point.fmr:g}",
            _score(point.threshold),
            f"{100 * point.fmr_found:.2f}",
            f"{100 * point.fnmr_found:.2f}",
        )
        for named, errors in _by_impostor(report)
        for point in errors.promised
    ]
    return _table("What the model’s own thresholds hold on this corpus", header, rows) if rows else ""


def _profiles(report: Report) -> str:
    header = (
        "references",
        "profile",
        "genuine refused (%)",
        "forgeries accepted (%)",
        "strangers accepted (%)",
    )
    rows = [
        (
            str(condition.references),
            f"{point.profile}, FMR {100 * point.profile.fmr:g} %",
            _bounded(point.genuine_refused),
            *(_bounded(point.accepted.get(kind)) for kind in (TrialKind.SKILLED, TrialKind.RANDOM)),
        )
        for condition in report.conditions
        for point in condition.profiles
    ]
    note = (
        "Thresholds of the model file, set on other signatures than these; "
        "in brackets what other writers of the kind may give: 95 % intervals by bootstrap over writers."
    )
    return _table("What each profile gives", header, rows, note=note) if rows else ""


def _bounded(share: Share | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share.found:.2f} [{100 * share.low:.2f}, {100 * share.high:.2f}]"


def _calibration(report: Report) -> str:
    header = ("impostor", "references", "Cllr (bit)", "minimum Cllr (bit)", "ECE (%)")
    rows = [
        (
            *named,
            f"{errors.calibration.cllr:.3f}",
            f"{errors.calibration.min_cllr:.3f}",
            f"{100 * errors.calibration.ece:.1f}",
        )
        for named, errors in _by_impostor(report)
        if errors.calibration is not None
    ]
    note = "Cllr 0 is perfect, 1 tells nothing; what is above its minimum is lost to calibration."
    return _table("Calibration", header, rows, note=note) if rows else ""


def _latency(report: Report) -> str:
    return (
        f"<p>Latency, median here, one thread: {report.latency.embed_ms:.2f} ms to embed a signature, "
        f"{report.latency.match_ms:.2f} ms to match it with five references.</p>"
    )


def _provenance(report: Report) -> str:
    facts = {
        "corpus": f"{report.corpus}, {report.signatures} signatures",
        "corpus fingerprint": report.corpus_fingerprint,
        "corpus terms": report.licence_note,
        **{name.replace("_", " "): value for name, value in report.provenance.items()},
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    }
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>" for name, value in facts.items() if value
    )
    return f"{_tag('h3', f'{report.system} on {report.corpus}')}<dl>{items}</dl>"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _rate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return (
        f"{100 * estimate.mean:.2f} ± {100 * estimate.std:.2f} "
        f'<span class="ci">[{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]</span>'
    )


def _table(caption: str, header: Iterable[str], rows: Iterable[Iterable[str]], *, note: str = "") -> str:
    """Lay out cells, which are HTML already; the leading ones that are as in the row above stay empty."""
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in _without_repeats(rows)
    )
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return table + (f'<p class="note"><small>{note}</small></p>' if note else "")


def _without_repeats(rows: Iterable[Iterable[str]]) -> Iterable[list[str]]:
    before: list[str] = []
    for row in map(list, rows):
        same = 0
        while same < len(row) - 1 and row[: same + 1] == before[: same + 1]:
            same += 1
        yield [*([""] * same), *row[same:]]
        before = row


def _picture(figure: Any, caption: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    source = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = escape(caption)
    return (
        f'<figure><img alt="{text or "learning curves"}" src="data:image/svg+xml;base64,{source}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
