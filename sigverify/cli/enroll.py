"""`sigverify enroll`."""

from typing import Annotated

import typer

from sigverify.cli.options import (
    CacheOption,
    JsonOption,
    KeyOption,
    ModelOption,
    RuntimeOption,
    SignaturesArgument,
    StoreOption,
    ThreadsOption,
    TrustOption,
    UserOption,
)


def enroll(
    store: StoreOption,
    user: UserOption,
    files: SignaturesArgument,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier enrollment.")] = False,
    quality: Annotated[
        str,
        typer.Option(
            "--quality",
            metavar="enforce|record",
            help="Refuse flawed captures, copies and mixed hands, or keep any set and say what is wrong.",
        ),
    ] = "enforce",
    groups: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="Put the user into this group; repeat for more.")
    ] = None,
    model: ModelOption = "base",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    key: KeyOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enroll a person from genuine signatures. The store keeps embeddings, never the strokes."""
    from sigverify.cli.opening import open_verifier, shown
    from sigverify.cli.output import report, table
    from sigverify.enrollment.addition import AdditionReason
    from sigverify.formats import read_signature

    signatures = [read_signature(path) for path in files]
    with open_verifier(
        store, model=model, runtime=runtime, threads=threads, key=key, trust=trust, create=True, cache=cache
    ) as verifier:
        enrollment = verifier.enroll(user, signatures, replace=replace, quality=quality, groups=groups or ())
    content = {
        "user": enrollment.user_id,
        "references": enrollment.references,
        "template_bytes": enrollment.template_bytes,
        "model": enrollment.model_id,
        "complexity": round(enrollment.complexity, 3),
        "consistency": round(enrollment.consistency, 3),
        "flaws": [flaw.value for flaw in enrollment.flaws if flaw is not AdditionReason.TAKEN],
        "latency_ms": round(enrollment.latency_ms, 3),
    }
    report(content, as_json=as_json, render=lambda: table(content, title=f"Enrolled in {shown(store)}"))
