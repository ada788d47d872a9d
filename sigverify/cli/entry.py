"""Where `sigverify` and `python -m sigverify` begin; what the command line lacks, it says in one line."""

import sys

from sigverify.cli.checks import require
from sigverify.cli.output import fail, whole_output
from sigverify.errors import MissingExtra


def main() -> None:
    """Run the command line, or name what would install it and end with `Exit.ERROR`."""
    try:
        require(["typer", "rich"], "cli")
    except MissingExtra as error:
        with whole_output():
            sys.exit(fail(type(error).__name__, error.status, str(error)))
    from sigverify.cli.app import main as run

    run()
