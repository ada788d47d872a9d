"""`sigverify demo`."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import FmrOption, JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.experiments.demonstration import Demonstration, ProbeCounts
    from sigverify.training import Progress


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder for all that is made.")] = Path(
        "demo-out"
    ),
    fast: Annotated[
        bool, typer.Option("--quick", help="In seconds; the network learns next to nothing.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the writers and the training.")] = 0,
    fmr: FmrOption = "balanced",
    force: Annotated[
        bool, typer.Option("--force", help="Delete what an earlier demo left in --out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the whole path in a few minutes: invent writers, train, convert, enroll, verify, measure."""
    from sigverify.cli.output import report
    from sigverify.cli.quiet import quiet
    from sigverify.experiments.demonstration import FULL, QUICK, demonstrate

    with quiet():
        done = demonstrate(
            out, scale=QUICK if fast else FULL, seed=seed, fmr=fmr, stage=_stage, replace_old=force
        )
    report(done.to_dict(), as_json=as_json, render=lambda: _summary(done))


@contextmanager
def _stage(title: str) -> Iterator[Callable[["Progress"], None]]:
    """Show a spinner, or a bar as soon as training reports; then a tick and the seconds it took."""
    from sigverify.cli.output import say, styled, visible
    from sigverify.cli.progress import training_bar

    start = time.perf_counter()
    with training_bar(title) as show:
        yield show
    took = f"({time.perf_counter() - start:.0f} s)"
    say(styled(("✓", "green"), f" {visible(title)} ", (took, "dim")), stderr=True)


def _summary(done: "Demonstration") -> "RenderableType":
    from rich.console import Group

    from sigverify.cli.output import paragraph, styled, table

    rates = {
        f"EER, {kind} forgeries": f"{100 * rate:.2f} %   (float32: {100 * done.eer_float32[kind]:.2f} %)"
        for kind, rate in done.eer_int8.items()
    }
    size, float32_size = (f"{count / 1000:.0f} kB" for count in (done.model_bytes, done.float32_bytes))
    facts = {
        **rates,
        "model file": f"{size}   (float32: {float32_size})",
        "verify against 5 references": f"{done.verify_ms:.1f} ms",
        "enroll 5 references": f"{done.enroll_ms:.1f} ms",
        **done.files,
    }
    note = (
        f"These networks trained for a few minutes on {done.writers} invented writers. `base`, which ships, "
        "trained for an hour on 10,000: enroll yourself with `sigverify enroll`."
    )
    rate = f"at {100 * done.fmr:g} % false matches"
    decisions = (
        _decisions(f"Decisions of the int8 model {rate}", done.probes),
        "",
        _decisions(f"Pictures of their signatures: decisions of base-image {rate}", done.pictures),
    )
    return Group("", *decisions, "", table(facts), "", styled((paragraph(note), "dim")))


def _decisions(title: str, probes: "Sequence[ProbeCounts]") -> "RenderableType":
    from rich.table import Table

    from sigverify.cli.output import titled

    grid = Table()
    grid.add_column("probe")
    for name in ("tried", "accepted", "rejected"):
        grid.add_column(name, justify="right")
    for each in probes:
        grid.add_row(each.kind, str(each.tried), str(each.accepted), str(each.tried - each.accepted))
    return titled(title, grid)
