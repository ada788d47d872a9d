"""The reference of the command line, as Markdown, from the commands themselves."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import typer

HEAD: Final = """\
# Command line

Made from the commands when the site is built; `--help` of each says the same. `--json` prints one JSON object
instead of text.

"""


def cli_reference() -> str:
    """Return every command with its arguments and options."""
    from sigverify.cli.app import app

    command = typer.main.get_command(app)
    codes = " ".join((command.epilog or "").split())
    lines = [HEAD, codes, ""]
    for name, each in commands(command):
        lines += _described(name, each)
    return "\n".join(lines) + "\n"


def commands(command: Any, name: str = "sigverify") -> Iterator[tuple[str, Any]]:
    """Yield each command that can be run, with its whole name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, each in sorted(inner.items()):
        yield from commands(each, f"{name} {word}")


def _described(name: str, command: Any) -> list[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join([name, *(_argument(each) for each in arguments), "[OPTIONS]"])
    lines = [f"## {name}", "", inspect.cleandoc(command.help or ""), "", f"`{usage}`", ""]
    if arguments or options:
        lines += ["| | | |", "|---|---|---|"]
        lines += [f"| `{_argument(each)}` | | {_text(each.help)} |" for each in arguments]
        lines += [f"| {_names(each)} | {_value(each)} | {_said(each)} |" for each in options]
    return [*lines, ""]


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper().rstrip(".")
    name = name + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> str:
    return ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))


def _value(parameter: Any) -> str:
    if parameter.is_flag:
        return ""
    kind = parameter.metavar or getattr(parameter.type, "name", "text").upper()
    return f"`{kind}`"


def _said(parameter: Any) -> str:
    parts = [_text(parameter.help)]
    if parameter.required:
        parts.append("**Required.**")
    elif parameter.default not in (None, "", False, [], ()) and not callable(parameter.default):
        parts.append(f"Default: `{parameter.default}`.")
    if parameter.multiple:
        parts.append("May be repeated.")
    if parameter.envvar:
        parts.append(f"Or `{parameter.envvar}` in the environment.")
    return " ".join(filter(None, parts))


def _text(text: str | None) -> str:
    return _cell(re.sub(r"(?<![\w`])(--[a-z][\w-]*)", r"`\1`", " ".join((text or "").split())))


def _cell(text: str) -> str:
    """Keep a bar from ending the cell of a table, and angle brackets from being HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")
