"""docs/troubleshooting.md quotes messages as the code says them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
QUOTED = re.findall(r"^\| `([^`|]+)` \|", PAGE, re.MULTILINE)


@cache
def said():
    """Every text of the code that is shipped, but docstrings, in one; … stands for what is filled in."""
    texts = []
    for package in ("sigverify", "firmware_bridge", "converter"):
        for path in (ROOT / package).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            texts += [rendered(node) for node in nodes if id(node) not in docstrings]
    return "\n".join(filter(None, texts))


def rendered(node):
    """A text as a person reads it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(rendered(part) or "…" for part in node.values)
    return None


def test_there_are_many():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| (?!message|-)", line)]
    assert len(QUOTED) == len(set(QUOTED)) == len(rows) > 60


@pytest.mark.parametrize("message", QUOTED)
def test_each_message_is_said_so(message):
    assert message in said()
