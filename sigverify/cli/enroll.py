"""`sigverify enroll`."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import (
    CacheOption,
    CounterOption,
    ImageModelOption,
    JsonOption,
    KeyOption,
    ModelOption,
    RuntimeOption,
    SignaturesArgument,
    StationKeyOption,
    StationsOption,
    StoreOption,
    ThreadsOption,
    TrustOption,
    UserOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sigverify.enrollment.receipt import EnrollmentReceipt
    from sigverify.modality.image.signature_image import SignatureImage
    from sigverify.modality.pen.signature import Signature


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
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    stations: StationsOption = None,
    station_key: StationKeyOption = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enroll a person from genuine signatures. The store keeps embeddings, never strokes or pictures."""
    from sigverify.cli.opening import open_verifier, shown
    from sigverify.cli.output import report, table
    from sigverify.errors import UntrustedModel
    from sigverify.formats import read_capture
    from sigverify.store import MEMORY
    from sigverify.store.address import is_server
    from sigverify.words import kind, phrase, preferred_language

    signatures = [read_capture(path) for path in files]

    def enrolled(place: str | Path, **its: Any) -> "EnrollmentReceipt":
        with open_verifier(
            place,
            model=model,
            image_model=image_model,
            runtime=runtime,
            threads=threads,
            trust=trust,
            create=True,
            stations=stations,
            station_key=station_key,
            **its,
        ) as verifier:
            return verifier.enroll(
                user,
                signatures,
                replace=replace,
                quality=quality,
                groups=groups or (),
                names=[str(path) for path in files],
            )

    if not is_server(store) and not Path(store).exists():
        # What is refused here leaves no store behind; but that a model is not trusted is for the store's log.
        with suppress(UntrustedModel):
            enrolled(MEMORY)
    receipt = enrolled(store, key=key, counter=counter, cache=cache)
    language = preferred_language()
    title = phrase("enrolled_in", language=language, store=shown(store))
    content = receipt.to_dict() | {"mixed_scripts": list(receipt.mixed_scripts)}
    rows = list(_rows(receipt, language).items())
    for modality, other in receipt.also.items():
        rows += [("", ""), *_rows(other, language, kind(modality, language=language)).items()]
    rows += _repairs(signatures, language).items()
    report(content, as_json=as_json, render=lambda: table(rows, title=title))


def _repairs(signatures: "Sequence[Signature | SignatureImage]", language: str) -> dict[str, object]:
    """Say what was mended in the references; nothing where nothing was."""
    from sigverify.modality.registry import modality_of
    from sigverify.words import phrase, sentence

    said = [
        phrase("reference", language=language, number=number, reason=sentence(repair, language=language))
        for number, signature in enumerate(signatures, start=1)
        for repair in modality_of(signature).assess(signature).repairs
    ]
    return {phrase("repairs", language=language): "; ".join(said)} if said else {}


def _rows(receipt: "EnrollmentReceipt", language: str, captures: str = "") -> dict[str, object]:
    """Say what people ask first, under names in that language; of further `captures`, what they are."""
    from sigverify.words import phrase, sentence

    flaws = [
        phrase("reference", language=language, number=number, reason=sentence(reason, language=language))
        for number, reason in enumerate(receipt.reasons, start=1)
        if not reason
    ]
    names = (
        "user_id", "references", "template_bytes", "model_id", "complexity", "consistency", "latency_ms",
    )  # fmt: skip
    content = receipt.to_dict()
    rows = {phrase(name, language=language): content[name] for name in names}
    nothing = phrase("none", language=language)
    if captures:
        del rows[phrase("user_id", language=language)]
        rows = {captures: "", **rows}
    rows |= {phrase("flaws", language=language): "; ".join(flaws) or nothing}
    warnings = [sentence(caution, language=language) for caution in receipt.cautions]
    if receipt.mixed_scripts and not captures:
        scripts = ", ".join(receipt.mixed_scripts)
        warnings.insert(0, phrase("mixed_scripts", language=language, scripts=scripts))
    return rows | ({phrase("warning", language=language): "; ".join(warnings)} if warnings else {})
