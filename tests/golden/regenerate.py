"""Write the golden files anew: `make golden`, only after a deliberate change of what they pin; read the diff.

genuine.csv, again.csv, forged.csv  scrawls of arithmetic (nobody's signature), the input of what follows
numbers.json                        features, distances and scores of them, rounded to six digits
template.bin, model.sigmodel        files of the current versions: later versions must go on reading them
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sigverify import Signature, Template, read_signature
from sigverify.features import DYNAMICS, clean_duration_ms, features
from sigverify.matching import Embedding, References, distances, spread
from sigverify.model_file import Manifest, Model, Precision
from sigverify.scoring import Scoring
from sigverify.template import stored

HERE = Path(__file__).parent
NAMES = ("genuine", "again", "forged")
DIGITS = 6


def scrawl(name: str) -> Signature:
    """Return a loopy scrawl, written anew ("again") or by another hand, slower ("forged")."""
    shift, pace = {"genuine": (0.0, 10), "again": (0.06, 10), "forged": (0.35, 14)}[name]
    t = np.linspace(0, 1, 160)
    x = 40 * np.sin(14 * t + shift) + 15 * np.cos(31 * t) + 220 * t
    y = 50 * np.sin(17 * t) + 20 * np.cos(29 * t + 2 * shift)
    pressure = 500 + 300 * np.sin(9 * t + shift)
    ink = np.abs(t - 0.55) > 0.02
    return Signature(x.round(2), y.round(2), pace * np.arange(160), pressure.round(), ink)


def to_csv(its: Signature) -> str:
    """Write the plain CSV format."""
    assert its.pressure is not None
    rows = zip(its.x, its.y, its.time_ms, its.pressure, its.ink, strict=True)
    lines = [f"{x:.2f},{y:.2f},{t:.0f},{p:.0f},{ink:d}" for x, y, t, p, ink in rows]
    return "\n".join(["x,y,time_ms,pressure,pen_down", *lines]) + "\n"


def embedding(its: Signature) -> Embedding:
    """Embed with arithmetic in place of a network, so that nothing here depends on a TFLite runtime."""
    values = features(its)
    sequence = np.tanh(values.reshape(len(values) // 2, 2, -1).mean(axis=1))[:, :8]
    vector = np.cos(np.arange(16)[:, None] * np.arange(1, values.shape[1] + 1)) @ values.std(axis=0)
    return Embedding.from_floats(
        values[:, :DYNAMICS], sequence, vector / np.linalg.norm(vector), clean_duration_ms(its)
    )


def numbers() -> dict[str, Any]:
    """Compute everything that numbers.json pins."""
    genuine, again, forged = (read_signature(HERE / f"{name}.csv") for name in NAMES)
    references = References.stack([embedding(genuine), embedding(again)])
    probe = embedding(forged)
    to_probe, between = distances(probe, references), spread(references)
    return {
        "features_every_32nd_frame": np.round(features(genuine)[::32].astype(float), DIGITS).tolist(),
        "distances": np.round(to_probe.astype(float), DIGITS).tolist(),
        "spread": np.round(between[0, 1].astype(float), DIGITS).tolist(),
        "score": round(float(Scoring.default().score(to_probe, between)), DIGITS),
        "score_of_one": round(float(Scoring.default().score(to_probe[:1], between[:1, :1])), DIGITS),
    }


def template() -> Template:
    """Return the template of template.bin."""
    its = [read_signature(HERE / f"{name}.csv") for name in ("genuine", "again")]
    references = stored(References.stack([embedding(each) for each in its]))
    return Template(
        user_id="golden",
        model_id="00112233445566ff",
        references=references,
        spread=spread(references),
        created=datetime(2024, 2, 29, tzinfo=UTC),
    )


def model() -> Model:
    """Return the model of model.sigmodel; its network is only bytes."""
    manifest = Manifest(
        name="golden",
        encoder="tdnn",
        precision=Precision.INT8,
        vector_size=64,
        sequence_shape=(128, 16),
        scoring=Scoring.default().to_dict(),
        provenance={"seed": 0},
    )
    return Model(manifest=manifest, network=bytes(range(256)))


def main() -> None:
    """Write all files."""
    for name in NAMES:
        (HERE / f"{name}.csv").write_text(to_csv(scrawl(name)))
    (HERE / "numbers.json").write_text(json.dumps(numbers(), indent=1) + "\n")
    (HERE / "template.bin").write_bytes(template().to_bytes())
    (HERE / "model.sigmodel").write_bytes(model().to_bytes())


if __name__ == "__main__":
    main()
