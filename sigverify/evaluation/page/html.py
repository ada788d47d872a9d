"""`render`: reports as one page that needs nothing beside it: no network, no script, no other file."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sigverify.corpora import Corpus
from sigverify.evaluation.page.extremes import extreme_cases, extremes_figure
from sigverify.evaluation.page.parts import Interval, Picture, Table, fill
from sigverify.evaluation.page.plots import (
    KIND_NAMES,
    LEARNING,
    by_corpus,
    is_calibrated,
    most_references,
    slug,
    stems,
)
from sigverify.evaluation.protocol import TrialKind, find_protocol
from sigverify.evaluation.report import Report, told_apart
from sigverify.evaluation.summary import IMPOSTORS, Condition, Estimate, ImpostorErrors, Share
from sigverify.plotting.style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TERMS: Final = (
    "Terms of ISO/IEC 19795-1. FMR: share of impostor trials accepted. FNMR: share of genuine trials "
    "rejected. EER: where both are equal, straight lines between points of the empirical curve. A skilled "
    "forgery is by somebody who practiced the signature; a random one is another writer’s own signature. "
    "“Global” is one threshold for all writers, as on a device; “per writer” is each writer’s best "
    "threshold, found afterwards. ± is the standard deviation over draws of references; brackets are 95 % "
    "confidence intervals, by bootstrap over writers."
)

EXTREMES: Final = (
    "The genuine signatures with the lowest scores and the skilled forgeries with the highest, "
    "each beside two of the references it was tried with"
)


def render(
    reports: Sequence[Report],
    figures: Mapping[str, "Figure"],
    *,
    corpora: Sequence[Corpus] = (),
    style: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        reports: what was found; those on one corpus stand together.
        figures: of these reports, and the learning curves of the training run if any, by `draw_plots`.
        corpora: those of the reports, to show the signatures judged worst; without them it is left out.
        style: CSS that comes after the page's own.

    Raises:
        MissingExtra: matplotlib or Jinja2 is not installed.
    """
    known = {corpus.fingerprint: corpus for corpus in corpora}
    named = told_apart(reports)
    with styled():
        sections = [_corpus(name, group, figures, known) for name, group in by_corpus(reports).items()]
        learning = Picture.of(figures[LEARNING], "") if LEARNING in figures else None
    return fill(
        "report.html",
        title="Signature verification: evaluation",
        what=_what(reports),
        style=style,
        overview=_overview(named),
        terms=TERMS,
        corpora=sections,
        learning=learning,
        provenance=[(f"{report.system} on {report.corpus}", _provenance(report)) for report in named],
    )


def _what(reports: Sequence[Report]) -> str:
    first = reports[0]
    source = find_protocol(first.protocol).source
    return (
        f"Protocol “{first.protocol}”{f' ({source})' if source else ''}, "
        f"{first.draws} draw{'s' * (first.draws != 1)} of references. "
        f"Made {first.created} by sigverify {first.versions.get('sigverify', '?')}."
    )


def _overview(reports: Sequence[Report]) -> Table:
    header = ("corpus, system", "references", "skilled, global", "skilled, per writer", "random, global")
    rows = tuple(
        (
            f"{report.corpus}, {report.system}",
            condition.references,
            *(_rate(estimate) for estimate in _headline(condition)),
        )
        for report in reports
        for condition in report.conditions
    )
    return Table("Equal error rates (%)", header, rows)


def _headline(condition: Condition) -> tuple[Estimate | None, ...]:
    skilled = condition.impostors.get(TrialKind.SKILLED)
    random = condition.impostors.get(TrialKind.RANDOM)
    return (
        None if skilled is None else skilled.eer,
        None if skilled is None else skilled.eer_per_writer,
        None if random is None else random.eer,
    )


def _corpus(
    name: str, reports: Sequence[Report], figures: Mapping[str, "Figure"], known: dict[str, Corpus]
) -> dict[str, Any]:
    first = most_references(reports[0])
    counts = ", ".join(f"{errors.trials} {KIND_NAMES[kind]}" for kind, errors in first.impostors.items())
    trials = (
        f"{first.writers} writers; with {first.references} references each draw has "
        f"{first.genuine_trials} genuine trials, {counts}."
    )
    det, references = (figures[f"{slug(name)}-{kind}"] for kind in ("det", "references"))
    pictures = [Picture.of(det, "DET curves with 95 % confidence bands over writers")]
    numbers = {condition.references for report in reports for condition in report.conditions}
    if len(numbers) > 1:  # of one number of references there is no curve
        pictures.append(Picture.of(references, "Error against number of references"))
    return {
        "name": name,
        "trials": trials,
        "selection": None if reports[0].selection is None else reports[0].selection.words(),
        "pictures": pictures,
        "systems": [
            _system(report, figures, stem, known.get(report.corpus_fingerprint))
            for stem, report in zip(stems(reports), reports, strict=True)
        ],
    }


def _system(
    report: Report, figures: Mapping[str, "Figure"], stem: str, corpus: Corpus | None
) -> dict[str, Any]:
    captions = {
        "scores": "Score distributions by kind of trial, all draws",
        "writers": "Spread of error over writers",
    }
    if is_calibrated(report):
        captions["reliability"] = "Reliability of the score as a probability"
    pictures = [Picture.of(figures[f"{stem}-{kind}"], caption) for kind, caption in captions.items()]
    cases = extreme_cases(report, corpus) if corpus is not None else ()
    return {
        "name": report.system,
        "pictures": pictures,
        "calibration": _calibration(report) if is_calibrated(report) else None,
        "tables": [_thresholds(report), _profiles(report), _promises(report)],
        "latency": report.latency,
        "extremes": Picture.of(extremes_figure(cases), EXTREMES) if cases else None,
    }


def _thresholds(report: Report) -> Table:
    header = ("impostor", "references", "FMR ≤ (%)", "threshold", "FNMR (%)")
    rows = tuple(
        (
            *named,
            f"{100 * point.fmr:g}{'*' * errors.is_few(point.fmr)}",
            _score(point.threshold),
            _rate(point.fnmr),
        )
        for named, errors in _by_impostor(report)
        for point in errors.points
    )
    note = "*: fewer impostor trials than 3 / FMR; the figure rests on a handful of them or on none."
    return Table("Thresholds by false match rate, set on these trials", header, rows, note=note)


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


def _promises(report: Report) -> Table:
    header = ("impostor", "references", "FMR promised (%)", "threshold", "FMR found (%)", "FNMR found (%)")
    rows = tuple(
        (
            *named,
            f"{100 * point.fmr:g}",
            _score(point.threshold),
            f"{100 * point.fmr_found:.2f}",
            f"{100 * point.fnmr_found:.2f}",
        )
        for named, errors in _by_impostor(report)
        for point in errors.promised
    )
    return Table("What the model’s own thresholds hold on this corpus", header, rows)


def _profiles(report: Report) -> Table:
    header = (
        "references",
        "profile",
        "genuine refused (%)",
        "forgeries accepted (%)",
        "strangers accepted (%)",
    )
    rows = tuple(
        (
            str(condition.references),
            f"{point.profile}, FMR {100 * point.profile.fmr:g} %",
            _bounded(point.genuine_refused),
            *(_bounded(point.accepted.get(kind)) for kind in (TrialKind.SKILLED, TrialKind.RANDOM)),
        )
        for condition in report.conditions
        for point in condition.profiles
    )
    note = (
        "Thresholds of the model file, set on other signatures than these; "
        "in brackets what other writers of the kind may give: 95 % intervals by bootstrap over writers."
    )
    return Table("What each profile gives", header, rows, note=note)


def _bounded(share: Share | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share.found:.2f} [{100 * share.low:.2f}, {100 * share.high:.2f}]"


def _calibration(report: Report) -> Table:
    header = ("impostor", "references", "Cllr (bit)", "minimum Cllr (bit)", "ECE (%)")
    rows = tuple(
        (
            *named,
            f"{errors.calibration.cllr:.3f}",
            f"{errors.calibration.min_cllr:.3f}",
            f"{100 * errors.calibration.ece:.1f}",
        )
        for named, errors in _by_impostor(report)
        if errors.calibration is not None
    )
    note = "Cllr 0 is perfect, 1 tells nothing; what is above its minimum is lost to calibration."
    return Table("Calibration", header, rows, note=note)


def _provenance(report: Report) -> dict[str, str]:
    facts = {
        "corpus": f"{report.corpus}, {report.signatures} signatures",
        "corpus fingerprint": report.corpus_fingerprint,
        "corpus terms": report.licence_note,
        **{name.replace("_", " "): value for name, value in report.provenance.items()},
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
    }
    return {name: _text(value) for name, value in facts.items() if value}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _rate(estimate: Estimate | None) -> str | Interval:
    if estimate is None:
        return "–"
    found = f"{100 * estimate.mean:.2f} ± {100 * estimate.std:.2f}"
    return Interval(found, f"[{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]")
