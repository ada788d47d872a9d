"""`sigverify pens`: the keys by which pens sign captures."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from sigverify.protection.keys import Key
    from sigverify.signed.capture_keys import CaptureKeys

pens = typer.Typer(
    name="pens",
    help="Give pens keys of their own to sign captures with, and take them back.",
    no_args_is_help=True,
)

_FIRST_LINE: Final = (
    "/* Made by `sigverify pens add`. Whoever has the key signs as this pen: keep it secret. */"
)
"""Of a header: by it an older one is known, which may be replaced."""

KeysArgument = Annotated[
    Path, typer.Argument(metavar="KEYS_FILE", help="The keys of all pens, for --capture-keys; mode 0600.")
]
DeviceArgument = Annotated[
    str, typer.Argument(metavar="PEN", help="Its name: 1 to 32 letters, digits, dots, hyphens, underscores.")
]


@pens.command()
def add(
    keys: KeysArgument,
    pen: DeviceArgument,
    *,
    header: Annotated[
        Path | None,
        typer.Option("--header", metavar="FILE", help="Write its name and key as C, for the firmware."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write its key to a file, for a program in Python."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="FILE|env:NAME|fd:N", help="The key that it has already; without, a new one."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a pen a key; one that was revoked gets another."""
    from sigverify.cli.opening import read_key
    from sigverify.cli.output import report, visible
    from sigverify.errors import KeyUnavailable
    from sigverify.protection.keys import Key
    from sigverify.signed.capture_keys import CaptureKeys

    known = CaptureKeys.from_source(keys) if keys.exists() else None
    if known is not None and known.devices.get(pen):
        raise KeyUnavailable(
            f"{pen!r} has a key already", hint="Revoke that first, if the pen shall get another"
        )
    _check_copies(keys, header, out)
    its = read_key(key) or Key.generate()
    both = CaptureKeys({pen: its}) if known is None else known.with_key(pen, its)
    # The pen's own copy first: where it cannot be written, no pen is known that nobody can use.
    _write_copies(pen, its, header, out)
    both.to_file(keys)
    written = [str(each) for each in (header, out) if each is not None]
    report(
        {"pen": pen, "keys_file": str(keys), "written": written},
        as_json=as_json,
        render=lambda: (
            f"{pen} has a key in {visible(keys)}"
            + (f", and its own copy in {', '.join(map(visible, written))}." if written else ".")
        ),
    )


@pens.command()
def revoke(keys: KeysArgument, pen: DeviceArgument, *, as_json: JsonOption = False) -> None:
    """Take a pen's key back: a daemon refuses its captures from its next reload (SIGHUP) on."""
    from sigverify.signed.capture_keys import CaptureKeys

    left = CaptureKeys.from_source(keys).revoking(pen)
    left.to_file(keys)
    _show(left, as_json=as_json)


@pens.command("list")
def list_(keys: KeysArgument, *, as_json: JsonOption = False) -> None:
    """List the pens, and which were revoked; no key is shown."""
    from sigverify.signed.capture_keys import CaptureKeys

    _show(CaptureKeys.from_source(keys), as_json=as_json)


def _check_copies(keys: Path, header: Path | None, out: Path | None) -> None:
    """Refuse what could not be written, before anything is: a key in one copy only, no list would know."""
    from sigverify.cli.checks import check_output
    from sigverify.errors import KeyUnavailable
    from sigverify.protection.keys import refuse_open_folder

    for path in filter(None, (keys, header, out)):
        refuse_open_folder(path)
    if out is not None:
        if os.path.lexists(out):
            raise KeyUnavailable(f"{out} is there already", expected="a new file")
        if os.path.realpath(out) == os.path.realpath(keys):
            raise KeyUnavailable(f"{out} is the file of all keys", expected="another file for the pen's own")
    if header is not None:
        check_output(header, "a header that this wrote", [_FIRST_LINE.encode()], inputs=[keys, out])


def _write_copies(pen: str, key: "Key", header: Path | None, out: Path | None) -> None:
    from sigverify.errors import KeyUnavailable
    from sigverify.protection.private_file import write_private

    if header is not None:
        write_private(header, _as_c(pen, key).encode())
    if out is not None:
        try:
            key.to_file(out)
        except FileExistsError as error:
            raise KeyUnavailable(f"{out} is there already", expected="a new file") from error


def _as_c(pen: str, key: "Key") -> str:
    """Return a header for the firmware of one pen."""
    digits = key.to_hex()
    numbers = [f"0x{digits[at : at + 2]}" for at in range(0, len(digits), 2)]
    rows = ",\n    ".join(", ".join(numbers[at : at + 8]) for at in range(0, len(numbers), 8))
    return (
        f"{_FIRST_LINE}\n"
        "#include <stdint.h>\n\n"
        f'static const char PEN_DEVICE[] = "{pen}";\n'
        f"static const uint8_t PEN_KEY[32] = {{\n    {rows}}};\n"
    )


def _show(keys: "CaptureKeys", *, as_json: bool) -> None:
    from sigverify.cli.output import report, table

    states = {pen: "good" if good else "revoked" for pen, good in sorted(keys.devices.items())}
    content = [{"pen": pen, "revoked": state == "revoked"} for pen, state in states.items()]
    report({"pens": content}, as_json=as_json, render=lambda: table(states))
