"""Draw docs/architecture.svg: what each room is for, and who imports whom, read from the code.

    python docs/architecture.py

The layers are those of the import contracts in pyproject.toml, the sentences the first ones of the
docstrings. An arrow that follows from others (a imports b, b imports c, so no arrow from a to c) is left out:
what remains shows the same order with fewer lines.
"""

import ast
import tomllib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import grimp

ROOT: Final = Path(__file__).parents[1]
PICTURE: Final = Path(__file__).with_suffix(".svg")
BESIDE: Final = ("converter", "firmware_bridge")
"""Packages that are built on the SDK; drawn as a layer of their own."""

WIDTH: Final = 1080
ROW: Final = 36
BOX: Final = (136, 26)
LEFT: Final = 300
"""Where the boxes begin: left of it is room for the arrows, right of them for the sentences."""
MARGIN: Final = 16
COLORS: Final = {"device": ("#e8f1fb", "#2f6fb3"), "workstation": ("#fdf1e2", "#b3742f")}
"""Fill and line; readable on a dark page too, since the picture brings its own background."""


HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" \
font-family="sans-serif" font-size="13" role="img" \
aria-label="The rooms of sigverify, layer by layer, and who imports whom">
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0 8 4 0 8Z" fill="#556"/></marker></defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>"""


def contracts() -> list[dict[str, Any]]:
    """Return the import contracts."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def layers() -> list[list[str]]:
    """Return the rooms of each layer, top to bottom, as pyproject.toml has them."""
    (order,) = (each["layers"] for each in contracts() if each["name"].startswith("The SDK's layers"))
    return [[name.strip() for name in layer.replace("|", ":").split(":")] for layer in order]


def device() -> set[str]:
    """Return the rooms that a device needs, as pyproject.toml has them."""
    (names,) = (
        each["source_modules"] for each in contracts() if each["name"].startswith("The device loads numpy")
    )
    return {name.removeprefix("sigverify.") for name in names}


def imports(rooms: Sequence[str]) -> dict[str, set[str]]:
    """Return which rooms each room imports, directly, from any of its modules."""
    graph = grimp.build_graph("sigverify", *BESIDE)
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            here, there = _room(module), _room(imported)
            if here in found and there in found and here != there:
                found[here].add(there)
    return found


def reduced(edges: Mapping[str, set[str]], order: Sequence[str]) -> dict[str, set[str]]:
    """Leave out each import that follows from others; `order` has importers before what they import."""
    reach: dict[str, set[str]] = {}
    kept: dict[str, set[str]] = {}
    for room in reversed(order):
        # What the others already reach is implied; look at the highest first.
        nearest = sorted(edges[room], key=order.index)
        implied: set[str] = set()
        kept[room] = set()
        for other in nearest:
            if other not in implied:
                kept[room].add(other)
                implied |= reach[other]
        reach[room] = {*edges[room], *implied}
    return kept


def purpose(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    folder = ROOT if room in BESIDE else ROOT / "sigverify"
    file = folder / room / "__init__.py"
    source = (file if file.is_file() else folder / f"{room}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0].replace("`", "")


def draw() -> str:
    """Return the picture as SVG."""
    rows = layers()
    # Commands and experiments reach the packages built on the SDK where they run; these import all below.
    rows.insert(rows.index(["experiments"]) + 1, list(BESIDE))
    order = [name for row in rows for name in row]
    arrows = reduced(imports(order), order)
    place = {name: MARGIN + ROW * number + ROW / 2 for number, name in enumerate(order)}
    height = MARGIN * 2 + ROW * len(order)
    on_device = device()
    parts = [HEAD.format(width=WIDTH, height=height)]
    parts += [_band(row, place) for row in rows[::2]]
    for name in order:
        parts += [_arrow(place[name], place[other]) for other in sorted(arrows[name], key=order.index)]
    parts += [_box(name, place[name], "device" if name in on_device else "workstation") for name in order]
    return "\n".join([*parts, "</svg>", ""])


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[0] if parts[0] in BESIDE else parts[1] if len(parts) > 1 else ""


def _band(row: Sequence[str], place: Mapping[str, float]) -> str:
    """Shade every other layer, so that one sees which rooms stand side by side."""
    top, size = place[row[0]] - ROW / 2, ROW * len(row)
    return f'<rect x="0" y="{top:.0f}" width="{WIDTH}" height="{size}" fill="#f4f5f7"/>'


def _box(name: str, y: float, kind: str) -> str:
    fill, line = COLORS[kind]
    return (
        f'<rect x="{LEFT}" y="{y - BOX[1] / 2:.0f}" width="{BOX[0]}" height="{BOX[1]}" rx="5" fill="{fill}" '
        f'stroke="{line}"/>'
        f'<text x="{LEFT + BOX[0] / 2:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="#112">{name}</text>'
        f'<text x="{LEFT + BOX[0] + 14}" y="{y + 5:.0f}" fill="#334">{escape(purpose(name))}</text>'
    )


def _arrow(start: float, end: float) -> str:
    """Draw an arc to the left of the boxes, the wider the farther it goes."""
    bend = LEFT - 24 - 0.48 * (end - start)
    start, end = start + 5, end - 5
    path = f"M{LEFT} {start:.0f} C{bend:.0f} {start:.0f} {bend:.0f} {end:.0f} {LEFT - 1} {end:.0f}"
    return f'<path d="{path}" fill="none" stroke="#556" stroke-opacity="0.8" marker-end="url(#head)"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
