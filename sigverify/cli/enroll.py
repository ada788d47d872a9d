"""`sigverify enroll`."""

from typing import Annotated

import typer

from sigverify.cli.options import (
    JsonOption,
    ModelOption,
    RuntimeOption,
    SignaturesArgument,
    StoreOption,
    ThreadsOption,
    UserOption,
)


def enroll(
    store: StoreOption,
    user: UserOption,
    files: SignaturesArgument,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier enrolment.")] = False,
    model: ModelOption = "base",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Enrol a person from genuine signatures. The store keeps embeddings, never the strokes."""
    from sigverify.cli.opening import open_verifier
    from sigverify.cli.output import report, table
    from sigverify.formats import read_signature

    signatures = [read_signature(path) for path in files]
    with open_verifier(store, model=model, runtime=runtime, threads=threads, create=True) as verifier:
        enrolment = verifier.enroll(user, signatures, replace=replace)
    content = {
        "user": enrolment.user_id,
        "references": enrolment.references,
        "template_bytes": enrolment.template_bytes,
        "model": enrolment.model_id,
        "latency_ms": round(enrolment.latency_ms, 3),
    }
    report(content, as_json=as_json, render=lambda: table(content, title=f"Enrolled in {store}"))
