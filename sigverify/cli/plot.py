"""`sigverify plot`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from sigverify.modality.image.signature_image import SignatureImage
    from sigverify.modality.pen.signature import Signature


def plot(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="SIGNATURE_FILE [PICTURE_FILE]",
            help="A signature: strokes or a picture; or two pictures, to see where they differ.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write: .png, .pdf or .svg.")],
    flip_y: Annotated[
        bool, typer.Option("--flip-y", help="For devices whose y grows downwards, such as browsers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a signature, as it is seen here; or two pictures and where they differ.

    Of strokes, pressure as width, and x, y, speed and pressure against time. Of a picture, the ink found
    in it, the sheet it is laid out on, and what is compared. Of two, the columns as the matcher aligned
    them, coloured by what they cost.
    """
    from sigverify.cli.checks import check_output
    from sigverify.cli.output import report, visible
    from sigverify.formats import read_capture
    from sigverify.plotting.figure import begins

    check_output(out, f"a {out.suffix} picture", begins(out), inputs=files)
    content = _drawn([read_capture(file) for file in files], [file.name for file in files], out, flip_y)
    samples = f"{content['samples']} samples" if "samples" in content else "what is compared"
    words = f"Drew {samples} to {visible(content['picture'])}."
    report(content, as_json=as_json, render=lambda: words)


def _drawn(
    captures: "list[Signature | SignatureImage]", names: list[str], out: Path, flip_y: bool
) -> dict[str, Any]:
    """Draw what there is, and say where to and of how many samples."""
    from sigverify.errors import ConfigError
    from sigverify.modality.pen.signature import Signature

    if len(captures) == 1 and isinstance(captures[0], Signature):
        from sigverify.plotting.pen import plot_signature

        written = plot_signature(captures[0], out, title=names[0], flip_y=flip_y)
        return {"picture": str(written), "samples": len(captures[0])}
    pictures = [each for each in captures if not isinstance(each, Signature)]
    if len(pictures) != len(captures) or len(captures) > 2:
        raise ConfigError(
            "these cannot be drawn together",
            expected="one signature, or two pictures",
            received=", ".join(type(each).__name__ for each in captures[:4]),
        )
    from sigverify.plotting.image import plot_difference, plot_image

    if len(pictures) == 1:
        return {"picture": str(plot_image(pictures[0], out, title=names[0]))}
    first, second = pictures
    return {"picture": str(plot_difference(first, second, out, titles=(names[0], names[1])))}
