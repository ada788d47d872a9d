"""Reads the classes of our packages from their source: nothing needs to be imported to look at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import sigverify

ROOT = Path(sigverify.__file__).parents[1]


def classes(word: str = "class ") -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield every public class of the three packages, and its module; of files that `word` stands in."""
    for package in ("sigverify", "converter", "firmware_bridge"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            text = path.read_text()
            for node in ast.walk(ast.parse(text)) if word in text else ():
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield module, node


def bases(node):
    """Return the names of a class's bases."""
    return {each.id if isinstance(each, ast.Name) else getattr(each, "attr", "") for each in node.bases}


def members(node):
    """Return the constants that a class assigns, by name: those of an enum are its values."""
    return {
        each.targets[0].id: each.value.value
        for each in node.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
    }


def is_dataclass(node):
    return any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def methods(node):
    return {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
