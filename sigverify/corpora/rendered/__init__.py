"""Strokes as ink on paper: pictures of signatures, with their truth, out of any corpus of pen strokes.

`nib` says what ink a movement leaves, `ink` draws it, `scanner` makes a picture of it, `render` goes through
a corpus.
"""

from sigverify.corpora.rendered.config import NibKind, RenderConfig, ScannerKind
from sigverify.corpora.rendered.render import render, render_sample

__all__ = ["NibKind", "RenderConfig", "ScannerKind", "render", "render_sample"]
