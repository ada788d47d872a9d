"""Colors and style that all figures share."""

from typing import Any, Final

from sigverify.errors import MissingExtra

COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Told apart by color-blind eyes too. Source: M. Okabe, K. Ito, "Color universal design", 2002."""

STYLE: Final = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    # Not "best", which tries many places, and warns where that takes a second: on a busy machine it does.
    "legend.loc": "upper right",
    "svg.hashsalt": "sigverify",
}


def styled() -> Any:
    """Return the context in which figures are built and saved.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra("matplotlib is not installed", hint="pip install 'sigverify[evaluate]'") from error
    return mpl.rc_context(STYLE)
