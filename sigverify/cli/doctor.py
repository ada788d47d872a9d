"""`sigverify doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import (
    CaptureKeysOption,
    ImageModelOption,
    JsonOption,
    KeyOption,
    ModelOption,
    without_password,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.diagnosis import Finding


def doctor(
    *,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            "-s",
            envvar="SIGVERIFY_STORE",
            metavar="FILE",
            callback=without_password,
            help="A store to look into; only read.",
        ),
    ] = None,
    key: KeyOption = None,
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    capture_keys: CaptureKeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is here, what is wrong, and what to do. Exit code 0: nothing is bad, 4: something is."""
    from sigverify.cli.opening import chosen_image_model
    from sigverify.cli.output import Exit, report
    from sigverify.cli.quiet import quiet
    from sigverify.diagnosis import State, diagnose

    with quiet():
        findings = diagnose(
            store=store,
            key=key,
            model=model,
            image_model=chosen_image_model(image_model),
            capture_keys=capture_keys,
        )
    bad = [each.name for each in findings if each.state is State.BAD]
    content = {"bad": bad, "findings": [each.to_dict() for each in findings]}
    report(content, as_json=as_json, render=lambda: _table(findings))
    raise typer.Exit(Exit.ERROR if bad else Exit.ACCEPT)


def _table(findings: "tuple[Finding, ...]") -> "RenderableType":
    """Return one line for each finding, and below it what to do."""
    from rich.table import Table

    from sigverify.cli.output import styled, visible
    from sigverify.diagnosis import State

    colours = {State.OK: "green", State.WARN: "yellow", State.BAD: "bold red"}
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(no_wrap=True)
    for each in findings:
        grid.add_row(
            styled((each.name, "dim")), styled((each.state, colours[each.state])), visible(each.found)
        )
        if each.todo:
            grid.add_row("", "", styled((f"→ {visible(each.todo)}", "italic")))
    return grid
