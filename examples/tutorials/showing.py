"""Figures of the tutorials: in the notebook where there is one, else files; and whether to keep it short."""

import io
import os
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
from PIL import Image as Picture

from sigverify.plotting.figure import new_figure
from sigverify.plotting.style import COLORS, STYLE

SMALL = os.environ.get("SIGVERIFY_TUTORIAL") == "small"
"""Whether to show the course of things only, in seconds: the tests do that."""
FOLDER = Path(os.environ.get("SIGVERIFY_PLOTS", Path(tempfile.gettempdir(), "sigverify-plots")))
"""Where a script leaves its figures."""

mpl.rcParams.update(STYLE)

__all__ = ["COLORS", "FOLDER", "SMALL", "new_figure", "show"]


def show(figure, name):
    """Show a figure below a cell, or write `FOLDER/name.png` and say so."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    # 64 colours are enough for lines and dots, and half as large.
    small = Picture.open(drawn).convert("RGB").quantize(64, dither=Picture.Dither.NONE)
    data = io.BytesIO()
    small.save(data, format="png", optimize=True)
    if "ipykernel" in sys.modules:
        from IPython.display import Image, display

        display(Image(data.getvalue()))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / f"{name}.png"
    target.write_bytes(data.getvalue())
    print(f"figure: {target}")
