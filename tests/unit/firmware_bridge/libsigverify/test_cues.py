"""The list of cues in a manifest: which are computed, in which order, and what is refused."""

import zlib
from datetime import UTC, datetime
from math import exp, log

import numpy as np
import pytest
from builders import signature, template
from native_core import NativeModel, NativeVerifier, exported, imported
from native_manifests import (
    ABSENT,
    PROPERTIES,
    WITHOUT_PAIR,
    columns,
    cue,
    manifest,
    model_file,
    packed,
)
from native_networks import arithmetic_model, embed, judge

from sigverify import Model
from sigverify.decision import Reason
from sigverify.enrollment.enroller import Screening
from sigverify.errors import (
    EnrollmentError,
    IncompatibleModel,
    MalformedModel,
    MalformedTemplate,
)
from sigverify.matching.distances import spread
from sigverify.modality.pen.pen import PEN

CREATED = datetime(2024, 2, 29, tzinfo=UTC)
FLOOR = 0.02
SAME = 1e-12
"""Both add the same float64 numbers; only the libraries' logarithms may differ in the last bit."""

LISTS = (
    tuple(PROPERTIES),
    tuple(reversed(PROPERTIES)),
    ("vector", "tempo", "extent", "pair", "trimmed", "series", "sequence"),
    ("series",),
    ("extent",),
    ("pair",),
    ("tempo", "sequence"),
    ("extent", "sequence", "trimmed"),
    ("vector", "series", "extent"),
)


def mean(numbers):
    return sum(numbers) / len(numbers)


def evidence(names, distances, spread):
    """Compute the columns of evidence with plain loops, cue by cue."""
    count = len(spread)
    found = []
    for place, name in enumerate(names):
        own = [float(distances[i, place]) for i in range(count)]
        if not PROPERTIES[name]["relative"]:
            found += [mean(own), abs(mean(own))][: 1 + PROPERTIES[name]["signed"]]
            continue
        levels = [0.0]
        if count > 1:
            others = [[float(spread[i, j, place]) for j in range(count) if j != i] for i in range(count)]
            levels = [log(max(mean(row), FLOOR)) for row in others]
        ratios = [log(max(distance, FLOOR)) - level for distance, level in zip(own, levels, strict=True)]
        found += [min(ratios), mean(ratios), mean(levels)]
    return found


def score(names, row, distances, spread):
    odds = row["bias"] + sum(
        weight * column
        for weight, column in zip(row["weights"], evidence(names, distances, spread), strict=True)
    )
    return 1 / (1 + exp(-min(max(odds, -60), 60)))


def random_row(names, seed=0):
    rng = np.random.default_rng(seed)
    size = columns([cue(name) for name in names])
    thresholds = {"random": [[0.1, 0.5], [0.01, 0.9]], "skilled": [[0.1, 0.5], [0.01, 0.9]]}
    return {"bias": float(rng.normal()), "thresholds": thresholds, "weights": rng.normal(size=size).tolist()}


@pytest.mark.parametrize("names", LISTS)
@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_scores_are_those_of_plain_loops(library, names, count):
    row = random_row(names)
    data = model_file(names, scoring={"1": row})
    native, scoring = NativeModel(library, data), Model.from_bytes(data).manifest.scoring
    assert library.functions.sv_model_cues(native.handle) == len(names)
    rng = np.random.default_rng(count)
    for scale in (0.0, 0.1, 1.0):
        distances = (scale * rng.uniform(0, 3, (count, len(names)))).astype(np.float32)
        signed = [PROPERTIES[name]["signed"] for name in names]
        distances[:, signed] -= np.float32(1.5)
        spread = rng.uniform(0.3, 1, (count, count, len(names))).astype(np.float32)
        spread = (spread + spread.transpose(1, 0, 2)) / 2
        spread[np.arange(count), np.arange(count)] = 0
        expected = pytest.approx(score(names, row, distances, spread), abs=SAME)
        assert native.score(distances, spread) == expected
        assert float(scoring.score(distances, spread)) == expected


def test_the_default_scoring_weighs_the_series_wherever_it_stands(library):
    moved, usual = (
        NativeModel(library, model_file(names, scoring={}))
        for names in (("tempo", "vector", "series"), WITHOUT_PAIR)
    )
    distances, spread = (
        np.random.default_rng(1).uniform(0.1, 1, (2, 3, 3, len(WITHOUT_PAIR))).astype(np.float32)
    )
    places = [WITHOUT_PAIR.index(name) for name in ("tempo", "vector", "series")]
    expected = usual.score(distances[0], spread)
    assert moved.score(distances[0][:, places], spread[..., places]) == expected
    assert moved.score(distances[0][:1, places], spread[:1, :1][..., places]) == usual.score(
        distances[0][:1], spread[:1, :1]
    )


@pytest.mark.parametrize(
    "data",
    [
        model_file(["series", "rhythm"]),
        model_file([cue("series", learned=True)]),
        model_file(["extent", cue("series", elastic=False)]),
        model_file([cue("vector", relative=False)]),
        model_file([cue("extent", signed=False)]),
        model_file([cue("tempo", signed=False)]),
        model_file([cue("trimmed", learned=True)]),
        model_file([cue("pair", learned=False)]),
        model_file([cue("extent", relative=True)]),
        model_file([f"cue {number}" for number in range(9)]),
        model_file(["x" * 100]),
        model_file([]),
        model_file(["series", "series"]),
        model_file(["extent", "rhythm", "extent"]),
        model_file([cue("series", signed=True)]),
        model_file([cue("tempo", relative=True, signed=True)]),
        model_file([cue("")]),
        model_file([cue("series", further=1)]),
        model_file(cues=[{"name": "series"}]),
        model_file(cues=[{}]),
        model_file([cue("series") | {"name": 1}]),
        model_file(modality="image"),
        model_file(modality="image", input_shape=[96, 256, 1], scoring={"1": "of its own"}),
        model_file(features_version=PEN.version + 1),
        model_file(features_version=PEN.version - 1),
        model_file(input_shape=[256, 11]),
        model_file(input_shape=[256, 12, 1]),
        model_file(input_shape=[256]),
        model_file(input_shape=[12, 256]),
    ],
)
def test_a_model_that_cannot_be_run_here_is_incompatible(library, data):
    for read in (Model.from_bytes, lambda bad: NativeModel(library, bad)):
        with pytest.raises(IncompatibleModel):
            read(data)


def weights(count):
    return {"1": {"bias": 0.0, "thresholds": {"skilled": [[0.01, 0.9]]}, "weights": [0.0] * count}}


SPELLED = b'{"elastic":true,"learned":false,"name":"series","relative":true,"signed":false}'
WHOLE = manifest(model_file(["series"]))


@pytest.mark.parametrize(
    "data",
    [
        model_file(cues="series"),
        model_file(cues=["series"]),
        model_file(cues={}),
        model_file(cues=ABSENT),
        model_file(modality=ABSENT),
        model_file(modality=""),
        model_file(modality=1),
        model_file(input_shape="256"),
        model_file(input_shape=[]),
        model_file(input_shape=[256, 0]),
        model_file(scoring=weights(15)),
        model_file(scoring=weights(17)),
        model_file(["extent", "vector"], scoring=weights(4)),
        model_file(["extent", "vector"], scoring=weights(6)),
        model_file(["extent", "vector"], scoring={}),  # no series, which the default weighs
        model_file(file_version=2),
        model_file(file_version=5),
        packed(WHOLE.replace(SPELLED, SPELLED + b",")),
        packed(WHOLE.replace(b"[" + SPELLED, b"[," + SPELLED)),
        packed(WHOLE.replace(b'"relative":true', b'"relative":True')),
        model_file(pair_network=b"nobody asks it"),
        model_file(tuple(PROPERTIES), pair_network=b""),
        model_file(["pair"], pair_network=b""),
    ],
)
def test_what_is_no_model_is_malformed(library, data):
    for read in (Model.from_bytes, lambda bad: NativeModel(library, bad)):
        with pytest.raises(MalformedModel):
            read(data)


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5])
def test_another_version_of_the_file_is_incompatible(library, version):
    with pytest.raises(IncompatibleModel):
        NativeModel(library, packed(manifest(model_file()), version=version))


def test_no_model_has_no_cues(library):
    assert library.functions.sv_model_cues(library.ffi.NULL) == 0


# From signatures on: networks of arithmetic.

ALL = arithmetic_model()


class File:
    """What a `NativeVerifier` asks a model for."""

    def __init__(self, data):
        self._data = data

    def to_bytes(self):
        return self._data


@pytest.fixture
def verifier(library):
    """A function that opens a verifier with cues of these names."""

    def opened(names, row=None):
        data = model_file(names, of=ALL, scoring={"1": row or random_row(names)})
        return NativeVerifier(library, File(data), embed, judge)

    return opened


REFERENCES = [signature(1, repetition) for repetition in range(4)]
PROBES = [signature(1, 9), signature(2, 0)]


@pytest.mark.parametrize("names", LISTS)
def test_distances_stand_in_the_order_of_the_list(verifier, names):
    whole = verifier(LISTS[0]).enroll("alice", REFERENCES, created=CREATED, quality=Screening.RECORD)
    own = verifier(names).enroll("alice", REFERENCES, created=CREATED, quality=Screening.RECORD)
    places = [LISTS[0].index(name) for name in names]
    np.testing.assert_array_equal(own.spread, whole.spread[..., places])
    cues = [PEN.cues[place] for place in places if PEN.cues[place].name != "pair"]
    kept = [place for place, name in enumerate(names) if name != "pair"]
    np.testing.assert_allclose(own.spread[..., kept], spread(own.references, cues), atol=1e-6)


def reordered(row, names):
    """Return a row of all cues in their order, for `names`."""
    sizes = [columns([cue(name)]) for name in PROPERTIES]
    first = dict(zip(PROPERTIES, np.cumsum([0, *sizes]).tolist(), strict=False))
    numbers = [row["weights"][first[name] + n] for name in names for n in range(columns([cue(name)]))]
    return row | {"weights": numbers}


@pytest.mark.parametrize("names", LISTS[:3])
def test_the_order_of_the_list_changes_no_score(verifier, names):
    row = random_row(LISTS[0])
    usual, own = verifier(LISTS[0], row), verifier(names, reordered(row, names))
    expected, here = (
        each.enroll("alice", REFERENCES, created=CREATED, quality=Screening.RECORD) for each in (usual, own)
    )
    for probe in PROBES:
        assert own.score(here, probe) == pytest.approx(usual.score(expected, probe), abs=SAME)
        decision, other = own.verify(here, probe), usual.verify(expected, probe)
        assert (decision.outcome, decision.reason) == (other.outcome, other.reason)
        best = own.identify(probe, [here])[0]
        assert best.score == own.score(here, probe)


@pytest.mark.parametrize("names", [*LISTS, ("vector", "extent")])
def test_a_copy_is_recognized_by_its_series_wherever_that_stands(verifier, names):
    native = verifier(names)
    alice = native.enroll("alice", REFERENCES, created=CREATED, quality=Screening.RECORD)
    assert native.verify(alice, REFERENCES[2]).reason is Reason.REPLAY
    assert native.verify(alice, PROBES[0]).reason is not Reason.REPLAY
    with pytest.raises(EnrollmentError, match="3 is copy"):
        native.enroll("alice", [*REFERENCES[:2], REFERENCES[0]], created=CREATED)


def test_a_template_with_other_cues_is_refused(library, verifier):
    native = verifier(("extent", "series"))
    alice = native.enroll("alice", REFERENCES, created=CREATED, quality=Screening.RECORD)
    for cues in (1, 4):
        data = bytearray(alice.to_bytes())
        spread = np.zeros((6, cues), np.float32).tobytes()
        start = 46 + len("alice") + len("pen")
        data[26:28] = cues.to_bytes(2, "little")
        data[start : start + 6 * 2 * 4] = spread
        data[10:14] = len(data).to_bytes(4, "little")
        data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
        handle, value = imported(library, bytes(data)), library.ffi.new("double *")
        with pytest.raises(MalformedTemplate):
            library.call("sv_score", native._handle, handle, library.view(PROBES[0]), value)


@pytest.mark.parametrize("cues", [1, 4, 8])
def test_templates_of_any_number_of_cues_are_passed_on(library, cues):
    data = with_cues(cues)
    assert exported(library, imported(library, data)) == data


@pytest.mark.parametrize("cues", [0, 9, 65535])
def test_more_cues_than_a_template_may_have_are_refused(library, cues):
    with pytest.raises(MalformedTemplate):
        imported(library, with_cues(cues))


def with_cues(cues):
    """Return a template of two references with that many cues, of which none is signed."""
    data = bytearray(template("alice", 2).to_bytes())
    start = 46 + len("alice") + len("pen")
    had = int.from_bytes(data[26:28], "little")
    data[9] = 0
    data[26:28] = cues.to_bytes(2, "little")
    data[start : start + 4 * had] = np.linspace(0, 1, cues, dtype="<f4").tobytes()
    data[10:14] = len(data).to_bytes(4, "little")
    data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
    return bytes(data)
