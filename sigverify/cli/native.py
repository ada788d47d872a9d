"""`sigverify native`."""

from pathlib import Path
from typing import Annotated

import typer

from sigverify.cli.options import JsonOption


def native(
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where it goes; by default beside the SDK, which finds it there."),
    ] = None,
    compiler: Annotated[str, typer.Option("--compiler", help="The C compiler.")] = "cc",
    as_json: JsonOption = False,
) -> None:
    """Compile the SDK's core in C for this machine: the same results, sooner and with less memory."""
    from firmware_bridge.libsigverify.build import LIBRARY_BEGINS, build
    from sigverify.cli.checks import check_output
    from sigverify.cli.output import report, table
    from sigverify.runtime.native.library import PLACE, VARIABLE, Library

    check_output(out or PLACE, "a shared library", LIBRARY_BEGINS)
    target = build((out or PLACE).absolute(), compiler=compiler)
    if out is None:
        Library(target)  # better to fail here than to be passed over later
    content = {"library": str(target), "bytes": target.stat().st_size}
    use = "by itself" if target == PLACE else f"{VARIABLE}={target}"
    report(content, as_json=as_json, render=lambda: table(content | {"used": use}))
