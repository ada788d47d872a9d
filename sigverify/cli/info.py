"""`sigverify info`."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sigverify.cli.options import JsonOption, KeyOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.formats.recording import Recording
    from sigverify.modality.pen.signature import Signature
    from sigverify.store.sealed import SealedStore

USUAL_REFERENCES: Final = 5
"""The number of references whose thresholds are shown; the JSON has all."""


def info(
    file: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|SIGNATURE_FILE|PICTURE|STORE", help="A file, or the name of a model that ships."
        ),
    ],
    *,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Describe a model, a signature file, a picture or a store, whichever it is.

    A signature file is described also where it is damaged or no signature, with exit code 4.
    Binary formats are explained field by field.
    """
    from sigverify.cli.output import Exit, report

    content = _describe(file, key)
    report(content, as_json=as_json, render=lambda: _rendered(content))
    if "error" in content:
        raise typer.Exit(Exit.ERROR)


def _describe(file: str, key: str | None) -> dict[str, Any]:
    """Look at the first bytes, never at the name; a pipe, which is read once, can only be a signature."""
    from sigverify.errors import ConfigError
    from sigverify.modality.image.decoding import is_picture

    path = Path(file)
    start = _first_bytes(path)
    there = os.path.exists(file)  # noqa: PTH110 - Path raises for a long name
    if not there and _looks_like_a_file(file):
        raise ConfigError(
            f"no such file: {file}",
            expected="a model, a signature file, a picture or a store",
            hint="Check the name",
        )
    if start.startswith(b"SIGMODEL") or not there:
        return _model(file)
    if is_picture(start):
        return _picture(path)
    return _store(path, key) if start.startswith(b"SQLite format 3\0") else _signature(path)


def _looks_like_a_file(name: str) -> bool:
    """Tell a path from the name of a model: by a folder, or an ending other than a model's."""
    return Path(name).name != name or Path(name).suffix not in ("", ".sigmodel")


def _first_bytes(path: Path) -> bytes:
    if not os.path.isfile(path):  # noqa: PTH113 - Path raises for a long name
        return b""
    with path.open("rb") as opened:
        return opened.read(64)


def _model(file: str) -> dict[str, Any]:
    from sigverify.model_file import Model

    model = Model.read(file)
    manifest = model.manifest.to_dict()
    people = 0 if model.people is None else len(model.people)
    return {"kind": "model", "id": model.id, "bytes": len(model.to_bytes()), "cohort": people, **manifest}


def _store(path: Path, key: str | None) -> dict[str, Any]:
    from sigverify.cli.opening import open_store

    with open_store(path, key=key, read_only=True) as store:
        return {
            "kind": "store",
            "models": store.models(),
            "users": len(store),
            "references": sum(_references(store)),
            "bytes": path.stat().st_size,
        }


def _references(store: "SealedStore") -> list[int]:
    """Return how many references each template has, in no order; damaged rows are left out."""
    from sigverify.store import START

    counts = []
    for modality in store.models():
        mark = START
        while changes := store.changes(modality, mark):
            counts += [len(change.vectors) for change in changes]
            mark = changes[-1].mark
    return counts


def _signature(path: Path) -> dict[str, Any]:
    """Say what a signature file is, also where it is damaged or holds no signature."""
    from sigverify.formats.inspection import inspect

    found = inspect(path)
    content: dict[str, Any] = {"kind": "signature", "format": found.format.name}
    if found.error is not None:
        error = found.error
        content |= {"error": type(error).__name__, "status": error.status, "message": str(error)}
    if found.signature is not None:
        content |= _measured(found.signature)
    if found.recording is not None:
        content |= _recorded(found.recording)
    if found.fields:
        content["fields"] = [asdict(each) for each in found.fields]
    return content


def _measured(signature: "Signature") -> dict[str, Any]:
    from sigverify.modality.pen.assessment import assess

    quality = assess(signature)
    return {
        "samples": len(signature),
        "strokes": signature.stroke_count,
        "duration_ms": round(signature.repaired.duration_ms, 1),
        "sample_rate_hz": round(signature.sample_rate_hz, 1),
        "pressure": signature.pressure is not None,
        "flaw": None if quality.flaw is None else quality.flaw.value,
        "repairs": [repair.value for repair in quality.repairs],
        "hover_samples": int((~signature.ink).sum()),
    }


def _recorded(recording: "Recording") -> dict[str, Any]:
    """Say what a file holds, whether it is a signature or not; a rate and a device only where it tells."""
    content: dict[str, Any] = {
        "samples": len(recording),
        "channels": {
            quantity.value: {
                "unit": channel.unit,
                "per_unit": channel.per_unit,
                "low": channel.low,
                "high": channel.high,
            }
            for quantity, channel in recording.channels.items()
        },
        "facts": dict(recording.facts),
        "notes": [{"kind": note.kind.value, "names": list(note.names)} for note in recording.notes],
    }
    if recording.rate_hz is not None:
        content["stated_rate_hz"] = recording.rate_hz
    return content | ({"device": recording.device} if recording.device else {})


def _picture(path: Path) -> dict[str, Any]:
    from PIL import Image

    from sigverify.modality.image.assessment import assess
    from sigverify.modality.image.signature_image import SignatureImage

    image = SignatureImage.read(path)  # which refuses what is damaged or too large to be opened at all
    with Image.open(path) as opened:
        found = {"format": opened.format, "width": opened.width, "height": opened.height, "mode": opened.mode}
    quality = assess(image)
    return {
        "kind": "picture",
        **found,
        "ink_share": round(float(image.ink.where.mean()), 4),
        "slope": round(image.sheet.slope, 3),
        "aspect": round(image.sheet.aspect, 2),
        "complexity": round(quality.complexity, 3),
        "flaw": None if quality.flaw is None else quality.flaw.value,
    }


def _flaw_said(content: dict[str, Any]) -> str:
    """Say in words what is wrong with a signature or a picture."""
    from sigverify.modality.quality import Flaw
    from sigverify.words import preferred_language, sentence

    flaw = content["flaw"]
    return "none" if flaw is None else sentence(Flaw(flaw), language=preferred_language())


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """Say in words what is wrong with a signature, what was mended, and what was noticed in its file."""
    from sigverify.formats.notes import Note, NoteKind
    from sigverify.modality.pen.repair import Repair
    from sigverify.words import preferred_language, sentence

    language = preferred_language()
    rows = {
        name: value for name, value in content.items() if name not in ("error", "status", "fields", "facts")
    }
    if "flaw" in content:
        mended = [sentence(Repair(token), language=language) for token in content["repairs"]]
        rows |= {"flaw": _flaw_said(content), "repairs": "; ".join(mended) or "none"}
    if "channels" in content:
        notes = [(NoteKind(note["kind"]), tuple(note["names"])) for note in content["notes"]]
        rows["notes"] = [Note(kind, names).words(language) for kind, names in notes]
        rows["channels"] = [_channel_said(*each) for each in content["channels"].items()]
    if "message" in rows:
        rows["cannot be read" if "channels" not in content else "no signature"] = rows.pop("message")
    return rows | {name.replace("_", " "): value for name, value in content.get("facts", {}).items()}


def _channel_said(name: str, channel: dict[str, Any]) -> str:
    """Say a channel and its resolution: "x (1000 a m)"."""
    if not channel["unit"]:
        return name
    per_unit = channel["per_unit"]
    return f"{name} ({channel['unit']})" if per_unit == 1 else f"{name} ({per_unit:g} a {channel['unit']})"


def _fields(content: dict[str, Any]) -> "RenderableType":
    """Return a line for each field of a file, with what is wrong with it."""
    from rich.table import Table

    from sigverify.cli.output import visible

    grid = Table(box=None, padding=(0, 1), title="Fields", title_justify="left")
    grid.add_column("byte", justify="right", no_wrap=True)
    for name in ("field", "value", "meaning", "problem"):
        grid.add_column(name, no_wrap=True)
    for each in content["fields"]:
        at = "" if each["offset"] is None else str(each["offset"])
        value = "" if each["value"] is None else visible(each["value"])
        grid.add_row(at, visible(each["name"]), value, visible(each["meaning"]), visible(each["problem"]))
    return grid


def _rendered(content: dict[str, Any]) -> "RenderableType":
    from rich.console import Group

    from sigverify.cli.output import table

    summary = table(_rows(content))
    return Group(summary, "", _fields(content)) if content.get("fields") else summary


def _rows(content: dict[str, Any]) -> dict[str, Any]:
    """Say what people ask first."""
    if content["kind"] == "model":
        return _model_rows(content)
    if content["kind"] == "picture":
        return content | {"ink_share": f"{100 * content['ink_share']:.2f} %", "flaw": _flaw_said(content)}
    if content["kind"] == "signature":
        return _said(content)
    models = [f"{modality}: {model_id}" for modality, model_id in content["models"].items()]
    return content | {"models": models}


def _model_rows(content: dict[str, Any]) -> dict[str, Any]:
    """Say what people ask first of a model; the rest is in the JSON."""
    from sigverify.cli.convert import cohort_said

    training, parity = content["provenance"], content["parity"]
    rows = {
        name: content[name] for name in ("kind", "name", "id", "modality", "encoder", "precision", "bytes")
    }
    rows["features version"] = content["features_version"]
    rows["vector"] = f"{content['vector_size']} dimensions"
    if content["sequence_shape"]:
        rows["sequence"] = "{} steps of {} dimensions".format(*content["sequence_shape"])
    fitted = sorted(int(count) for count in content["scoring"] if count.isdecimal())
    rows["scores fitted for"] = (
        f"{', '.join(map(str, fitted))} references" if fitted else "nothing: uncalibrated"
    )
    if usual := [count for count in fitted if count <= USUAL_REFERENCES]:
        for kind, table in content["scoring"][str(usual[-1])]["thresholds"].items():
            words = ", ".join(f"FMR {100 * rate:g} %: {score:.3g}" for rate, score in table)
            rows[f"thresholds, {kind}, {usual[-1]} references"] = words
    rows["cohort"] = cohort_said(content["cohort"])
    if parity:
        # A model whose scores were fitted anew knows no rate of a float32 twin.
        other = f" (float32: {100 * parity['eer_float32']:.2f} %)" if "eer_float32" in parity else ""
        rows["EER where calibrated"] = f"{100 * parity['eer']:.2f} %{other}"
    for name in ("trained_on", "licence_note", "seed", "created"):
        if name in training:
            value = training[name]
            rows[name.replace("_", " ")] = ", ".join(value) if isinstance(value, list) else value
    conversion = training.get("conversion", {})
    for name in ("calibrated_on", "calibration_licence_note"):
        if value := conversion.get(name):
            rows[name.replace("_", " ")] = ", ".join(value) if isinstance(value, list) else value
    return rows | _adjusted(conversion.get("adjustment")) | {"everything else": "--json"}


def _adjusted(record: Any) -> dict[str, str]:
    """Say to whom `sigverify calibrate` fitted a model, and what came of it; nothing of others."""
    if record is None:
        return {}
    try:
        corpora = ", ".join(map(str, record["people_of"]))
        low, high = map(float, record["interval"])
        whom = f"{record['people']} people of {corpora}"
        forgeries = {"real": "by forgers", "synthetic": "made of their own signatures"}
        shift = f"{float(record['shift']):+.2f}"
        return {
            "fitted to": f"{whom}, by {record['signatures']} genuine signatures",
            "forgeries of them": forgeries[record["skilled_forgeries"]],
            "log odds of every try": f"{shift}, 95 % interval {low:+.2f} to {high:+.2f}",
        }
    except (KeyError, TypeError, ValueError):
        return {"fitted to": "people of whom the record cannot be read"}
