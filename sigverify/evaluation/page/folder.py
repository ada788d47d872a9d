"""`publish`: a report folder with figures, scores, pictures and a page for people, wholly or not at all."""

import logging
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from sigverify.corpora import Corpus
from sigverify.errors import ConfigError
from sigverify.evaluation.page.html import render
from sigverify.evaluation.page.plots import write_plots
from sigverify.evaluation.report import REPORT_FILE, Report, write_reports
from sigverify.plotting.learning_curves import History

HTML_FILE = "report.html"

_log = logging.getLogger(__name__)


def publish(
    reports: Sequence[Report],
    out: str | Path,
    *,
    corpora: Sequence[Corpus] = (),
    history: History | None = None,
) -> Path:
    """Write a report folder; an older one in its place is replaced, anything else is refused.

    Args:
        reports: what was found.
        out: the folder.
        corpora: of the reports, so that the page can show the signatures that were judged worst.
        history: the learning curves of the training run behind the model.

    Returns:
        The page, `report.html` in `out`.

    Raises:
        ConfigError: no reports, `out` holds something else, or cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    if not reports:
        raise ConfigError("nothing to report", expected="at least one report")
    target = Path(out)
    check_replaceable(target)
    fresh = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        fresh.mkdir(parents=True)
        write_reports(reports, fresh)
        write_plots(reports, fresh, history=history)
        page = render(reports, corpora=corpora, history=history)
        (fresh / HTML_FILE).write_text(page, encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    except OSError as error:
        raise ConfigError("the report cannot be written", received=f"{target}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _log.info("wrote %d reports to %s", len(reports), target)
    return target / HTML_FILE


def check_replaceable(target: Path) -> None:
    """Refuse a folder that holds anything but an older report.

    Raises:
        ConfigError: it does.
    """
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / REPORT_FILE).is_file()):
        raise ConfigError(
            "the place for the report is taken",
            expected="a new or empty folder, or an older report to replace",
            received=str(target),
            hint="Name another with --out",
        )
