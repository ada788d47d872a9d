"""`publish`: a report folder with figures, scores, pictures and a page for people, wholly or not at all."""

import json
import logging
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sigverify.corpora import Corpus
from sigverify.corpora.check import Check
from sigverify.errors import ConfigError
from sigverify.evaluation.page.corpus import render_check
from sigverify.evaluation.page.html import render
from sigverify.evaluation.page.plots import draw_plots, write_plots
from sigverify.evaluation.report import REPORT_FILE, Report, write_reports
from sigverify.plotting.learning_curves import History
from sigverify.whole_file import obstacle

HTML_FILE = "report.html"
CHECK_PAGE = "check.html"
CHECK_FILE = "check.json"
MAX_STYLE_BYTES = 1_000_000
"""Of a style sheet: many times what a page needs, and far below what is a mistake for one."""

_log = logging.getLogger(__name__)


def publish(
    reports: Sequence[Report],
    out: str | Path,
    *,
    corpora: Sequence[Corpus] = (),
    history: History | None = None,
    style: str = "",
) -> Path:
    """Write a report folder; an older one in its place is replaced, anything else is refused.

    Args:
        reports: what was found.
        out: the folder.
        corpora: of the reports, so that the page can show the signatures that were judged worst.
        history: the learning curves of the training run behind the model.
        style: CSS that comes after the page's own; see `read_style`.

    Returns:
        The page, `report.html` in `out`.

    Raises:
        ConfigError: no reports, `out` holds something else, or cannot be written.
        MissingExtra: matplotlib or Jinja2 is not installed.
    """
    if not reports:
        raise ConfigError("nothing to report", expected="at least one report")
    target = Path(out)

    def write(fresh: Path) -> None:
        write_reports(reports, fresh)
        figures = draw_plots(reports, history=history)
        write_plots(figures, fresh)
        page = render(reports, figures, corpora=corpora, style=style)
        (fresh / HTML_FILE).write_text(page, encoding="utf-8")

    replace_folder(target, REPORT_FILE, write)
    _log.info("wrote %d reports to %s", len(reports), target)
    return target / HTML_FILE


def publish_check(check: Check, out: str | Path, *, flip_y: bool = False, style: str = "") -> Path:
    """Write the folder of a check of a corpus, as `publish` does that of an evaluation.

    Returns:
        The page, `check.html` in `out`; beside it lies `check.json`.

    Raises:
        ConfigError: `out` holds something else, or cannot be written.
        MissingExtra: Jinja2 is not installed.
    """
    target = Path(out)

    def write(fresh: Path) -> None:
        (fresh / CHECK_FILE).write_text(
            json.dumps(check.to_dict(), indent=1, allow_nan=False) + "\n", "utf-8"
        )
        (fresh / CHECK_PAGE).write_text(render_check(check, flip_y=flip_y, style=style), "utf-8")

    replace_folder(target, CHECK_FILE, write)
    return target / CHECK_PAGE


def read_style(path: str | Path) -> str:
    """Read a style sheet, which a page has after its own.

    Raises:
        ConfigError: it cannot be read, is no UTF-8, is too large, or would end the page's style.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_STYLE_BYTES:
            raise ConfigError(f"{file} is too large for a style sheet", expected=f"{MAX_STYLE_BYTES} bytes")
        style = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError("the style sheet cannot be read", received=f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is no style sheet", expected="CSS in UTF-8") from error
    if "</style" in style.lower():
        raise ConfigError(f"{file} is no style sheet", expected="CSS alone", received="</style")
    return style


def replace_folder(target: Path, mark: str, write: Callable[[Path], None]) -> None:
    """Let `write` fill a new folder, and put it in the place of an older one.

    Raises:
        ConfigError: there is one that does not hold the file `mark`, or it cannot be written.
    """
    check_replaceable(target, mark)
    fresh, older = (target.with_name(f".{target.name}-{secrets.token_hex(4)}") for _ in range(2))
    try:
        fresh.mkdir(parents=True)
        write(fresh)
        if target.exists():
            target.rename(older)
        fresh.rename(target)
    except OSError as error:
        raise ConfigError("the report cannot be written", received=f"{target}: {error.strerror}") from error
    finally:
        if older.exists() and not target.exists():
            older.rename(target)
        for each in (fresh, older):
            shutil.rmtree(each, ignore_errors=True)


def check_replaceable(target: Path, mark: str = REPORT_FILE) -> None:
    """Refuse a folder that holds anything but an older report, whose file is `mark`, or cannot be written.

    Raises:
        ConfigError: so it is.
    """
    if (above := obstacle(target.absolute().parent)) is not None:
        raise ConfigError("the report cannot be written", received=f"{target}: {above} cannot be written to")
    if not target.exists():
        return
    if not target.is_dir() or (any(target.iterdir()) and not (target / mark).is_file()):
        raise ConfigError(
            "the place for the report is taken",
            expected="a new or empty folder, or an older report to replace",
            received=str(target),
            hint="Name another with --out",
        )
