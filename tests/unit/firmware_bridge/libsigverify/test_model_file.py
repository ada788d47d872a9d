import pytest
from builders import model
from native_core import NativeModel
from native_manifests import ABSENT, FITTED, manifest, packed, version_1

from sigverify import Model
from sigverify.errors import IncompatibleModel, MalformedModel, ModelError
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import shipped_models


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_is_read(library, name):
    its = Model.read(name)
    native = NativeModel(library, its.to_bytes())
    info = native.describe()
    assert library.ffi.string(info.id).decode() == its.id
    assert info.network_size == len(its.network)
    assert (info.input_bytes, info.vector_bytes, info.sequence_bytes) == (256 * 11, 64, 128 * 15)


def test_a_model_without_tensors_is_read_but_cannot_run(library):
    native = NativeModel(library, model().to_bytes())
    assert native.threshold(0.01) == pytest.approx(0.9)
    with pytest.raises(IncompatibleModel):
        native.describe()


GOOD = manifest(version_1())


@pytest.mark.parametrize(
    "data",
    [
        packed(GOOD.replace(b":", b": ", 1)),  # white space
        packed(GOOD + b" "),
        packed(GOOD[:-1]),
        packed(GOOD.replace(b'"encoder"', b'"encoded"')),
        packed(GOOD.replace(b'"toy"', b'"\xff"')),
        packed(b"[" * 100_000),
        packed(b"{}"),
        version_1(extra=1),
        version_1(parity=ABSENT),
        version_1(name=""),
        version_1(precision="int4"),
        version_1(vector_size=0),
        version_1(vector_size=1.5),
        version_1(sequence_shape=[128]),
        version_1(sequence_shape=[127, 16]),
        version_1(sequence_shape=[4098, 16]),
        version_1(sequence_shape=[128, 130]),
        version_1(provenance=[]),
        version_1(scoring={"1": {"bias": 0.0, "thresholds": {}, "weights": [0.0] * 9}}),
        version_1(scoring={"1": {"bias": 0.0, "thresholds": {"nobody": []}, "weights": [0.0] * 10}}),
        packed(GOOD.replace(b"8.8", b"1e999")),
        packed(GOOD.replace(b"8.8", b"08.8")),
    ],
)
def test_what_python_refuses_c_refuses(library, data):
    with pytest.raises(MalformedModel):
        Model.from_bytes(data)
    with pytest.raises(MalformedModel):
        NativeModel(library, data)


@pytest.mark.parametrize("data", [version_1(features_version=PEN.version + 1), packed(GOOD, version=3)])
def test_another_version_is_incompatible(library, data):
    for read in (Model.from_bytes, lambda bad: NativeModel(library, bad)):
        with pytest.raises(IncompatibleModel):
            read(data)


def test_altered_truncated_and_followed_by_more_are_refused(library, base):
    data = base.to_bytes()
    for bad in (data[:-1], data + b"\0", data[:5000] + b"\0" + data[5001:], b"", b"SIGMODEL"):
        with pytest.raises(MalformedModel):
            NativeModel(library, bad)


def test_a_model_too_large_for_this_library_says_so(library):
    with pytest.raises(ModelError) as caught:
        NativeModel(library, version_1(vector_size=100_000))
    assert type(caught.value) is ModelError


def test_a_scoring_reads_as_it_was_written(library):
    rows = FITTED | {"12": FITTED["2"] | {"bias": -1.2345678901234567e-05}}
    native = NativeModel(library, version_1(scoring=rows))
    assert native.threshold(0.01, references=12) == pytest.approx(0.9, abs=1e-15)
