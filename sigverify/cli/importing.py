"""`sigverify import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sigverify.formats.conversion import Conversion, Refused

_SHOWN = 20
"""Files of a kind that are listed for people; --json has all."""


def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Signature files, folders and zip files of them.")
    ],
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="FORMAT", help="What to write: a name that `sigverify formats` lists."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write into, made if need be.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over files that are there; without, that is an error.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Convert signature files of any format that is read into one that is written.

    Names and folders are kept, so a corpus stays one, and its corpus.toml goes along. What cannot be read is
    reported, and the rest goes on.

    What of a file the new format cannot say is reported, too.

    Exit code 0: all signature files were converted; 4: some were not.
    """
    from sigverify.cli.output import Exit, report
    from sigverify.cli.progress import stage_bar
    from sigverify.corpora.conversion import convert_tree

    with stage_bar("Converting") as progress:
        done, about = convert_tree(files, to, out, overwrite=overwrite, progress=progress)
    content = {**done.to_dict(), "about": about and str(about)}
    report(content, as_json=as_json, render=lambda: "\n".join(_lines(done, out, about)))
    raise typer.Exit(Exit.ERROR if done.failed else Exit.ACCEPT)


def _lines(done: "Conversion", out: Path, about: Path | None) -> "Iterator[str]":
    from sigverify.cli.output import visible
    from sigverify.words import preferred_language

    count, total = len(done.converted), len(done.converted) + len(done.failed)
    yield f"Converted {count} of {total} signature files to {done.format} in {visible(out)}."
    if about is not None:
        yield f"What the corpus says of itself, its terms too, stands in {visible(about)}."
    if done.lost:
        yield "What this format cannot say, and in how many of them:"
        for thing, number in done.lost.items():
            yield f"  {thing}: {number}"
    if done.noticed:
        yield "What was noticed while reading, and in how many of them:"
        for note, number in list(done.noticed.items())[:_SHOWN]:
            yield f"  {visible(note.words(preferred_language()))}: {number}"
    yield from _refused("Not converted:", done.failed)
    yield from _refused("Left out, as no signature files of a format that is read:", done.left_out)


def _refused(title: str, refused: "tuple[Refused, ...]") -> "Iterator[str]":
    from sigverify.cli.output import visible

    if refused:
        yield title
    for each in refused[:_SHOWN]:
        yield f"  {visible(each.source)}: {visible(each.error)}"
    if len(refused) > _SHOWN:
        yield f"  and {len(refused) - _SHOWN} more, see --json"
