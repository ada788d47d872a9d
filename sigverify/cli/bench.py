"""`sigverify bench`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from sigverify.cli.options import JsonOption, ModelOption, RuntimeOption, ThreadsOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.speed import Benchmark

_SEND: Final = (
    "Nothing of this was sent to anybody, and it names neither you nor this machine.",
    "A board that the documentation has no figures of? Paste into an issue of the project what this prints:",
    "  sigverify bench --json",
)


def bench(
    *,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            min=0.0,
            max=3600.0,
            help="How long the steps are repeated, all together; starts, and a slow machine, take longer.",
        ),
    ] = 10.0,
    people: Annotated[
        int, typer.Option("--people", min=1, max=10_000, help="How many are enrolled for `identify`.")
    ] = 20,
    model: ModelOption = "base",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast the SDK is on this machine: each step, memory, cold start, and what machine it is.

    With invented signatures, in a store of its own; no store of yours is opened, and nothing is sent.
    """
    import tempfile
    from pathlib import Path

    from sigverify.cli.output import report
    from sigverify.cli.quiet import quiet
    from sigverify.experiments.samples import write_person
    from sigverify.model_file import Model
    from sigverify.speed import measure

    modality = Model.read(model).manifest.modality
    with tempfile.TemporaryDirectory() as folder, quiet():
        found = measure(
            write_person(Path(folder), modality),
            model=model,
            runtime=runtime,
            threads=threads,
            people=people,
            seconds=seconds,
        )
    report(found.to_dict(), as_json=as_json, render=lambda: _render(found))


def _render(found: "Benchmark") -> "RenderableType":
    """Return what was measured as a table, and below it how and on what."""
    from rich.console import Group
    from rich.table import Table

    from sigverify.cli.output import styled, table, visible
    from sigverify.speed import STEPS

    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    for _ in range(3):
        grid.add_column(justify="right")
    grid.add_column()
    grid.add_row("", "median", "p90", "runs", "", style="dim")
    for name, timing in found.steps.items():
        times = (f"{each:.2f} ms" for each in (timing.median_ms, timing.p90_ms))
        grid.add_row(name, *times, f"{timing.runs}", styled((STEPS[name], "dim")))
    board = found.board
    peak = "the system does not say" if found.peak_memory_mb is None else f"{found.peak_memory_mb:.1f} MB"
    memory = "" if board.memory_mb is None else f", {board.memory_mb} MB of memory"
    rows = {
        "process start to first decision": f"{found.cold_start_ms:.0f} ms",
        "memory, at most": peak,
        "model": f"{visible(found.model)} ({found.modality}), {found.people} people enrolled",
        "computed by": f"{found.runtime}, {'with' if found.native_core else 'without'} the core in C, "
        f"threads: {found.threads}",
        "score": f"{found.decision.score:.6f}, {'accepted' if found.decision.accepted else 'not accepted'}; "
        f"embedding {found.embedding[:16]}…",
        "board": board.board or "the system names none",
        "processor": f"{board.processor or 'the system names none'}, cores: {board.cores}{memory}",
        "system": f"{board.system}, Linux {board.kernel}, {board.architecture}, {board.bits} bits",
        "versions": ", ".join([board.python, *(f"{name} {each}" for name, each in board.packages.items())]),
        "cpu governor": board.governor,
        "heat": board.heat,
        "load before": "the system does not say" if found.load is None else f"{found.load:g}",
    }
    return Group(grid, "", table(rows), "", *_SEND)
