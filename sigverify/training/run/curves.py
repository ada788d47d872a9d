"""Learning curves as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sigverify.errors import MissingExtra


def draw_curves(history: Sequence[Mapping[str, float]], path: Path, *, best_epoch: int = 0) -> None:
    """Draw losses, error rates (per cent) and the learning rate against epochs into a PNG.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(
            "drawing learning curves needs matplotlib", hint="Install it: pip install 'sigverify[train]'"
        ) from error
    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    names = sorted({name for row in history for name in row} - {"epoch", "learning_rate"})
    rates = [name for name in names if name.startswith("val_eer")]
    losses = [name for name in names if name not in rates]
    for axes, title, shown, factor in zip(
        figure.subplots(1, 3),
        ("loss", "equal error rate, held-out writers (%)", "learning rate"),
        (losses, rates, ["learning_rate"]),
        (1, 100, 1),
        strict=True,
    ):
        for name in shown:
            points = [(row["epoch"], factor * row[name]) for row in history if name in row]
            style = "--" if name.startswith("val_") and name.endswith("loss") else "-"
            axes.plot(
                *zip(*points, strict=True),
                style,
                marker=".",
                label=name.removeprefix("val_eer_"),
                linewidth=1,
            )
        if best_epoch and shown != ["learning_rate"]:
            axes.axvline(best_epoch, color="0.7", linewidth=1, zorder=0)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        if shown and shown != ["learning_rate"]:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)
