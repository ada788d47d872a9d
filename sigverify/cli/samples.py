"""`sigverify samples`."""

from pathlib import Path
from typing import Annotated

import typer

from sigverify.cli.options import JsonOption


def samples(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder; nothing in it is overwritten.")],
    as_json: JsonOption = False,
) -> None:
    """Write a handful of invented signatures to try things on: two people, forgeries of them, some pictures.

    They are nobody's, and always the same. For a whole corpus: sigverify invent.
    """
    from sigverify.cli.output import report, visible
    from sigverify.experiments.samples import PEOPLE, write_samples

    written = write_samples(out)
    content = {"folder": str(out), "files": [str(path) for path in written]}
    folder = "" if out == Path() else f"{visible(out)}/"
    people = " and ".join(PEOPLE)
    lines = (
        f"Wrote {len(written)} files to {visible(out)}: signatures of {people}, who do not exist.",
        f"  sigverify enroll --store kiosk.db --user alice {folder}alice-[1-5].csv",
        f"  sigverify verify --store kiosk.db --user alice {folder}alice-6.csv",
    )
    report(content, as_json=as_json, render=lambda: "\n".join(lines))
