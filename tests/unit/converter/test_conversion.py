import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from builders import CUES, signature
from toy_networks import (
    PAIR_SHAPE,
    SEQUENCE_SHAPE,
    VECTOR_SIZE,
    keras_network,
    keras_pair_network,
    write_run,
)

from converter import convert, tensorflow_backend
from converter.calibration import Calibrated
from converter.calibration import calibrate as fit
from sigverify.corpora import Corpus, Kind, Sample
from sigverify.errors import ConfigError, ConversionError, SplitLeak
from sigverify.manifest import Precision
from sigverify.matcher import Matcher
from sigverify.matching.cues import PAIR, SEQUENCE
from sigverify.matching.embedding import Embedding
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.features import CHANNELS
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.runtime.embedder import Embedder
from sigverify.store import MEMORY, SqliteStore
from sigverify.training import TraceSet
from sigverify.training.run.origin import export
from sigverify.training.run.run import Run
from sigverify.verifier import Verifier

pytestmark = pytest.mark.usefixtures("core_in_c")


@pytest.fixture
def run(toy_run, tmp_path):
    """A copy of the run folder that a test may damage."""
    return shutil.copytree(toy_run, tmp_path / "run")


def calibrate(embeddings, reduced, writers, genuine, cues, engine):
    """Stands in for the fit, which needs seconds."""
    assert len(embeddings) == len(writers) == len(genuine)
    assert len(reduced) in (0, len(embeddings))
    assert (engine.judge is not None) == (PAIR in cues)
    return Calibrated(scoring=Scoring.default(cues), eer=0.125, references=5)


@pytest.mark.parametrize("precision", ["int8", "float16", "float32"])
def test_every_precision_gives_a_model_that_runs(toy_run, tmp_path, precision):
    conversion = convert(toy_run, precision=precision, name="mine", calibrate=calibrate)
    conversion.model.write(tmp_path / "mine.sigmodel")
    model = Model.read(tmp_path / "mine.sigmodel")
    assert model == conversion.model
    manifest = model.manifest
    assert (manifest.name, manifest.encoder, manifest.precision) == ("mine", "toy", Precision(precision))
    assert (manifest.vector_size, manifest.sequence_shape) == (VECTOR_SIZE, SEQUENCE_SHAPE)
    assert manifest.cues == CUES
    assert manifest.scoring == Scoring.default(CUES)
    assert manifest.parity == json.loads(json.dumps(conversion.report.to_dict()))
    assert manifest.provenance["trained_on"] == ["synthetic"]
    assert manifest.provenance["conversion"]["precision"] == precision
    assert Embedder.open(model).run(np.zeros((256, CHANNELS), np.float32)).vector.shape == (VECTOR_SIZE,)
    assert (conversion.edge_tpu is not None) == (precision == "int8")


@pytest.mark.parametrize(
    ("precision", "vector", "sequence"),
    [
        # The network is untrained: its outputs are small against their range, which costs int8 a little more.
        (Precision.INT8, 0.999, 0.999),
        (Precision.FLOAT16, 0.99999, 0.99999),
        (Precision.FLOAT32, 0.999999, 0.999999),
    ],
)
def test_parity_with_the_trained_network(toy_run, precision, vector, sequence):
    report = convert(toy_run, precision=precision, calibrate=calibrate).report
    assert report.samples == 120
    assert report.vector.minimum > vector
    assert report.sequence.minimum > sequence
    assert report.vector_float32.minimum > 0.999999
    assert report.eer == report.eer_float32 == 0.125
    assert report.network_bytes <= report.network_bytes_float32


def test_the_whole_path_with_fitted_scoring(toy_run):
    """Toy forgeries are easy, so nothing is lost; what counts is that both rates were measured."""
    conversion = convert(toy_run)
    assert 0 <= conversion.report.eer <= 0.5
    assert abs(conversion.report.eer_change) < 0.05
    manifest = conversion.model.manifest
    assert Scoring.from_dict(manifest.cues, manifest.scoring.to_dict()) == manifest.scoring
    assert manifest.provenance["conversion"]["calibrated_on"] == ["toy"]
    assert manifest.provenance["conversion"]["calibration_corpora"] == []  # the run has the record


def test_the_same_run_gives_the_same_bytes(toy_run):
    first, second = (convert(toy_run, calibrate=calibrate).model.to_bytes() for _ in range(2))
    assert first == second


def test_a_network_without_a_sequence(tmp_path):
    conversion = convert(write_run(tmp_path / "run", keras_network(sequence=False)), calibrate=calibrate)
    assert conversion.model.manifest.sequence_shape is None
    assert conversion.report.sequence is conversion.report.sequence_float32 is None
    assert set(conversion.model.manifest.tensors) == {"input", "vector"}
    assert SEQUENCE not in conversion.model.manifest.cues


def test_a_network_trained_in_mixed_precision_converts_like_any_other(tmp_path):
    conversion = convert(
        write_run(tmp_path / "run", keras_network(dtype="mixed_float16")), calibrate=calibrate
    )
    assert conversion.edge_tpu.complete
    assert conversion.report.vector.minimum > 0.999


def test_the_name_is_the_run_folders_by_default(run):
    assert convert(run, precision="float32", calibrate=calibrate).model.manifest.name == "run"


def test_nothing_is_printed(toy_run, capfd):
    capfd.readouterr()
    convert(toy_run, calibrate=calibrate)
    captured = capfd.readouterr()
    assert captured.out == ""
    # LiteRT announces its CPU kernels once a process, from C++.
    assert all("XNNPACK" in line for line in captured.err.splitlines())


@pytest.mark.parametrize(
    "file", ["model.keras", "config.toml", "provenance.json", "representative.npz", "calibration.npz"]
)
def test_an_incomplete_run_names_what_is_missing(run, file):
    (run / file).unlink()
    with pytest.raises(ConversionError, match=f"incomplete; expected {file}"):
        convert(run, calibrate=calibrate)


@pytest.mark.parametrize(
    "file", ["model.keras", "config.toml", "provenance.json", "representative.npz", "calibration.npz"]
)
@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"PK\x03\x04truncated"])
def test_damaged_files_are_typed_errors(run, file, content):
    if file == "config.toml" and not content:
        content = b"epochs = 1"
    (run / file).write_bytes(content)
    with pytest.raises(ConversionError):
        convert(run, calibrate=calibrate)


def test_no_such_run(tmp_path):
    with pytest.raises(ConversionError, match="no such training run; expected a folder"):
        convert(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traces": np.zeros((120, 256, 3), np.float32)}, r"another shape; expected \(n, 256, 4\)"),
        ({"traces": np.full((120, 256, 4), np.nan, np.float32)}, "not finite"),
        ({"traces": np.zeros((99, 256, 4), np.float32)}, "differ in length"),
        ({"writer": np.array(["a"])}, "differ in length"),
        ({"writer": np.array([object()] * 120)}, "cannot be read"),
    ],
)
def test_calibration_arrays_of_another_form(run, change, message):
    with np.load(run / "calibration.npz") as file:
        arrays = dict(file)
    np.savez(run / "calibration.npz", **arrays | change)
    with pytest.raises(ConversionError, match=message):
        convert(run, calibrate=calibrate)


@pytest.mark.parametrize("kept", ["too few", "no forgeries", "nobody"])
def test_too_few_of_a_run_are_replaced_by_invented_people(run, monkeypatch, kept):
    monkeypatch.setattr(
        "converter.trained.TO_CALIBRATE", {"pen": "synthetic:writers=10,genuine=6,skilled=5,seed=14"}
    )
    held_out = TraceSet.load(run / "calibration.npz")
    chosen = np.arange(99) if kept == "too few" else held_out.genuine
    held_out.take(chosen).save(run / "calibration.npz")
    if kept == "nobody":
        facts = json.loads((run / "provenance.json").read_text())
        (run / "provenance.json").write_text(json.dumps(facts | {"held_out": None}))
    record = convert(run, calibrate=calibrate).model.manifest.provenance["conversion"]
    assert record["calibrated_on"] == ["synthetic-14"]
    assert record["calibration_signatures"] == 110
    received = {"too few": "99 signatures", "no forgeries": "none of them forgeries", "nobody": "nobody"}
    assert received[kept] in record["calibration_why"]


def test_a_run_that_was_stopped_before_its_pair_network_is_no_model(run):
    with (run / "config.toml").open("a") as file:
        file.write("\n[pair]\nepochs = 2\n")
    with pytest.raises(ConversionError, match=r"stopped before its pair network .* --resume"):
        convert(run, calibrate=calibrate)


@pytest.mark.parametrize("source", ["base", "run"])
def test_too_few_that_are_named_are_refused(run, source):
    samples = [
        Sample(str(writer), Kind.GENUINE, number, signature(writer, number))
        for writer in range(9)
        for number in range(12)
    ]
    with pytest.raises(ConversionError, match=r"received 108 .* none of them forgeries.*sigverify calibrate"):
        convert(run if source == "run" else source, calibration=[Corpus("mine", tuple(samples))])


@pytest.mark.parametrize(("forged", "each"), [(9, 3), (4, 12)])
def test_a_few_forgeries_or_forged_people_set_no_threshold(forged, each):
    samples = [
        Sample(str(writer), kind, number, signature(writer, number))
        for writer in range(9)
        for kind, count in ((Kind.GENUINE, 12), (Kind.SKILLED, each if writer < forged else 0))
        for number in range(count)
    ]
    said = f"{forged * each} of them forgeries of {forged} people"
    with pytest.raises(ConversionError, match=f"30 forgeries of 5 people.*{said}"):
        convert("base", calibration=[Corpus("mine", tuple(samples))])


def test_a_network_for_other_features(tmp_path):
    run = write_run(tmp_path / "run", keras_network(channels=CHANNELS + 1))
    with pytest.raises(ConversionError, match=r"takes another input.*train it again"):
        convert(run, calibrate=calibrate)


def test_a_network_with_other_outputs(tmp_path):
    network = keras_network()
    network = type(network)(network.inputs, {"embedding": network.output["vector"]})
    with pytest.raises(ConversionError, match="has other outputs"):
        convert(write_run(tmp_path / "run", network), calibrate=calibrate)


def test_a_network_whose_sequence_cannot_be_aligned(tmp_path):
    _, keras = tensorflow_backend.load()
    network = keras_network()
    shorter = keras.layers.Cropping1D((1, 0))(network.output["sequence"])
    network = keras.Model(network.inputs, network.output | {"sequence": shorter})
    with pytest.raises(ConversionError, match=r"cannot be aligned.*an even number.*127 × 16"):
        convert(write_run(tmp_path / "run", network), calibrate=calibrate)


def test_a_conversion_that_changes_meaning_is_refused(toy_run, monkeypatch):
    real = Embedder.run

    def upside_down(self, features):
        return real(self, -features)

    monkeypatch.setattr(Embedder, "run", upside_down)
    with pytest.raises(ConversionError, match="says something else than the trained one"):
        convert(toy_run, calibrate=calibrate)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "no such precision; expected int8 or float16 or float32; received 'int4'"),
        ({"representatives": 10}, "too few representatives; expected at least 50"),
        ({"edge_tpu": True, "precision": "float16"}, "the Edge TPU runs int8 only"),
    ],
)
def test_options_out_of_range(toy_run, options, message):
    with pytest.raises(ConfigError, match=message):
        convert(toy_run, **options)


def test_keras_on_another_backend_is_refused_with_the_way_out(toy_run, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        ConversionError, match=r"another backend; expected tensorflow; received jax.*KERAS_BACKEND"
    ):
        convert(toy_run, calibrate=calibrate)


def test_importing_the_converter_loads_no_tensorflow():
    code = "import sys, converter; print([m for m in ('tensorflow', 'keras', 'sklearn') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"


def test_calibration_without_skilled_forgeries_measures_random_ones():
    rng = np.random.default_rng(0)
    embeddings, writers = [], []
    for writer in range(4):
        base, detail = rng.normal(size=(256, 7)), np.zeros((128, 5))
        for _ in range(7):
            vector = np.eye(8)[writer] + 0.1 * rng.normal(size=8)
            noisy = base + 0.1 * rng.normal(size=base.shape)
            embeddings.append(
                Embedding.from_floats(noisy, detail, None, vector / np.linalg.norm(vector), 1000)
            )
            writers.append(f"toy/{writer}")
    fitted = fit(embeddings, (), np.array(writers), np.ones(len(writers), bool), CUES)
    assert fitted.references == 5
    assert set(fitted.scoring.row(5).thresholds) == {"random"}
    assert fitted.eer == 0


def invented(name="elsewhere", writers=5):
    samples = [
        Sample(str(writer), Kind.GENUINE if number < 10 else Kind.SKILLED, number, drawn)
        for writer in range(writers)
        for number in range(20)
        for drawn in [signature(writer + 200, number, noise=0.02 if number < 10 else 0.3)]
    ]
    return Corpus(name=name, samples=tuple(samples), licence_note="invented")


def test_scores_are_fitted_on_other_corpora_where_named(toy_run):
    conversion = convert(toy_run, calibration=[invented()])
    record = conversion.model.manifest.provenance["conversion"]
    assert record["calibrated_on"] == ["elsewhere"]
    assert record["calibration_signatures"] == 100
    assert record["calibration_licence_note"] == "invented"
    assert record["calibration_corpora"] == [TraceSet.from_corpus(invented()).record()]
    # Ten genuine signatures allow rows that the run's six do not.
    assert max(conversion.model.manifest.scoring.rows) == 8


def test_a_corpus_that_the_network_has_seen_is_refused(toy_run):
    with pytest.raises(SplitLeak, match="synthetic"):
        convert(toy_run, calibration=[invented("synthetic")], calibrate=calibrate)


def with_facts(run, **facts):
    """Write into the record of a run."""
    file = run / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


@pytest.mark.parametrize("of", ["the corpus", "the part that was trained on"])
@pytest.mark.parametrize("source", ["run", "keras", "model"])
def test_a_corpus_that_the_network_has_seen_is_known_by_its_signatures(run, tmp_path, of, source):
    record = TraceSet.from_corpus(replace(invented(), name="synthetic")).record()
    split = {"split": {"seed": 0, "fraction": 0.1}}
    with_facts(run, **({"corpora": [record | split]} if of == "the corpus" else {"train": record}))
    path = run
    if source == "model":
        path = tmp_path / "run.sigmodel"
        convert(run, calibrate=calibrate).model.write(path)
    elif source == "keras":
        with_facts(run, config={"encoder": "toy"})
        path = export(Run(path=run), "toy", tmp_path)
    with pytest.raises(SplitLeak, match=r"trained on .*elsewhere.*those of synthetic under another name"):
        convert(path, calibration=[invented()], calibrate=calibrate)
    convert(path, calibration=[invented(writers=6)], calibrate=calibrate)


def test_a_single_signature_that_the_run_was_trained_on_is_known(run):
    """Of a part of a corpus, under another name: by the signatures that training leaves in the run."""
    leaked = invented()
    samples = [*leaked.samples[:-1], replace(leaked.samples[-1], capture=signature(3, 2, noise=0.02))]
    with pytest.raises(SplitLeak, match="received 1 that it has seen"):
        convert(run, calibration=[replace(leaked, samples=tuple(samples))], calibrate=calibrate)


def test_writers_whom_the_start_may_have_seen_set_no_thresholds(run, monkeypatch):
    invented_people = "synthetic:writers=10,genuine=6,skilled=5,seed=14"
    monkeypatch.setattr("converter.trained.TO_CALIBRATE", {"pen": invented_people})
    held_out = TraceSet.load(run / "calibration.npz")
    others = replace(held_out, name="others", writer=np.char.replace(held_out.writer, "toy/", "others/"))
    TraceSet.join([held_out, others]).save(run / "calibration.npz")

    def record():
        return convert(run, calibrate=calibrate).model.manifest.provenance["conversion"]

    with_facts(run, transfer={"may_have_seen": []})
    assert (record()["calibrated_on"], record()["calibration_signatures"]) == (["others", "toy"], 240)
    with_facts(run, transfer={"may_have_seen": ["toy"]})
    assert (record()["calibrated_on"], record()["calibration_signatures"]) == (["others"], 120)
    for seen in (["toy", "others"], ["others", "some joined"]):
        with_facts(run, transfer={"may_have_seen": seen})
        assert record()["calibrated_on"] == ["synthetic-14"]
        assert "Writers of others, " in record()["calibration_why"]
        assert "the network that the run started from may have" in record()["calibration_why"]


def test_too_few_signatures_to_calibrate_on_are_refused(toy_run):
    with pytest.raises(ConversionError, match="at least 100"):
        convert(toy_run, calibration=[invented(writers=4)], calibrate=calibrate)


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory):
    """A run folder around two untrained networks."""
    return write_run(tmp_path_factory.mktemp("runs") / "pair", keras_network(), pair=keras_pair_network())


class TestWithAPairNetwork:
    @pytest.fixture
    def run(self, pair_run, tmp_path):
        return shutil.copytree(pair_run, tmp_path / "run")

    @pytest.mark.parametrize(
        ("precision", "apart", "correlation"),
        [("int8", 0.1, 0.98), ("float16", 0.01, 0.9999), ("float32", 1e-5, 0.999999)],
    )
    def test_both_are_converted(self, pair_run, tmp_path, precision, apart, correlation):
        conversion = convert(pair_run, precision=precision, calibrate=calibrate)
        conversion.model.write(tmp_path / "pair.sigmodel")
        model = Model.read(tmp_path / "pair.sigmodel")
        assert model == conversion.model
        assert model.pair_network
        # It takes the place of the local vectors.
        assert PAIR in model.manifest.cues
        assert SEQUENCE not in model.manifest.cues
        assert model.manifest.sequence_shape == SEQUENCE_SHAPE
        assert set(model.manifest.tensors) == {"input", "vector", "sequence", "pair_input", "pair"}
        tensor = model.manifest.tensors["pair_input"]
        assert tensor["shape"] == [1, *PAIR_SHAPE]
        assert tensor["dtype"] == ("int8" if precision == "int8" else "float32")
        parity = conversion.report.pair
        assert parity.largest <= apart
        assert parity.mean <= parity.largest
        assert parity.correlation >= correlation
        assert model.manifest.parity["pair"] == {
            "largest": parity.largest, "mean": parity.mean, "correlation": parity.correlation,
        }  # fmt: skip

    def test_the_whole_path_and_somebody_is_verified(self, pair_run):
        conversion = convert(pair_run)
        model = conversion.model
        assert conversion.edge_tpu.complete
        assert 0 <= conversion.report.eer <= 0.5
        matcher = Matcher.open(model, runtime="litert")
        policy = Policy.unguarded()
        with Verifier(SqliteStore(MEMORY), matcher, policy=policy) as verifier:
            for writer in range(3):
                its = [signature(writer, number, noise=0.02) for number in range(5)]
                verifier.enroll(f"user-{writer}", its, quality="record")
            probe = signature(1, 9, noise=0.02)
            assert verifier.verify("user-1", probe).accepted
            assert not verifier.verify("user-2", probe).accepted
            assert verifier.identify(probe)[0].user_id == "user-1"
        assert model.manifest.scoring.reduced

    def test_the_same_run_gives_the_same_bytes(self, pair_run):
        first, second = (convert(pair_run, calibrate=calibrate).model.to_bytes() for _ in range(2))
        assert first == second

    def test_a_model_that_is_calibrated_anew_keeps_it(self, pair_run, tmp_path):
        before = convert(pair_run, calibrate=calibrate).model
        conversion = before.manifest.provenance["conversion"] | {"adjustment": {"shift": 0.5}}
        shifted = replace(
            before.manifest, provenance={**before.manifest.provenance, "conversion": conversion}
        )
        replace(before, manifest=shifted).write(tmp_path / "before.sigmodel")
        after = convert(tmp_path / "before.sigmodel", calibration=[invented()], calibrate=calibrate).model
        assert after.pair_network == before.pair_network
        assert after.manifest.cues == before.manifest.cues
        assert after.manifest.parity["pair"] == before.manifest.parity["pair"]
        # What people had shifted is gone with the scores.
        assert "adjustment" not in after.manifest.provenance["conversion"]

    def test_from_a_keras_file_with_its_pair_network_beside_it(self, pair_run, tmp_path):
        facts = json.loads((pair_run / "provenance.json").read_text())
        config = {"encoder": "toy", "modality": "pen"}
        run = shutil.copytree(pair_run, tmp_path / "run")
        (run / "provenance.json").write_text(json.dumps({**facts, "config": config}))
        exported = export(Run(path=run), "mine", tmp_path)
        model = convert(exported, calibration=[invented()], calibrate=calibrate).model
        assert model.manifest.name == "mine"
        assert model.pair_network

    @pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"PK\x03\x04truncated"])
    def test_a_damaged_file_is_a_typed_error(self, run, content):
        (run / "pair.keras").write_bytes(content)
        with pytest.raises(ConversionError, match=r"pair\.keras cannot be loaded"):
            convert(run, calibrate=calibrate)

    @pytest.mark.parametrize(
        ("network", "message"),
        [
            (lambda: keras_pair_network((128, PAIR_SHAPE[1] + 1)), "takes another input"),
            (lambda: keras_pair_network(outputs=2), "the pair network has other outputs"),
        ],
    )
    def test_a_network_for_something_else(self, run, network, message):
        network().save(run / "pair.keras")
        with pytest.raises(ConversionError, match=message):
            convert(run, calibrate=calibrate)
