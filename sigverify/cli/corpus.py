"""`sigverify corpus`: look at a corpus, write it as files, split it by writer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import JsonOption, StyleOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.corpora.check import Check, Finding

corpus = typer.Typer(
    name="corpus", help="Check a corpus, write it as files, split it by writer.", no_args_is_help=True
)

SpecArgument = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS", help="What --corpus takes: folder=PATH, synthetic:writers=20, NAME=PATH."
    ),
]


@corpus.command()
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH|CORPUS",
            help="A folder or zip file with a folder for each writer, or what --corpus takes.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A folder for check.html, a page for people, and check.json."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="PATH|CORPUS|SPLIT",
            help="Another corpus that shall share nothing with it, or a split file whose sides shall not.",
        ),
    ] = None,
    flip_y: Annotated[
        bool, typer.Option("--flip-y", help="For devices whose y grows downwards, such as browsers.")
    ] = False,
    style: StyleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with a corpus before it is used. Exit code 0: nothing, 3: something is.

    Every file is looked at; one that cannot be read is an error among others. Warnings and notes leave the
    exit code at 0.
    """
    from sigverify.cli.checks import check_style, require
    from sigverify.cli.output import Exit, report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.corpora.check import check_corpus
    from sigverify.evaluation.page.folder import CHECK_FILE, check_replaceable, publish_check, read_style

    check_style(style, out)
    require(["jinja2"] * (out is not None), "evaluate")
    css = "" if style is None else read_style(style)
    if out is not None:
        check_replaceable(out, CHECK_FILE)
    with quiet(), stage_bar("Reading") as show:
        found = check_corpus(source, against=against, progress=show)
    page = None if out is None else publish_check(found, out, flip_y=flip_y, style=css)
    content = {**found.to_dict(), "page": page and str(page)}
    report(content, as_json=as_json, render=lambda: _render(found, page))
    raise typer.Exit(Exit.ACCEPT if found else Exit.REJECT)


@corpus.command()
def export(
    source: SpecArgument,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder, or an empty one.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Of strokes: one that `sigverify formats` says is written. Pictures become .png.",
        ),
    ] = "csv",
    as_json: JsonOption = False,
) -> None:
    """Write any corpus as a folder of files, for --corpus folder=PATH, with its terms in corpus.toml."""
    from sigverify.cli.output import report, styled, visible
    from sigverify.cli.progress import stage_bar
    from sigverify.corpora import open_corpus
    from sigverify.corpora.folder import require_new, write_folder
    from sigverify.corpora.terms import may_be_handed_on
    from sigverify.formats import find_written

    strokes = find_written(form)
    require_new(out)
    with stage_bar("Reading") as show:
        opened = open_corpus(source)
        lost = write_folder(opened, out, strokes=strokes, progress=show)
    free = may_be_handed_on(opened.licence_note)
    content = {
        "folder": str(out),
        "name": opened.name,
        "writers": len(opened.writers),
        "signatures": len(opened),
        "fingerprint": opened.fingerprint,
        "licence_note": opened.licence_note,
        "may_be_handed_on": free,
        "lost": lost,
    }
    words = (
        f"Wrote {len(opened)} signatures of {len(opened.writers)} writers to {visible(out)}. "
        f"Use them as --corpus folder={visible(out)}"
    )
    terms = visible(opened.licence_note) or "nothing is known of them"
    line = f"Its terms stand in corpus.toml: {terms}"
    warning = "" if free else ". Do not hand it on unless you know that you may"
    listed = "".join(f"\n  {thing}: {number}" for thing, number in lost.items())
    said = f"\nWhat {form} cannot say, in how many of the files that lost something:{listed}" if lost else ""
    report(
        content,
        as_json=as_json,
        render=lambda: styled(f"{words}\n", (f"{line}{warning}", "" if free else "yellow"), said),
    )


@corpus.command()
def split(
    source: SpecArgument,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.toml", help="The file; an older split is replaced.")
    ],
    held_out: Annotated[
        float, typer.Option("--held-out", help="Share of the writers to hold out, at least one.")
    ] = 0.2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, other writers.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Split a corpus by writer, for --writers of train, convert and evaluate."""
    from sigverify.cli.checks import check_output
    from sigverify.cli.output import report, visible
    from sigverify.corpora import open_corpus
    from sigverify.corpora.split_file import FIRST_LINE, SplitFile

    check_output(out, "a split of writers", [FIRST_LINE.encode()])
    its = SplitFile.of(open_corpus(source), fraction=held_out, seed=seed)
    its.write(out)
    content = {
        "file": str(out),
        "corpus": its.corpus,
        "fingerprint": its.fingerprint,
        "train": list(its.train),
        "held_out": list(its.held_out),
    }
    words = (
        f"Wrote {visible(out)}: {len(its.train)} writers of {visible(its.corpus)} to train on, "
        f"{len(its.held_out)} held out. Use it as --writers {visible(out)}"
    )
    report(content, as_json=as_json, render=lambda: words)


def _render(found: "Check", page: Path | None) -> "RenderableType":
    """Show the figures, and below them what was found, the worst first."""
    from rich.console import Group

    from sigverify.cli.output import styled, table, visible
    from sigverify.evaluation.page.corpus import figures, tally

    parts: list[Any] = [styled((f"Corpus {visible(found.name)}", "bold"))]
    parts += [table(rows, title=caption) for caption, rows in figures(found).items()]
    if found.counts is not None:
        parts.append(styled(("Three numbers are the least, the median and the most.", "dim")))
    parts += ["", *(_line(finding) for finding in found.findings)]
    word = ("Nothing is wrong with it", "bold green") if found else ("Something is wrong with it", "bold red")
    parts.append(styled(word, f": {tally(found)}." + (f" The page: {visible(page)}" if page else "")))
    return Group(*parts)


def _line(finding: "Finding") -> "RenderableType":
    from sigverify.cli.output import paragraph, styled, visible
    from sigverify.corpora.check import Severity

    colour = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}[finding.severity]
    said = visible(finding.words)
    if finding.count:
        few = ", ".join(map(visible, finding.samples[:3]))
        said += f" {finding.count}: {few}{', …' if finding.count > 3 else ''}"
    first, *rest = paragraph(f"{finding.severity.value}  {said}").split("\n")
    mark = finding.severity.value
    return styled((mark, colour), "\n".join([first[len(mark) :], *rest]))
