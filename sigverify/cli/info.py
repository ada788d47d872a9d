"""`sigverify info`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sigverify.cli.options import JsonOption


def info(
    file: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|SIGNATURE_FILE|STORE", help="A file, or the name of a model that ships."
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Describe a model, a signature file or a store, whichever it is."""
    from sigverify.cli.output import report, table

    content = _describe(file)
    report(content, as_json=as_json, render=lambda: table(_flat(content)))


def _describe(file: str) -> dict[str, Any]:
    """Look at the first bytes, never at the name."""
    path = Path(file)
    start = _first_bytes(path)
    if start.startswith(b"SIGMODEL") or not path.exists():
        return _model(file)
    return _store(path) if start.startswith(b"SQLite format 3\0") else _signature(path, start)


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as opened:
        return opened.read(4096)


def _model(file: str) -> dict[str, Any]:
    from dataclasses import asdict

    from sigverify.model_file import Model

    model = Model.read(file)
    manifest = asdict(model.manifest)
    return {"kind": "model", "id": model.id, "bytes": len(model.to_bytes()), **manifest}


def _store(path: Path) -> dict[str, Any]:
    from sigverify.store import SqliteStore

    with SqliteStore(path, create=False) as store:
        gallery = store.gallery()
        return {
            "kind": "store",
            "model": store.model_id,
            "users": len(gallery.user_ids),
            "references": len(gallery.vectors),
            "bytes": path.stat().st_size,
        }


def _signature(path: Path, start: bytes) -> dict[str, Any]:
    from sigverify.features import clean_duration_ms
    from sigverify.formats import read_signature
    from sigverify.formats.reader import recognise_format

    signature = read_signature(path)
    return {
        "kind": "signature",
        "format": recognise_format(start).value,
        "samples": len(signature),
        "strokes": signature.stroke_count,
        "duration_ms": round(clean_duration_ms(signature), 1),
        "sample_rate_hz": round(signature.sample_rate_hz, 1),
        "pressure": signature.pressure is not None,
        "hover_samples": int((~signature.ink).sum()),
    }


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Spread nested values over rows of their own: `provenance.seed` and so on."""
    rows: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict) and value:
            rows |= _flat(value, f"{prefix}{name}.")
        else:
            rows[prefix + name] = value
    return rows
