"""`sigverify verify`."""

from typing import Annotated

import typer

from sigverify.cli.options import (
    JsonOption,
    ModelOption,
    RuntimeOption,
    SignatureArgument,
    StoreOption,
    ThreadsOption,
    UserOption,
)


def verify(
    store: StoreOption,
    user: UserOption,
    file: SignatureArgument,
    *,
    fmr: Annotated[
        float,
        typer.Option("--fmr", help="The false-match rate to allow; 0.01 lets one impostor in a hundred in."),
    ] = 0.01,
    impostor: Annotated[
        str, typer.Option("--impostor", help="The impostors that rate counts: skilled (forgers) or random.")
    ] = "skilled",
    model: ModelOption = "base",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Decide whether a signature is the person's. Exit code 0: accepted, 3: rejected."""
    from sigverify.cli.opening import open_verifier
    from sigverify.cli.output import Exit, report
    from sigverify.formats import read_signature

    probe = read_signature(file)
    with open_verifier(store, model=model, runtime=runtime, threads=threads) as verifier:
        decision = verifier.verify(user, probe, fmr=fmr, impostor=impostor)
    content = {
        "user": user,
        "accepted": decision.accepted,
        "score": decision.score,
        "threshold": decision.threshold,
        "fmr": fmr,
        "impostor": impostor,
        "reason": decision.reason.value,
        "latency_ms": round(decision.latency_ms, 3),
    }
    verdict = "[bold green]accepted[/]" if decision.accepted else "[bold red]rejected[/]"
    numbers = f"score {decision.score:.3g}, threshold {decision.threshold:.3g}"
    report(content, as_json=as_json, render=lambda: f"{verdict}: {decision.reason.value} ({numbers})")
    raise typer.Exit(Exit.ACCEPT if decision.accepted else Exit.REJECT)
