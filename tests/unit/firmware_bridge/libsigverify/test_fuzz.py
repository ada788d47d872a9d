"""libsigverify against hostile templates, models and recordings: tests/support/native/fuzz.c."""

import json
from pathlib import Path

import fuzz_targets
import numpy as np
import pytest
from native_manifests import columns, cue
from native_manifests import manifest as own

from firmware_bridge.libsigverify.build import FLAGS, INCLUDE, LIBRARIES, sources
from sigverify.modality.pen.pen import PEN

ROOT = Path(__file__).parents[4]
GOLDEN = ROOT / "tests" / "golden"
EXACT = [each for each in FLAGS if each.startswith("-ffp")]
TARGET = (
    *EXACT,
    f"-I{INCLUDE}",
    *sources(),
    ROOT / "tests" / "support" / "native" / "fuzz.c",
    *LIBRARIES,
)


def manifest(**changes):
    """Return the golden model's manifest, of the shape of the golden template."""
    its = json.loads(own((GOLDEN / "model.sigmodel").read_bytes()))
    port = {"dtype": "int8", "scale": 0.0078125, "shape": [1, 16], "zero_point": 3}
    its |= {
        "features_version": PEN.version,
        "sequence_shape": [128, 8],
        "tensors": {
            "input": port | {"position": 0, "scale": 0.03125},
            "sequence": port | {"position": 0},
            "vector": port | {"position": 1},
        },
        "vector_size": 16,
    }
    return json.dumps(its | changes, separators=(",", ":"), sort_keys=True).encode()


def with_cues(*names, **changes):
    """Return that manifest with these cues."""
    its = json.loads(manifest())
    cues = [cue(name) for name in names]
    row = its["scoring"]["1"] | {"weights": [-0.5] * columns(cues)}
    port = its["tensors"]["input"] | {"position": 0}
    tensors = its["tensors"] | ({"pair": port, "pair_input": port} if "pair" in names else {})
    return manifest(**{"cues": cues, "scoring": {"1": row}, "tensors": tensors, **changes})


def pair(text, template):
    """Return the input that reads both."""
    return b"P" + len(text).to_bytes(2, "little") + text + template


def recording(samples, seed):
    """Return the input that is a recording: x, y, pressure and step as int16, then what the sample is."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 3, 10, 10, 10, 200, -30, -300, 20_000, -20_000], samples)
    kinds = rng.choice([1, 1, 1, 1, 0, 2, 5, 9], samples)
    numbers = np.stack([*rng.integers(-300, 300, (2, samples)), rng.integers(0, 900, samples), steps], axis=1)
    rows = zip(numbers.astype("<i2"), kinds.tolist(), strict=True)
    return b"S" + b"".join(row.tobytes() + bytes([kind]) for row, kind in rows)


def one_too_many(template):
    """Return inputs that are refused, each by a limit of its own."""
    scoring, tensors = (json.loads(manifest())[name] for name in ("scoring", "tensors"))
    row = scoring["1"] | {"thresholds": {"random": [[0.5, 0.5]] * 33}}
    rows = {str(number): scoring["1"] for number in range(11, 36)}
    number = manifest().replace(b"8.8", b"8." + b"8" * 80)
    flat = {name: port | {"scale": 0.0} for name, port in tensors.items()}
    yield b"T" + template[:14] + b"\2\1" + template[16:]  # two frames more, in as many bytes
    yield b"T" + template[:-6] + b"\0\x7e" + template[-4:]  # the last vector ends in a NaN
    for text in (manifest(scoring={"1": row}), manifest(scoring=rows), number, manifest(tensors=flat)):
        yield pair(text, template)


@pytest.fixture(scope="session")
def corpus():
    template = (GOLDEN / "template.bin").read_bytes()
    deep = {"a": {"b": [[["\\u00e9\n", 1e-3, -2.5e8, None, True, False]]]}, "c": {}}
    scoring, tensors = (json.loads(manifest())[name] for name in ("scoring", "tensors"))
    floats = {name: port | {"dtype": "float32"} for name, port in tensors.items()}
    return [
        b"T" + template,
        b"M" + (GOLDEN / "model.sigmodel").read_bytes(),
        pair(manifest(), template),
        pair(manifest(provenance=deep, scoring={}), template),
        pair(manifest(scoring=scoring | {"reduced": scoring}), template),
        pair(manifest(tensors=floats), template),
        pair(with_cues("extent", "vector", "series", "sequence", "trimmed", "tempo"), template),
        pair(with_cues("pair", "series", "sequence", "vector", "extent", "tempo"), template),
        *one_too_many(template),
        *(recording(samples, samples) for samples in (8, 9, 40, 100, 400)),
        pair(with_cues("vector", "extent"), b""),  # copies are found by a series that is no cue
        pair(with_cues("pair", "trimmed"), b""),
        pair(with_cues("series", "rhythm"), b""),
        pair(with_cues("series", modality="image", input_shape=[96, 256, 1]), b""),
        pair(manifest(sequence_shape=None, tensors={key: tensors[key] for key in ("input", "vector")}), b""),
    ]


@pytest.mark.slow
def test_by_libfuzzer(corpus, tmp_path):
    fuzz_targets.fuzz(tmp_path, corpus, 300, *TARGET)


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory):
    """Not optimized: all that the source reads is read, and it compiles in half the time."""
    return fuzz_targets.mutating(tmp_path_factory.mktemp("sanitized"), *TARGET, "-O0")


@pytest.mark.slow
def test_mutations_under_the_sanitizers(sanitized, corpus, tmp_path):
    fuzz_targets.mutate(sanitized, tmp_path, corpus, 300)


@pytest.mark.slow
def test_mutations_under_valgrind(corpus, tmp_path):
    before = fuzz_targets.memcheck()
    program = fuzz_targets.mutating(tmp_path, *TARGET, valgrind=True)
    fuzz_targets.mutate(program, tmp_path, corpus, 20, before=before)


def test_what_the_corpus_begins_with_is_read(sanitized, corpus, tmp_path, monkeypatch):
    """Else the fuzzer would have to find out by itself what a manifest is."""
    monkeypatch.setenv("SIGVERIFY_FUZZ_TRACE", "1")
    said = fuzz_targets.mutate(sanitized, tmp_path, corpus, 0).splitlines()
    assert said[:-1] == [*["opened both"] * 6, *["opened"] * 3]
