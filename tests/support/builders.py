"""Small ready-made values for tests: signatures, templates, and a network of arithmetic instead of TFLite."""

import contextlib
from datetime import UTC, datetime

import numpy as np

from sigverify.errors import RuntimeUnavailable
from sigverify.manifest import Manifest, Precision
from sigverify.matcher import Matcher
from sigverify.matching.cues import PAIR
from sigverify.matching.distances import spread
from sigverify.matching.embedding import References
from sigverify.modality.pen.features import CHANNELS, FRAMES
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.runtime.embedder import Output
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.native.library import Library
from sigverify.template import Template, stored

MODEL_ID = "0123456789abcdef"
CUES = tuple(cue for cue in PEN.cues if cue != PAIR)
"""Those of a pen that need no second network."""
CREATED = datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)


def signature(writer=0, repetition=0, *, samples=150, noise=0.15):
    """A loopy scrawl of that writer; repetitions differ by smooth noise."""
    own, now = np.random.default_rng(writer), np.random.default_rng((writer + 1) * 1000 + repetition)
    even = np.linspace(0, 1, samples)
    time = even + noise * 0.4 * now.uniform(-1, 1) * np.sin(np.pi * even) ** 2
    waves = [own.normal(size=(2, 6)) + noise * now.normal(size=(2, 6)) for _ in range(2)]
    phase = 2 * np.pi * (own.uniform(1, 2) * time[:, None] * np.arange(1, 7))
    x, y = (np.sin(phase) @ wave[0] + np.cos(phase) @ wave[1] for wave in waves)
    pressure = 0.5 + 0.3 * np.sin(2 * np.pi * time * own.integers(1, 5) + noise * now.normal())
    step = own.uniform(8, 12) * (1 + 0.2 * noise * now.normal())
    ink = np.ones(samples, bool)
    lift = int(own.uniform(0.3, 0.7) * samples)
    ink[lift : lift + 5] = False
    return Signature(100 * x + 300 * time, 100 * y, step * np.arange(samples), pressure, ink)


def stretched(its, share, phase=0.0):
    """The same line, written in a rhythm of its own, and sampled at even times anew."""
    part = np.linspace(0, 1, len(its))
    warped = part + share * np.sin(2 * np.pi * part + phase) / (2 * np.pi)
    warped = (warped - warped[0]) / (warped[-1] - warped[0])
    x, y = (np.interp(warped, part, axis) for axis in (its.x, its.y))
    ink = its.ink[np.clip(np.searchsorted(part, warped), 0, len(part) - 1)]
    return Signature(x, y, its.time_ms, its.pressure, ink)


def references(count=5, *, depth=16, seed=0):
    """Random embeddings of the right shapes; `depth=0` for an encoder without a sequence."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 64)).astype(np.float32)
    return stored(
        References(
            series=rng.integers(-127, 128, (count, 256, 7), np.int8),
            detail=rng.integers(-127, 128, (count, 128, 5), np.int8),
            sequence=rng.integers(-127, 128, (count, 128 if depth else 1, depth), np.int8),
            vector=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            extent=rng.uniform(500, 5000, count).astype(np.float32),
        )
    )


def template(user_id="alice", count=5, *, depth=16, model_id=MODEL_ID, seed=0, modality="pen"):
    """A template of random embeddings."""
    its = references(count, depth=depth, seed=seed)
    between = spread(its, CUES) if count <= 5 else np.ones((count, count, len(CUES)), np.float32)
    return Template(
        user_id=user_id,
        model_id=model_id,
        modality=modality,
        references=its,
        spread=between,
        created=CREATED,
    )


def model(**changes):
    """A model whose network nobody runs."""
    fields = {
        "name": "toy",
        "encoder": "toy",
        "precision": Precision.INT8,
        "modality": "pen",
        "vector_size": 64,
        "sequence_shape": (128, 16),
    }
    return Model(manifest=Manifest(**fields | changes), network=b"no network")


def arithmetic_matcher(its=None):
    """Return a matcher around an `ArithmeticEmbedder`; by libsigverify where that is switched on."""
    return matcher_around(ArithmeticEmbedder(its))


def matcher_around(embedder):
    """Return a matcher around what stands in for an `Embedder`."""
    embedder.runtime = Runtime.LITERT
    with contextlib.suppress(RuntimeUnavailable):
        return Matcher.around(embedder, Library.find())
    return Matcher.around(embedder)


class ArithmeticEmbedder:
    """Stands in for `Embedder`: fixed random projections of the features, no TFLite."""

    def __init__(self, its=None):
        self.model = its or model()
        rng = np.random.default_rng(0)
        self._local = rng.normal(size=(2 * CHANNELS, 16)).astype(np.float32) / 4
        self._global = rng.normal(size=(FRAMES * CHANNELS, 64)).astype(np.float32)

    def run(self, features):
        vector = features.reshape(-1) @ self._global
        sequence = np.tanh(features.reshape(FRAMES // 2, -1) @ self._local)
        return Output(vector / np.linalg.norm(vector), sequence)


def to_csv(path, its):
    """Write strokes with pressure as plain CSV; return the path."""
    columns = (its.x, its.y, its.time_ms, its.pressure, its.ink.astype(int))
    rows = [",".join(f"{value:g}" for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(["x,y,time_ms,pressure,pen_down", *rows]) + "\n")
    return path
