import hashlib
import math
from dataclasses import replace

import pytest
from builders import model
from native_core import NativeModel
from native_manifests import ABSENT, FITTED, PROPERTIES, manifest, model_file, packed
from toy_images import image_model

from sigverify import Model
from sigverify.errors import IncompatibleModel, MalformedModel, ModelError
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import shipped_models


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_is_read_or_refused_by_its_kind(library, name):
    its = Model.read(name)
    if its.manifest.modality != PEN.name:
        with pytest.raises(IncompatibleModel, match="not supported here"):
            NativeModel(library, its.to_bytes())
        return
    native = NativeModel(library, its.to_bytes())
    info = native.describe()
    assert library.ffi.string(info.id).decode() == its.id
    sizes = {
        "input": info.input_bytes,
        "pair": info.pair_output_bytes,
        "pair_input": info.pair_input_bytes,
        "sequence": info.sequence_bytes,
        "vector": info.vector_bytes,
    }
    tensors = its.manifest.tensors
    assert {name: size for name, size in sizes.items() if size} == {
        name: math.prod(port["shape"]) for name, port in tensors.items()
    }
    for network, lies, size in (
        (its.network, info.network, info.network_size),
        (its.pair_network, info.pair_network, info.pair_network_size),
    ):
        found = library.ffi.unpack(library.ffi.cast("char *", lies), size) if size else b""
        assert found == network


def test_a_model_without_tensors_is_read_but_cannot_run(library):
    native = NativeModel(library, model().to_bytes())
    assert native.threshold(0.01) == pytest.approx(0.9)
    with pytest.raises(IncompatibleModel):
        native.describe()


GOOD = manifest(model_file(scoring=FITTED))


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
        model_file(extra=1),
        model_file(parity=ABSENT),
        model_file(name=""),
        model_file(precision="int4"),
        model_file(vector_size=0),
        model_file(vector_size=1.5),
        model_file(sequence_shape=[128]),
        model_file(sequence_shape=[127, 16]),
        model_file(sequence_shape=[4098, 16]),
        model_file(sequence_shape=[128, 130]),
        model_file(provenance=[]),
        model_file(scoring={"1": {"bias": 0.0, "thresholds": {}, "weights": [0.0] * 9}}),
        model_file(scoring={"1": {"bias": 0.0, "thresholds": {"nobody": []}, "weights": [0.0] * 16}}),
        packed(GOOD.replace(b"8.8", b"1e999")),
        packed(GOOD.replace(b"8.8", b"08.8")),
    ],
)
def test_what_python_refuses_c_refuses(library, data):
    with pytest.raises(MalformedModel):
        Model.from_bytes(data)
    with pytest.raises(MalformedModel):
        NativeModel(library, data)


@pytest.mark.parametrize("data", [model_file(features_version=PEN.version + 1), packed(GOOD, version=2)])
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
        NativeModel(library, model_file(vector_size=100_000))
    assert type(caught.value) is ModelError


def test_a_scoring_reads_as_it_was_written(library):
    rows = FITTED | {"12": FITTED["2"] | {"bias": -1.2345678901234567e-05}}
    native = NativeModel(library, model_file(scoring=rows))
    assert native.threshold(0.01, references=12) == pytest.approx(0.9, abs=1e-15)


def test_the_size_of_a_network_is_bounded(library):
    for place in (16, 24):
        data = bytearray(model_file())
        data[place : place + 8] = ((64 << 20) + 1).to_bytes(8, "little")
        for read in (Model.from_bytes, lambda bad: NativeModel(library, bad)):
            with pytest.raises(MalformedModel):
                read(bytes(data))


@pytest.mark.parametrize("names", [("series",), tuple(PROPERTIES)])
@pytest.mark.parametrize("size", [1, 15, 16, 17])
def test_both_networks_lie_on_multiples_of_16(library, names, size):
    """What is between them is 0, also where there is no second one."""
    pair_network = b"p" * size if "pair" in names else b""
    data = model_file(names, of=replace(model(), network=b"n" * size), pair_network=pair_network)
    NativeModel(library, data)
    padding = 40 + len(manifest(data)) + -len(manifest(data)) % 16 + size
    end = len(data) - 32 - len(pair_network)
    assert end % 16 == 0
    for place in range(padding, end):
        bad = data[:place] + b"\1" + data[place + 1 : -32]
        bad += hashlib.sha256(bad).digest()
        for read in (Model.from_bytes, lambda bad: NativeModel(library, bad)):
            with pytest.raises(MalformedModel):
                read(bad)


def test_a_model_of_pictures_is_not_supported_and_says_so(library):
    """Whole and sound as it is: the core in C does not compute what its network takes."""
    for its in (image_model(), image_model(sequence_shape=(64, 16))):
        assert Model.from_bytes(its.to_bytes()) == its
        with pytest.raises(IncompatibleModel, match="not supported here: a model for another modality"):
            NativeModel(library, its.to_bytes())
