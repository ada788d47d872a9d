"""`sigverify plot`."""

from pathlib import Path
from typing import Annotated

import typer

from sigverify.cli.options import JsonOption, SignatureArgument


def plot(
    file: SignatureArgument,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: .png, .pdf or .svg.")],
    flip_y: Annotated[
        bool, typer.Option("--flip-y", help="For devices whose y grows downwards, such as browsers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a signature: the strokes, pressure as width, and x, y, speed and pressure against time."""
    from sigverify.cli.output import report, visible
    from sigverify.formats import read_signature
    from sigverify.plotting.pen import plot_signature

    signature = read_signature(file)
    written = plot_signature(signature, out, title=file.name, flip_y=flip_y)
    content = {"picture": str(written), "samples": len(signature)}
    words = f"Drew {len(signature)} samples to {visible(written)}."
    report(content, as_json=as_json, render=lambda: words)
