"""`sigverify convert`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sigverify.cli.options import JsonOption, WritersOption

if TYPE_CHECKING:
    from converter import Conversion
    from sigverify.model_file import Model

_C_BEGINS: Final = b"/* sigverify model "
"""How `c_array` begins what it writes."""


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NETWORK|MODEL",
            help="The folder that `sigverify train` wrote, or a .keras file with its settings; or a model: "
            "a .sigmodel file or the name of one that ships, which gets other scores.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .sigmodel file to write.")],
    int8: Annotated[bool, typer.Option("--int8", help="8-bit integers throughout (the default).")] = False,
    float16: Annotated[bool, typer.Option("--float16", help="16-bit weights, 32-bit arithmetic.")] = False,
    float32: Annotated[bool, typer.Option("--float32", help="As trained.")] = False,
    name: Annotated[
        str, typer.Option("--name", help="The model's name; that of the source if not given.")
    ] = "",
    representatives: Annotated[
        int, typer.Option("--representatives", help="Training signatures that set the int8 ranges.")
    ] = 200,
    calibrate_on: Annotated[
        list[str] | None,
        typer.Option(
            "--calibrate-on",
            metavar="CORPUS",
            help="Corpus to fit scores and thresholds on, which the network has not seen; may be repeated. "
            "Of a RUN its own validation writers if not given, or invented people where these are too few.",
        ),
    ] = None,
    writers: WritersOption = None,
    edge_tpu: Annotated[
        bool, typer.Option("--edge-tpu", help="Compile for the Coral Edge TPU with edgetpu_compiler.")
    ] = False,
    c_source: Annotated[
        Path | None,
        typer.Option("--c-array", metavar="FILE", help="Write the model file as C source too, for firmware."),
    ] = None,
    cohort: Annotated[
        bool,
        typer.Option(
            "--cohort/--no-cohort",
            help="Bring along invented people, by whom enrollment tells how near strangers come to a person. "
            "A MODEL without --calibrate-on gets only that. Of strokes only.",
        ),
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Make one model file for devices of a trained network, or give a model other scores, or a cohort."""
    chosen = [name for name, given in (("int8", int8), ("float16", float16), ("float32", float32)) if given]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --int8, --float16 and --float32")

    from sigverify.cli.checks import check_output, require
    from sigverify.cli.output import report, table
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.model_file import MAGIC

    require(["tensorflow", "keras", "sklearn"], "train")
    check_output(out, "a model file", [MAGIC], inputs=[source])
    if c_source is not None:
        check_output(c_source, "C source that this wrote", [_C_BEGINS], inputs=[source, out])
    with quiet(), stage_bar("Converting and calibrating"):
        import converter
        from sigverify.corpora import open_corpus
        from sigverify.corpora.split_file import Side, select_writers

        corpora = select_writers([open_corpus(spec) for spec in calibrate_on or ()], writers, Side.TRAIN)
        conversion = converter.convert(
            source,
            precision=chosen[0] if chosen else None,
            name=name,
            representatives=representatives,
            edge_tpu=edge_tpu,
            cohort=cohort,
            calibration=corpora,
        )
    conversion.model.write(out)
    content = _content(conversion, out)
    if c_source is not None:
        with quiet():
            content["c_array"] = _write_c_source(conversion.model, c_source)
    report(content, as_json=as_json, render=lambda: table(_rows(content), title=f"Wrote {out}"))


def _write_c_source(model: "Model", path: Path) -> dict[str, Any]:
    """Write it, with the memory that tflite-micro needs where that can be measured here."""
    from firmware_bridge.libsigverify.c_array import c_array
    from firmware_bridge.libsigverify.micro import arena_bytes
    from sigverify.errors import MissingExtra, ModelError
    from sigverify.whole_file import write_whole

    arena, pair, reason = None, None, None
    try:
        arena = arena_bytes(model)
        pair = arena_bytes(model, pair=True) if model.pair_network else None
    except (MissingExtra, ModelError) as error:
        reason = str(error)
    write_whole(path, c_array(model, arena_bytes=arena, pair_arena_bytes=pair))
    return {"file": str(path), "arena_bytes": arena, "pair_arena_bytes": pair, "not_measured": reason}


def _content(conversion: "Conversion", out: Path) -> dict[str, Any]:
    mapping = conversion.edge_tpu
    record = conversion.model.manifest.provenance["conversion"]
    return {
        "model": str(out),
        "id": conversion.model.id,
        "name": conversion.model.manifest.name,
        "precision": conversion.model.manifest.precision.value,
        "bytes": out.stat().st_size,
        "calibrated_on": record.get("calibrated_on", []),
        "calibration_signatures": record.get("calibration_signatures"),
        "calibration_why": record.get("calibration_why", ""),
        "cohort": 0 if conversion.model.people is None else len(conversion.model.people),
        "eer": conversion.eer,
        "parity": conversion.report and conversion.report.to_dict(),
        "edge_tpu": None
        if mapping is None
        else {
            "complete": mapping.complete,
            "falls_to_cpu": list(mapping.warnings),
            "compiled": [each.to_dict() for each in conversion.compiled],
        },
    }


def cohort_said(people: int) -> str:
    """Say whether a model limits how many strangers match a single person."""
    return f"{people} invented people" if people else "none: nothing limits how many strangers match a person"


def _said(compiled: dict[str, Any]) -> str:
    """Say what the vendor's compiler took over, and where the weights lie."""
    kinds = compiled["operations"]
    mapped = sum(kind["count"] for kind in kinds if kind["status"].startswith("Mapped"))
    others = [
        f"{kind['name']}: {kind['status']}" for kind in kinds if not kind["status"].startswith("Mapped")
    ]
    memory = f"{compiled['cached'] or '?'} on the chip, {compiled['streamed'] or '?'} sent at each run"
    return "; ".join([f"{mapped} operations taken over", memory, *others])


def _rows(content: dict[str, Any]) -> dict[str, object]:
    """Say in words what the JSON says in numbers."""
    parity, mapping = content["parity"], content["edge_tpu"]
    rows: dict[str, object] = {
        "id": content["id"],
        "precision": content["precision"],
        "size": f"{content['bytes'] / 1000:.0f} kB",
        "scores fitted on": f"{', '.join(content['calibrated_on'])}: "
        f"{content['calibration_signatures']} signatures",
        "cohort": cohort_said(content["cohort"]),
    }
    if content["eer"] is not None:
        rows["EER on the calibration writers"] = f"{100 * content['eer']:.2f} %"
    if content["calibration_why"]:
        rows["why invented people"] = content["calibration_why"]
    if parity is not None:
        cosine = parity["vector"]
        rows["cosine to the trained network"] = f"{cosine['mean']:.4f} (worst {cosine['minimum']:.4f})"
        rows["EER on the calibration writers"] = (
            f"{100 * parity['eer']:.2f} % (float32: {100 * parity['eer_float32']:.2f} %)"
        )
        if parity["pair"] is not None:
            said = parity["pair"]
            rows["pair network, from the trained one"] = (
                f"{said['mean']:.3f} (most {said['largest']:.3f}), correlation {said['correlation']:.4f}"
            )
    if mapping is not None:
        rows["Edge TPU"] = "maps whole" if mapping["complete"] else "; ".join(mapping["falls_to_cpu"])
        for number, each in enumerate(mapping["compiled"]):
            rows[f"compiler {each['version']} on {('the network', 'the pair network')[number]}"] = _said(each)
    if "c_array" in content:
        source = content["c_array"]
        rows["C source"] = source["file"]
        arenas = [source[name] for name in ("arena_bytes", "pair_arena_bytes") if source[name]]
        measured = ", for pairs ".join(f"{size / 1024:.1f} kB" for size in arenas)
        rows["arena of tflite-micro"] = source["not_measured"] or measured
    return rows
