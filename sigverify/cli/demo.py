"""`sigverify demo`."""

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import FmrOption, JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.experiments.demonstration import Demonstration
    from sigverify.experiments.tries import Count
    from sigverify.training import Progress


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder for all that is made.")] = Path(
        "demo-out"
    ),
    fast: Annotated[
        bool, typer.Option("--quick", help="Smaller and sooner; the network learns next to nothing.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the people and the training.")] = 0,
    fmr: FmrOption = "balanced",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo in --out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the whole path: invent people, train, convert, enroll, verify, measure."""
    from sigverify.cli.checks import require
    from sigverify.cli.output import report
    from sigverify.cli.quiet import quiet

    require(["tensorflow", "keras", "matplotlib", "sklearn"], "train-cpu")
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


_TRIED = {
    "same_sitting": "genuine, same sitting",
    "other_day": "genuine, another day",
    "skilled": "forgery by somebody who practiced",
    "random": "another person's own signature",
}


def _summary(done: "Demonstration") -> "RenderableType":
    """Say what was tried, what came of it, and what to do next."""
    from rich.console import Group

    from sigverify.cli.output import paragraph, table, visible

    return Group(
        "",
        *map(paragraph, _introduced(done)),
        "",
        _counts(done.strokes),
        *map(paragraph, _noticed(done)),
        "",
        _rates(done),
        paragraph(
            "Equal error rate: where as large a share of genuine signatures is refused as of forgeries "
            f"accepted; in brackets what other {done.people} people may give, 95 times in 100."
        ),
        "",
        paragraph(
            f"The same with pictures: signatures of {done.pictured_people} of these people as ink on paper. "
            "What they lack is the movement of the pen."
        ),
        _counts(done.pictures),
        "",
        table(_facts(done)),
        "",
        table(done.files),
        "",
        "Go on, to verify one signature, and to measure the same again:",
        *(f"  {visible(_typed(command))}" for command in (done.verify, done.evaluate)),
    )


def _introduced(done: "Demonstration") -> Iterator[str]:
    """Say who was tried how, and by which models."""
    yield (
        f"One protocol, here and in the report: {done.people} people whom training never saw; the first "
        f"{done.references} signatures of each are enrolled, all others are tried, at the threshold for "
        f"{100 * done.fmr:g} % of skilled forgers."
    )
    yield (
        f"demo: trained here, in {done.train_s:.0f} s, on {done.signatures} signatures of {done.writers} "
        "people. base: the model that ships, trained longer on more of them."
    )


def _noticed(done: "Demonstration") -> Iterator[str]:
    """Say what the days do, where they do, and whether the report agrees."""
    refused = {each.kind.value: 1 - each.accepted[done.model] / each.tried for each in done.strokes}
    if refused["other_day"] > refused["same_sitting"]:
        yield (
            "People sign otherwise on another day. Here all references are of one sitting, as where somebody "
            "enrolls once; with references of two days fewer are refused."
        )
    tried = sum(each.tried for each in done.strokes)
    if done.differing == 0:
        yield f"The report counts all {tried} as the verifier decided them."
    else:
        yield f"The report counts {done.differing} of these {tried} otherwise than the verifier decided."


def _typed(command: str) -> str:
    """Return a command so that it runs where this one did: `make demo` puts `sigverify` on no path."""
    name, _, rest = command.partition(" ")
    called = Path(sys.argv[0])
    found = shutil.which(name)
    if called.name != name or (found is not None and Path(found).samefile(called)):
        return command
    return f"{shlex.quote(str(called))} {rest}"


def _counts(counts: "Sequence[Count]") -> "RenderableType":
    """Return a row for each kind of try, and for each model how many it accepted."""
    from rich.table import Table

    grid = Table()
    for name in ("tried", "number", *(f"{model} accepts" for model in counts[0].accepted)):
        grid.add_column(name, justify="left" if name == "tried" else "right")
    for each in counts:
        grid.add_row(_TRIED[each.kind], str(each.tried), *map(str, each.accepted.values()))
    return grid


def _rates(done: "Demonstration") -> "RenderableType":
    from rich.table import Table

    grid = Table()
    for name in ("equal error rate, %", *done.eer):
        grid.add_column(name, justify="left" if name not in done.eer else "right")
    for kind in ("skilled", "random"):
        found = [rates[kind] for rates in done.eer.values()]
        shown = (f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})" for mean, low, high in found)
        grid.add_row(_TRIED[kind], *shown)
    return grid


def _facts(done: "Demonstration") -> dict[str, str]:
    sizes = done.network_bytes / 1000, done.network_bytes_float32 / 1000
    cost = 100 * (done.eer_fit - done.eer_fit_float32)
    return {
        "network": "{:.0f} kB in int8, {:.0f} kB in float32".format(*sizes),
        "what int8 costs": f"{cost:+.2f} points of equal error rate, on the people who set the thresholds",
        f"enrolling {done.references} signatures": f"{done.enroll_ms:.1f} ms, median",
        f"verifying one against {done.references}": f"{done.verify_ms:.1f} ms, median",
    }
