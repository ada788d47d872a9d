"""`new_figure`, `lay_out`, `save`: a figure that needs no display, and how it becomes a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sigverify.errors import ConfigError, MissingExtra
from sigverify.whole_file import replacing

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

INK: Final = "#1f3a68"
"""Of what people wrote."""
UNLIKE: Final = "#D55E00"
"""Of ink that differs; that which does not has the colour of ink."""
_BEGINS: Final = {".png": (b"\x89PNG\r\n\x1a\n",), ".pdf": (b"%PDF-",), ".svg": (b"<?xml", b"<svg")}
SUFFIXES: Final = tuple(_BEGINS)


def new_figure(width: float, height: float) -> "Figure":
    """Make a figure of so many inches, without any global state.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("matplotlib is not installed", hint="pip install 'sigverify[evaluate]'") from error
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def lay_out(figure: "Figure") -> None:
    """Place everything in a figure once, whatever it is saved as: else that is done twice for each file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def cost_scale(lowest: float, highest: float) -> "ScalarMappable":
    """Return what turns costs of an alignment into colours, from `INK` at the lowest to `UNLIKE`."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("unlike", [INK, UNLIKE])
    return ScalarMappable(Normalize(lowest, highest, clip=True), colours)


def begins(target: Path) -> tuple[bytes, ...]:
    """Return how files of the format that the suffix names begin.

    Raises:
        ConfigError: it names none that is written.
    """
    found = _BEGINS.get(target.suffix.lower())
    if found is None:
        raise ConfigError(
            "no such picture format", expected=" or ".join(SUFFIXES), received=repr(target.suffix)
        )
    return found


def save(figure: "Figure", target: Path) -> Path:
    """Write a figure in the format that the suffix names.

    Raises:
        ConfigError: another suffix, or the file cannot be written.
    """
    begins(target)
    try:
        with replacing(target) as draft:
            figure.savefig(draft)
    except OSError as error:
        raise ConfigError("the picture cannot be written", received=f"{target}: {error.strerror}") from error
    return target
