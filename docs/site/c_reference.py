"""The reference of the C interface, as Markdown: the comments of its header, and what each is about."""

import re
from pathlib import Path
from typing import Final

HEADER: Final = Path(__file__).parents[2] / "firmware_bridge/libsigverify/include/sigverify.h"
_CHAPTER: Final = re.compile(r"/\* -{20,} (.+?) \*/")
_COMMENT: Final = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_KNOWN: Final = re.compile(r"`(sv_\w+|SV_\w+)`")


def c_reference() -> str:
    """Return the header as a page: a section a chapter, a comment as text, what it is about as code."""
    text = HEADER.read_text("utf-8")
    first, _, rest = text.partition("*/")
    lines = ["# C API", "", _prose(first.removeprefix("/*")), ""]
    body = rest[rest.index("#define SV_FRAMES") : rest.rindex("#ifdef __cplusplus")]
    for number, part in enumerate(
        _CHAPTER.split("/* -------------------- constants and status */\n" + body)[1:]
    ):
        if number % 2 == 0:
            lines += [f"## {part.capitalize()}", ""]
        else:
            lines += _chapter(part)
    return "\n".join(lines) + "\n"


def functions() -> list[str]:
    """Return the names of all functions of the header."""
    return re.findall(r"^SV_API [^;(]*?(sv_\w+)\(", HEADER.read_text("utf-8"), re.MULTILINE)


def _chapter(text: str) -> list[str]:
    """Return paragraphs between blank lines: a comment that leads one is text, everything else is code."""
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        leading = _COMMENT.match(block)
        code = block
        if leading:
            lines += [_prose(leading[1]), ""]
            code = block[leading.end() :].strip("\n")
        if code.strip():
            lines += ["```c", code.replace("SV_API ", ""), "```", ""]
    return lines


def _prose(comment: str) -> str:
    """Return a comment without its frame; a list stays one."""
    lines = [re.sub(r"^\s*\* ?", "", line).strip() for line in comment.strip().splitlines()]
    text = "\n".join(lines)
    text = re.sub(r"\n(?=- )", "\n\n", text, count=1)  # Markdown wants a blank line before a list
    return re.sub(r"(?<!`)\b((?:sv|SV)_\w+)\b(?!`)", r"`\1`", text)
