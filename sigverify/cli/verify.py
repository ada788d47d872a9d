"""`sigverify verify`."""

from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import (
    CacheOption,
    CounterOption,
    FmrOption,
    ImageModelOption,
    JsonOption,
    KeyOption,
    LockoutOption,
    ModelOption,
    ReferOption,
    ReplayCheckOption,
    RuntimeOption,
    StationsOption,
    StoreOption,
    ThreadsOption,
    TrustOption,
    TryArgument,
    UserOption,
)

if TYPE_CHECKING:
    from rich.text import Text

    from sigverify.decision import Decision


def verify(
    store: StoreOption,
    user: UserOption,
    files: TryArgument,
    *,
    fmr: FmrOption = "balanced",
    impostor: Annotated[
        str, typer.Option("--impostor", help="The impostors that rate counts: skilled (forgers) or random.")
    ] = "skilled",
    refer: ReferOption = None,
    replay_check: ReplayCheckOption = True,
    lockout: LockoutOption = True,
    untrusted: Annotated[
        bool,
        typer.Option(
            "--untrusted", help="Tell nothing that helps an attacker: no score, and not who is enrolled."
        ),
    ] = False,
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    stations: StationsOption = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide whether a signature is the person's. Exit code 0: accepted, 3: rejected, 5: for a person.

    Given strokes and a picture of one act of signing, it decides by both.
    """
    from sigverify.cli.opening import make_policy, open_verifier
    from sigverify.cli.output import Exit, report
    from sigverify.decision import Outcome
    from sigverify.formats import read_capture
    from sigverify.words import preferred_language

    policy = make_policy(untrusted=untrusted, replay_check=replay_check, lockout=lockout).asking(
        fmr=fmr, impostor=impostor, refer_fmr=refer
    )
    probe = tuple(read_capture(file) for file in files)
    with open_verifier(
        store,
        model=model,
        image_model=image_model,
        runtime=runtime,
        threads=threads,
        key=key,
        counter=counter,
        trust=trust,
        policy=policy,
        cache=cache,
        stations=stations,
    ) as verifier:
        decision = verifier.verify(user, probe)
    content = {"user_id": user, "fmr": policy.fmr, "impostor": impostor} | decision.to_dict()
    report(content, as_json=as_json, render=lambda: _render(decision, preferred_language()))
    codes = {Outcome.ACCEPT: Exit.ACCEPT, Outcome.REFER: Exit.REFER}
    raise typer.Exit(codes.get(decision.outcome, Exit.REJECT))


def _render(decision: "Decision", language: str) -> "Text":
    """Say it in one line."""
    from sigverify.cli.output import styled
    from sigverify.decision import Outcome, Reason
    from sigverify.words import kind, phrase, sentence

    color = {Outcome.ACCEPT: "green", Outcome.REJECT: "red"}.get(decision.outcome, "yellow")
    why = decision.flaw or decision.reason  # of a poor capture its flaw says more
    outcome, reason = (sentence(each, language=language) for each in (decision.outcome, why))
    line = f": {reason}"
    if decision.score is not None and decision.threshold is not None:
        score, threshold = f"{decision.score:.3g}", f"{decision.threshold:.3g}"
        line += f" ({phrase('score', language=language, score=score, threshold=threshold)})"
    if len(decision.scores) > 1:
        each = (f"{kind(name, language=language)} {score:.3g}" for name, score in decision.scores.items())
        line += f"; {', '.join(each)}"
    if decision.left_out:
        kinds = ", ".join(kind(name, language=language) for name in decision.left_out)
        line += f"; {phrase('left_out', language=language, kinds=kinds)}"
    if decision.missing:
        aspects = ", ".join(sentence(aspect, language=language) for aspect in decision.missing)
        line += f"; {phrase('missing', language=language, aspects=aspects)}"
    if decision.unlike:
        aspects = ", ".join(sentence(aspect, language=language) for aspect in decision.unlike)
        line += f"; {phrase('unlike', language=language, aspects=aspects)}"
    if decision.reason is Reason.REPLAY:
        line += f"; {phrase('trying_out', language=language, option='--no-replay-check')}"
    if decision.retry_after_s > 0:
        line += f"; {phrase('next_try', language=language, seconds=f'{decision.retry_after_s:.0f}')}"
    return styled((outcome, f"bold {color}"), line)
