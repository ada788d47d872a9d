"""The `sigverify` command: all commands, and how errors end it."""

import json
import sys
from typing import Annotated

import typer

from sigverify.cli.audit import audit
from sigverify.cli.compare import compare
from sigverify.cli.convert import convert
from sigverify.cli.demo import demo
from sigverify.cli.enroll import enroll
from sigverify.cli.evaluate import evaluate
from sigverify.cli.groups import groups
from sigverify.cli.identify import identify
from sigverify.cli.info import info
from sigverify.cli.kiosk import kiosk
from sigverify.cli.model import model
from sigverify.cli.native import native
from sigverify.cli.output import Exit, console
from sigverify.cli.plot import plot
from sigverify.cli.reproduce import reproduce
from sigverify.cli.serve import serve
from sigverify.cli.store import store
from sigverify.cli.train import train
from sigverify.cli.users import forget, unlock, users
from sigverify.cli.verify import verify
from sigverify.errors import SigverifyError

app = typer.Typer(
    name="sigverify",
    help="Verify handwritten signatures on the device that captured them.",
    epilog="Exit codes: 0 accepted or done, 3 rejected, 5 for a person to decide, "
    "4 a reported error, 2 wrong usage, 1 a crash.",
    no_args_is_help=True,
    # A traceback with local variables would print pen samples.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

_PANELS = {
    "On the device": (enroll, verify, identify, users, forget, unlock, kiosk, serve, native),
    "Look at things": (info, plot, demo),
    "On the workstation": (train, convert, evaluate, compare, reproduce),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(groups, rich_help_panel="On the device")
app.add_typer(store, rich_help_panel="On the device")
app.add_typer(audit, rich_help_panel="Look at things")
app.add_typer(model, rich_help_panel="On the workstation")


def _print_version(wanted: bool) -> None:
    if wanted:
        from sigverify import __version__

        typer.echo(f"sigverify {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Verify handwritten signatures on the device that captured them."""


def main() -> None:
    """Run the command line; an error of our own ends it with `Exit.ERROR` and one readable message."""
    try:
        app()
    except SigverifyError as error:
        _print_error(error)
        sys.exit(Exit.ERROR)


def _print_error(error: SigverifyError) -> None:
    if "--json" in sys.argv:
        content = {"error": type(error).__name__, "status": error.status, "message": str(error)}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        from rich.text import Text

        console(stderr=True).print(Text.assemble(("error: ", "bold red"), str(error)))
