"""`sigverify identify`."""

from typing import Annotated

import typer

from sigverify.cli.options import (
    JsonOption,
    ModelOption,
    RuntimeOption,
    SignatureArgument,
    StoreOption,
    ThreadsOption,
)


def identify(
    store: StoreOption,
    file: SignatureArgument,
    *,
    top_k: Annotated[int, typer.Option("--top", "-k", min=1, help="How many people to list.")] = 5,
    model: ModelOption = "base",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """List the enrolled people whose signatures are most like this one, best first."""
    from sigverify.cli.opening import open_verifier
    from sigverify.cli.output import report, table
    from sigverify.formats import read_signature

    probe = read_signature(file)
    with open_verifier(store, model=model, runtime=runtime, threads=threads) as verifier:
        matches = verifier.identify(probe, top_k=top_k)
    content = {"matches": [{"user": match.user_id, "score": match.score} for match in matches]}
    rows = {match.user_id: f"{match.score:.3g}" for match in matches}
    people = table(rows, title="Most alike") if rows else "Nobody is enrolled."
    report(content, as_json=as_json, render=lambda: people)
