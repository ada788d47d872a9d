import dataclasses
import hashlib
import json
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import pytest
from builders import CUES, references
from hypothesis import given
from hypothesis import strategies as st

from sigverify import errors
from sigverify.errors import IncompatibleModel, MalformedModel, ModelError
from sigverify.manifest import UNFITTED, Manifest, Precision
from sigverify.matching.cohort import pack
from sigverify.matching.cues import EXTENT, PAIR, SERIES
from sigverify.matching.scoring import Impostor, ScoreRow, Scoring, evidence_size
from sigverify.modality.pen.features import CHANNELS, FEATURES_VERSION, FRAMES
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import MAX_MANIFEST_BYTES, MAX_NETWORK_BYTES, Model, shipped_models

ROW = ScoreRow(
    weights=(1.0, -0.1) + (0.0,) * (evidence_size(CUES) - 2),
    bias=0.25,
    thresholds={Impostor.RANDOM: ((0.1, 0.5),)},
)


def manifest(**changes):
    fields = {
        "name": "toy",
        "encoder": "tdnn",
        "precision": Precision.INT8,
        "modality": "pen",
        "vector_size": 64,
        "sequence_shape": (128, 16),
        "scoring": Scoring(cues=CUES, rows={5: ROW}),
        "provenance": {"seed": 3, "trained_on": ["synthetic"], "licence_note": "für alle"},
    }
    return Manifest(**fields | changes)


MODEL = Model(manifest=manifest(), network=bytes(range(256)) * 3)
DATA = MODEL.to_bytes()
COHORT = pack(references(3))


def pair_manifest():
    return manifest(cues=(*CUES, PAIR), scoring=UNFITTED)


WITH_PAIR = Model(manifest=pair_manifest(), network=bytes(777), pair_network=bytes(range(100))).to_bytes()


def sealed(body):
    """Close a forged body with the hash it needs to be believed."""
    return body + hashlib.sha256(body).digest()


def with_manifest(text):
    """A well-formed container around any manifest text."""
    head = struct.pack("<8sIIQQQ", b"SIGMODEL", 4, len(text), 16, 0, 0) + text
    return sealed(head + bytes(-len(head) % 16) + b"a network itself")


def test_round_trip():
    assert Model.from_bytes(DATA) == MODEL
    assert Model.from_bytes(DATA).to_bytes() == DATA


def test_the_id_names_the_content():
    assert MODEL.id == hashlib.sha256(DATA).hexdigest()[:16]
    assert Model.from_bytes(DATA).id == MODEL.id
    assert Model(manifest=manifest(name="other"), network=MODEL.network).id != MODEL.id


def test_a_manifest_equals_itself_read_back_even_with_tuples():
    its = manifest(provenance={"shape": (1, 2), "nested": {"deep": (3,)}})
    assert Manifest.from_json(its.to_json()) == its
    assert its.sequence_shape == (128, 16)
    assert isinstance(its.precision, Precision)


def test_repr_shows_no_weights():
    assert repr(MODEL) == f"<Model toy int8 768 bytes, id {MODEL.id}>"


def test_layout_as_a_c_program_reads_it():
    model = replace(Model.from_bytes(WITH_PAIR), cohort=COHORT)
    data = model.to_bytes()
    magic, version, manifest_size, *sizes = struct.unpack_from("<8sIIQQQ", data)
    assert (magic, version, *sizes) == (b"SIGMODEL", 4, 777, 100, len(COHORT))
    assert json.loads(data[40 : 40 + manifest_size])["vector_size"] == 64
    start = (40 + manifest_size + 15) // 16 * 16
    assert not any(data[40 + manifest_size : start])
    assert data[start : start + 777] == bytes(777)
    pair_start = (start + 777 + 15) // 16 * 16
    assert not any(data[start + 777 : pair_start])
    assert data[pair_start : pair_start + 100] == bytes(range(100))
    end = pair_start + 100 + len(COHORT)
    assert data[pair_start + 100 : end] == COHORT
    assert data[end:] == hashlib.sha256(data[:end]).digest()
    assert Model.from_bytes(data) == model


PLAIN_TEXT = (
    '{"cues":[{"elastic":true,"learned":false,"name":"series","relative":true,"signed":false},'
    '{"elastic":false,"learned":false,"name":"extent","relative":false,"signed":true}],'
    f'"encoder":"e","features_version":{FEATURES_VERSION},"file_version":4,'
    f'"input_shape":[{FRAMES},{CHANNELS}],"modality":"pen","name":"é","parity":{{}},'
    '"precision":"float32","provenance":{},"scoring":{},"sequence_shape":null,"tensors":{},'
    '"vector_size":2}'
)
PAIR_TEXT = PLAIN_TEXT.replace(
    '[{"elastic":true,',
    '[{"elastic":true,"learned":true,"name":"pair","relative":true,"signed":false},{"elastic":true,',
)


@pytest.mark.parametrize(
    ("cues", "pair", "text"),
    [((SERIES, EXTENT), b"", PLAIN_TEXT), ((PAIR, SERIES, EXTENT), b"\x04\x05", PAIR_TEXT)],
)
def test_golden_bytes(cues, pair, text):
    """Raise `MANIFEST_VERSION` before you change this."""
    made = Model(
        manifest=Manifest(
            name="é",
            encoder="e",
            precision=Precision.FLOAT32,
            modality="pen",
            vector_size=2,
            cues=cues,
        ),
        network=b"\x01\x02\x03",
        pair_network=pair,
    )
    sizes = struct.pack("<IIQQQ", 4, len(text.encode()), 3, len(pair), 0)
    body = b"SIGMODEL" + sizes + text.encode()
    body += bytes(-len(body) % 16) + b"\x01\x02\x03"
    body += bytes(-len(body) % 16) + pair
    assert made.to_bytes() == sealed(body)
    assert Model.from_bytes(made.to_bytes()) == made


def test_a_pair_network_makes_another_model():
    one = Model.from_bytes(WITH_PAIR)
    assert one.pair_network == bytes(range(100))
    assert replace(one, pair_network=bytes(100)).id != one.id
    assert "877 bytes" in repr(one)


@pytest.mark.parametrize(("cues", "pair"), [(CUES, b"pair"), ((*CUES, PAIR), b"")])
def test_a_pair_network_and_its_cue_come_together(cues, pair):
    its = manifest(cues=cues, scoring=UNFITTED)
    with pytest.raises(MalformedModel, match="the cue pair and a network for it, or neither"):
        Model(manifest=its, network=b"n", pair_network=pair)


def test_a_file_without_the_network_of_its_cue():
    content = with_manifest(pair_manifest().to_json())
    with pytest.raises(MalformedModel, match="the cue pair and a network for it, or neither"):
        Model.from_bytes(content)


@given(st.integers(0, len(WITH_PAIR) - 1))
def test_property_truncation_never_passes(length):
    with pytest.raises(MalformedModel):
        Model.from_bytes(WITH_PAIR[:length])


@given(st.integers(0, len(WITH_PAIR) * 8 - 1))
def test_property_a_flipped_bit_never_passes(bit):
    damaged = bytearray(WITH_PAIR)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ModelError):
        Model.from_bytes(bytes(damaged))


@given(st.binary(max_size=200), st.booleans())
def test_property_garbage_never_passes(garbage, magic):
    with pytest.raises(ModelError):
        Model.from_bytes(b"SIGMODEL" * magic + garbage)


@given(st.binary(min_size=1, max_size=64))
def test_property_trailing_bytes_never_pass(tail):
    with pytest.raises(MalformedModel, match="bytes after the model"):
        Model.from_bytes(DATA + tail)


@pytest.mark.parametrize(
    "sizes",
    [
        (0xFFFFFFFF, 768, 0, 0),
        (300, 0xFFFFFFFFFFFFFFFF, 0, 0),
        (300, 768, 0xFFFFFFFFFFFFFFFF, 0),
        (300, 768, 0, 0xFFFFFFFFFFFFFFFF),
        (0, 768, 0, 0),
        (300, 0, 0, 0),
        (300, 0, 768, 0),
        (1 << 20, 64 << 20, 64 << 20, 16 << 20),
        (300, 768, (64 << 20) + 1, 0),
        (300, 768, 0, (16 << 20) + 1),
    ],
)
def test_huge_lengths_allocate_nothing(tmp_path, sizes):
    path = tmp_path / "huge.sigmodel"
    path.write_bytes(struct.pack("<8sIIQQQ", b"SIGMODEL", 4, *sizes) + DATA[40:])
    tracemalloc.start()
    with pytest.raises(MalformedModel):
        Model.read(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_device_file_is_not_read_without_end():
    with pytest.raises(MalformedModel, match="not a model file"):
        Model.read("/dev/zero")


@pytest.mark.parametrize("version", [1, 2, 3, 5])
def test_another_file_version(version):
    other = bytearray(DATA)
    other[8] = version
    message = rf"another version; expected 4; received {version}\. Install"
    with pytest.raises(IncompatibleModel, match=message):
        Model.from_bytes(bytes(other))


@pytest.mark.parametrize(
    "changes", [{"features_version": FEATURES_VERSION + 1}, {"input_shape": (FRAMES, CHANNELS + 1)}]
)
def test_other_features(changes):
    message = "a model for other features; expected pen features version"
    with pytest.raises(IncompatibleModel, match=message):
        manifest(**changes)
    content = MODEL.manifest.to_dict() | changes
    with pytest.raises(IncompatibleModel, match=message):
        Model.from_bytes(with_manifest(json.dumps(content).encode()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"modality": "smell"},
            "a modality that this release does not know; expected image or pen; received 'smell'",
        ),
        ({"cues": [SERIES.to_dict() | {"name": "colour"}]}, "cues that this release does not compute of pen"),
        ({"cues": [SERIES.to_dict() | {"signed": True}]}, "cues that this release does not compute of pen"),
        ({"cues": [SERIES.to_dict(), SERIES.to_dict()]}, "each once"),
        ({"cues": []}, "1 to 8, each once"),
        ({"cues": [{}] * 9}, "1 to 8, each once"),
    ],
)
def test_another_modality_or_other_cues(changes, message):
    content = MODEL.manifest.to_dict() | changes
    with pytest.raises(IncompatibleModel, match=message):
        Model.from_bytes(with_manifest(json.dumps(content).encode()))


def test_a_manifest_takes_what_is_not_given_from_its_modality():
    plain = manifest(scoring=UNFITTED)
    assert (plain.input_shape, plain.features_version, plain.cues) == (PEN.input_shape, PEN.version, CUES)
    assert plain.scoring == Scoring.default(CUES)
    assert plain.to_dict()["scoring"] == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"1" * 10_000, "no JSON"),
        (b'{"name":NaN}', "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "other fields"),
        (MODEL.manifest.to_json()[:-1] + b',"extra":1}', "other fields"),
        (MODEL.manifest.to_json().replace(b'"vector_size":64', b'"vector_size":true'), "vector_size"),
        (MODEL.manifest.to_json().replace(b'"vector_size":64', b'"vector_size":-1'), "vector_size"),
        (MODEL.manifest.to_json().replace(b"[128,16]", b"[128]"), "sequence_shape"),
        (MODEL.manifest.to_json().replace(b'"int8"', b'"int4"'), "precision"),
        (MODEL.manifest.to_json().replace(b'"toy"', b'""'), "name"),
        (MODEL.manifest.to_json().replace(b'"parity":{}', b'"parity":[]'), "parity"),
        (MODEL.manifest.to_json().replace(b'"file_version":4', b'"file_version":3'), "file_version"),
        (MODEL.manifest.to_json().replace(b'"file_version":4', b'"file_version":5'), "file_version"),
        (MODEL.manifest.to_json().replace(b'"modality":"pen"', b'"modality":7'), "modality"),
        (MODEL.manifest.to_json().replace(b'"cues":[', b'"cues":[7,'), "cues"),
        (
            MODEL.manifest.to_json().replace(
                f'"features_version":{FEATURES_VERSION}'.encode(), b'"features_version":0'
            ),
            "features_version",
        ),
        (MODEL.manifest.to_json().replace(b'"bias":0.25', b'"bias":"0.25x"'), "scoring"),
        (MODEL.manifest.to_json().replace(b'"bias":0.25', b'"bias":0.250'), "canonical"),
        (MODEL.manifest.to_json().replace(b",", b", "), "canonical"),
        (MODEL.manifest.to_json().replace(b'"seed":3', b'"seed":3,"seed":3'), "stands twice"),
        (MODEL.manifest.to_json().replace(b'"seed":3', b'"seed":1e999'), "finite|JSON"),
    ],
)
def test_a_manifest_that_lies_behind_a_valid_hash(text, message):
    with pytest.raises(MalformedModel, match=message):
        Model.from_bytes(with_manifest(text))


def test_padding_must_be_zero():
    size = struct.unpack_from("<I", DATA, 12)[0]
    text = MODEL.manifest.to_json()
    if (40 + size) % 16 == 0:
        text = manifest(name="toys").to_json()
    forged = bytearray(with_manifest(text)[:-32])
    forged[40 + len(text)] = 7
    with pytest.raises(MalformedModel, match="canonical"):
        Model.from_bytes(sealed(bytes(forged)))


def test_so_must_that_before_the_pair_network():
    forged = bytearray(WITH_PAIR[:-32])
    forged[-101] = 7  # 777 bytes of the network leave seven bytes to fill
    with pytest.raises(MalformedModel, match="canonical"):
        Model.from_bytes(sealed(bytes(forged)))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"vector_size": 0},
        {"vector_size": 2.0},
        {"sequence_shape": (0, 16)},
        {"sequence_shape": (127, 16)},
        {"sequence_shape": (4098, 16)},
        {"sequence_shape": (128, 130)},
        {"sequence_shape": 128},
        {"scoring": {"5": {"weights": [], "bias": 0.0, "thresholds": {}}}},
        {"scoring": Scoring(cues=(EXTENT,), rows={1: ScoreRow(weights=(1.0, 0.0), bias=0.0, thresholds={})})},
        {"file_version": 2},
        {"tensors": {"input": float("nan")}},
        {"tensors": {"input": object()}},
        {"provenance": None},
    ],
)
def test_a_manifest_is_checked_when_made(changes):
    with pytest.raises(MalformedModel, match=f"manifest field {next(iter(changes))}"):
        manifest(**changes)


@pytest.mark.parametrize("network", [b"", bytes(MAX_NETWORK_BYTES + 1)])
def test_a_network_of_no_size(network):
    with pytest.raises(MalformedModel, match="empty or too large"):
        Model(manifest=manifest(), network=network)
    with pytest.raises(MalformedModel, match=r"too large|belong together"):
        Model(manifest=pair_manifest(), network=b"n", pair_network=network)


def test_a_manifest_too_large_to_be_read_is_not_written():
    with pytest.raises(MalformedModel, match="too large"):
        Model(manifest=manifest(provenance={"log": "x" * MAX_MANIFEST_BYTES}), network=b"n").to_bytes()


def test_models_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODEL.network = b""
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODEL.manifest.name = "other"


def test_write_and_read(tmp_path):
    path = tmp_path / "toy.sigmodel"
    MODEL.write(path)
    assert path.read_bytes() == DATA
    assert Model.read(path) == Model.read(str(path)) == MODEL
    assert [each.name for each in tmp_path.iterdir()] == ["toy.sigmodel"]


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "toy.sigmodel"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match=r"cannot be written; received .*No space left on device"):
        MODEL.write(path)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_writing_into_nowhere(tmp_path):
    with pytest.raises(ModelError, match="cannot be written"):
        MODEL.write(tmp_path / "absent" / "toy.sigmodel")


@pytest.mark.parametrize("path", ["no-such-model", "absent/base.sigmodel", "../base"])
def test_no_such_model_says_what_ships(path):
    with pytest.raises(ModelError, match=r"no such model; expected a \.sigmodel file or one of: "):
        Model.read(path)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        Model.read(tmp_path)


@pytest.mark.parametrize("path", ["nul\0byte", ""])
def test_impossible_paths_are_typed_errors(path):
    with pytest.raises(ModelError):
        Model.read(path)


def test_shipped_models_are_found_by_name_and_a_file_of_that_name_is_not(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    MODEL.write(folder / "toy.sigmodel")
    (folder / "README.md").write_text("no model")
    monkeypatch.setattr("sigverify.model_file.SHIPPED", folder)
    assert shipped_models() == ("toy",)
    assert Model.read("toy") == MODEL
    with pytest.raises(ModelError, match="one of: toy"):
        Model.read(tmp_path / "toy")


def test_every_shipped_model_reads():
    for name in shipped_models():
        assert Model.read(name).manifest.name == name


def test_importing_it_loads_numpy_and_nothing_heavier():
    code = """
import sys, sigverify.model_file
print([name for name in ('tensorflow', 'ai_edge_litert') if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_keep_their_numbers():
    assert (errors.MalformedModel.status, errors.IncompatibleModel.status) == (21, 22)
