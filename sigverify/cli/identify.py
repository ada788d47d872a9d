"""`sigverify identify`."""

from typing import Annotated

import typer

from sigverify.cli.options import (
    CacheOption,
    CounterOption,
    ImageModelOption,
    IndexOption,
    JsonOption,
    KeyOption,
    ModelOption,
    RuntimeOption,
    SignatureArgument,
    StationsOption,
    StoreOption,
    ThreadsOption,
    TrustOption,
)


def identify(
    store: StoreOption,
    file: SignatureArgument,
    *,
    top_k: Annotated[int, typer.Option("--top", "-k", min=1, help="How many people to list.")] = 5,
    fpir: Annotated[
        float | None,
        typer.Option(
            help="Name a stranger at this rate at most, and nobody rather than somebody unlike. Without it, "
            "a ranking: whoever is most alike, however little."
        ),
    ] = None,
    among: Annotated[
        str | None, typer.Option(metavar="GROUP", help="Search this group only; see sigverify groups.")
    ] = None,
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    stations: StationsOption = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    cache: CacheOption = None,
    index: IndexOption = "exact",
    as_json: JsonOption = False,
) -> None:
    """List the enrolled people whose signatures are most like this one, best first.

    Exit code 3 where nothing can be told by this file, and with --fpir when it is nobody.
    """
    from sigverify.cli.opening import open_verifier
    from sigverify.cli.output import Exit, report, table
    from sigverify.formats import read_capture
    from sigverify.modality.registry import modality_of
    from sigverify.search.groups import check_members
    from sigverify.words import kind, phrase, preferred_language, sentence

    probe = read_capture(file)
    with open_verifier(
        store,
        model=model,
        image_model=image_model,
        runtime=runtime,
        threads=threads,
        key=key,
        counter=counter,
        trust=trust,
        cache=cache,
        index=index,
        stations=stations,
    ) as verifier:
        matches = verifier.identify(probe, top_k=top_k, fpir=fpir, among=among)
        if among is not None and not len(matches):
            check_members(verifier.store, among)
        modality, enrolled = modality_of(probe).name, verifier.store.models()
    language = preferred_language()
    rows = [(match.user_id, f"{match.score:.3g}") for match in matches]
    if matches.flaw is not None:
        nobody = sentence(matches.flaw, language=language)
    elif modality not in enrolled and enrolled:
        by, others = kind(modality, language=language), [kind(name, language=language) for name in enrolled]
        nobody = phrase("nobody_by_kind", language=language, kind=by, others=", ".join(others))
    else:
        nobody = phrase("nobody_enrolled" if fpir is None else "nobody", language=language)
    people = table(rows, title=phrase("most_alike", language=language)) if rows else nobody
    report(matches.to_dict(), as_json=as_json, render=lambda: people)
    if matches.flaw is not None or (fpir is not None and not matches):
        raise typer.Exit(Exit.REJECT)
