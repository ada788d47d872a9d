"""`sigverify compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import FmrOption, ImageModelOption, JsonOption, ModelOption, RuntimeOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.decision import Outcome, Reason
    from sigverify.likeness import Similarity


def compare(
    probe: Annotated[
        Path, typer.Argument(exists=True, metavar="SIGNATURE_FILE", help="The signature in question.")
    ],
    references: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            metavar="REFERENCES...",
            help="One that it is compared with, or several by one person.",
        ),
    ],
    *,
    fmr: FmrOption = "balanced",
    impostor: Annotated[
        str, typer.Option("--impostor", help="The impostors that rate counts: skilled (forgers) or random.")
    ] = "skilled",
    quality: Annotated[
        str,
        typer.Option(
            "--quality",
            metavar="enforce|record",
            help="Count a reference that is a copy once and refuse mixed hands, or take any set.",
        ),
    ] = "enforce",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Draw it and the first reference as they were aligned: .png, .pdf or .svg."
        ),
    ] = None,
    flip_y: Annotated[
        bool, typer.Option("--flip-y", help="For devices whose y grows downwards, such as browsers.")
    ] = False,
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Say whether signatures are by one hand: no store, no key, no user. Exit code 0: accepted, 3: rejected.

    Strokes with strokes, or pictures with pictures.
    """
    from sigverify.cli.output import Exit, report
    from sigverify.cli.quiet import quiet
    from sigverify.formats import read_capture
    from sigverify.likeness import similarity
    from sigverify.policy.profile import false_match_rate
    from sigverify.words import preferred_language

    files = [probe, *references]
    _refuse_reports(files)
    if out is not None:
        from sigverify.cli.checks import check_output
        from sigverify.plotting.figure import begins

        check_output(out, f"a {out.suffix} picture", begins(out), inputs=files)
    rate = false_match_rate(fmr)
    first, *others = [read_capture(file) for file in files]
    with quiet():
        found = similarity(
            first,
            others,
            model=model,
            image_model=image_model,
            runtime=runtime,
            impostor=impostor,
            quality=quality,
        )
    threshold, accepted = found.threshold(rate), found.same_writer_at(rate)
    outcome, reason = _answer(found, accepted=accepted)
    # What could not be compared has no alignment to draw.
    drawn = None if out is None or found.score is None else _draw(first, others[0], files, out, flip_y)
    content = {
        "fmr": rate,
        "threshold": threshold,
        "accepted": accepted,
        "reason": reason.value,
        **found.to_dict(),
        "picture": drawn,
    }
    report(
        content,
        as_json=as_json,
        render=lambda: _render(found, content, (outcome, reason), files, preferred_language()),
    )
    raise typer.Exit(Exit.ACCEPT if accepted else Exit.REJECT)


def _refuse_reports(files: list[Path]) -> None:
    """Say to whoever hands in folders, or their report.json, what compares those."""
    from sigverify.errors import ConfigError

    for file in files:
        if file.is_dir() or file.name == "report.json":
            raise ConfigError(
                f"{file} is no signature",
                expected="files of signatures",
                received="a folder" if file.is_dir() else "a report",
                hint="Reports of evaluations are compared by: sigverify report compare",
            )


def _answer(found: "Similarity", *, accepted: bool) -> "tuple[Outcome, Reason]":
    from sigverify.decision import Outcome, Reason

    if accepted:
        return Outcome.ACCEPT, Reason.ALIKE
    if found.score is None:
        return Outcome.REJECT, Reason.POOR
    return Outcome.REJECT, Reason.REPLAY if found.copy else Reason.UNLIKE


def _draw(first: Any, second: Any, files: list[Path], out: Path, flip_y: bool) -> str:
    """Draw two captures as they were aligned; return the file's name."""
    from sigverify.modality.pen.signature import Signature

    titles = files[0].name, files[1].name
    if isinstance(first, Signature):
        from sigverify.plotting.pen import plot_alignment

        return str(plot_alignment(first, second, out, titles=titles, flip_y=flip_y))
    from sigverify.plotting.image import plot_difference

    return str(plot_difference(first, second, out, titles=titles))


def _render(
    found: "Similarity",
    content: dict[str, Any],
    answer: "tuple[Outcome, Reason]",
    files: list[Path],
    language: str,
) -> "RenderableType":
    """Say the answer in one line, and below it what else is known."""
    from rich.console import Group

    from sigverify.cli.output import paragraph, styled, visible
    from sigverify.words import phrase, sentence

    outcome, reason = (sentence(each, language=language) for each in answer)
    line = f": {reason}"
    if found.score is not None and found.rate is not None:
        score, threshold = f"{found.score:.3g}", f"{content['threshold']:.3g}"
        line += f" ({phrase('score', language=language, score=score, threshold=threshold)})"
        if not found.copy:
            line += f"; {found.rate_in_words(language)}"
    for name, aspects in (("missing", found.missing), ("unlike", found.unlike)):
        if aspects:
            named = ", ".join(sentence(aspect, language=language) for aspect in aspects)
            line += f"; {phrase(name, language=language, aspects=named)}"
    lines = [
        styled(f"{visible(file)}: {sentence(flaw, language=language)}")
        for file, flaw in zip(files, found.flaws, strict=True)
        if flaw is not None
    ]
    if found.score is not None and not found.copy:
        lines.append(styled(paragraph(sentence(found.note, language=language))))
    lines += [styled(visible(content["picture"]))] if content["picture"] else []
    colour = "bold green" if content["accepted"] else "bold red"
    return Group(styled((outcome, colour), line), *lines)
