"""The `sigverify` command: all commands, and how errors end it."""

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sigverify.actor import Actor, ActorKind, acting
from sigverify.cli.audit import audit
from sigverify.cli.bench import bench
from sigverify.cli.calibrate import calibrate
from sigverify.cli.compare import compare
from sigverify.cli.convert import convert
from sigverify.cli.corpus import corpus
from sigverify.cli.demo import demo
from sigverify.cli.doctor import doctor
from sigverify.cli.enroll import enroll
from sigverify.cli.evaluate import evaluate
from sigverify.cli.fleet import fleet
from sigverify.cli.formats import formats
from sigverify.cli.groups import groups
from sigverify.cli.identify import identify
from sigverify.cli.importing import import_files
from sigverify.cli.info import info
from sigverify.cli.invent import invent
from sigverify.cli.kiosk import kiosk
from sigverify.cli.model import model
from sigverify.cli.native import native
from sigverify.cli.output import Exit, Unread, fail, os_error, whole_output
from sigverify.cli.pens import pens
from sigverify.cli.plot import plot
from sigverify.cli.report import report
from sigverify.cli.reproduce import reproduce
from sigverify.cli.samples import samples
from sigverify.cli.serve import serve
from sigverify.cli.station import station
from sigverify.cli.store import store
from sigverify.cli.train import train
from sigverify.cli.users import forget, unlock, users
from sigverify.cli.verify import verify
from sigverify.errors import ConfigError, SigverifyError

app = typer.Typer(
    name="sigverify",
    help="Verify handwritten signatures on the device that captured them.",
    epilog="Exit codes: 0 accepted or done, 3 rejected, 5 for a person to decide, "
    "4 a reported error, 2 wrong usage, 130 interrupted, 141 nobody reads what is printed, 1 a crash.",
    no_args_is_help=True,
    # A traceback with local variables would print pen samples.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

FileName: Final[type] = type(
    typer.main.get_click_type(annotation=Path, parameter_info=typer.Argument(exists=True))
)
"""What reads an argument that names a file or a folder."""
UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[2]
"""What typer raises for wrong arguments: click's `ClickException`, which newer versions bring along."""

_PANELS = {
    "On the device": (enroll, verify, identify, users, forget, unlock, kiosk, serve, native, doctor, bench),
    "Look at things": (compare, info, formats, plot, samples, demo),
    "On the workstation": (invent, train, convert, calibrate, evaluate, reproduce),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.command("import", rich_help_panel="On the workstation")(import_files)  # no name for a function
app.add_typer(groups, rich_help_panel="On the device")
app.add_typer(store, rich_help_panel="On the device")
app.add_typer(fleet, rich_help_panel="On the device")
app.add_typer(pens, rich_help_panel="On the device")
app.add_typer(station, rich_help_panel="On the device")
app.add_typer(audit, rich_help_panel="Look at things")
app.add_typer(corpus, rich_help_panel="On the workstation")
app.add_typer(model, rich_help_panel="On the workstation")
app.add_typer(report, rich_help_panel="On the workstation")


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
    """Run the command line; what is wrong ends it with one readable line and a code of `Exit`, never 1."""
    with whole_output():
        sys.exit(_run())


@cache
def _parser() -> Any:
    """Make what reads the arguments of all commands; once in a process, for it takes long."""
    return typer.main.get_command(app)


def _run() -> int:
    """Run the command, and return the exit code."""
    try:
        with acting(Actor.of_process(ActorKind.COMMAND)):
            code = _parser()(standalone_mode=False)
        sys.stdout.flush()
    except Unread:
        return Exit.UNREAD
    except SigverifyError as error:
        return fail(type(error).__name__, error.status, str(error))
    except typer.Abort:
        return Exit.INTERRUPTED
    except UsageError as error:
        return _misused(error)
    except OSError as error:
        return fail("OSError", SigverifyError.status, os_error(error))
    return code if isinstance(code, int) else Exit.ACCEPT


def _is_about_a_file(error: Any) -> bool:
    """Whether the arguments are well formed, and name what is not there, no file or not to be read.

    That is an error like any other: most files are opened by who reads them, and are found missing there.
    """
    return type(error) is typer.BadParameter and isinstance(getattr(error.param, "type", None), FileName)


def _misused(error: Any) -> int:
    """Say what is wrong with the arguments; where there are none, show the help."""
    if _is_about_a_file(error):
        return fail(ConfigError.__name__, ConfigError.status, error.format_message().rstrip("."))
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return Exit.USAGE
    hint = f". Try: {context.command_path} --help" if context is not None else ""
    return fail("UsageError", SigverifyError.status, error.format_message().rstrip(".") + hint, Exit.USAGE)
