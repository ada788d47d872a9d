from dataclasses import replace

import numpy as np
import pytest
from builders import CUES, arithmetic_matcher, model, references, signature
from toy_images import image_model, picture, running_model
from toy_networks import toy_model

from sigverify import Model, Policy, Verifier
from sigverify import matcher as matcher_module
from sigverify.errors import (
    ConfigError,
    IncompatibleModel,
    InvalidSignature,
    MalformedModel,
    RuntimeUnavailable,
)
from sigverify.matcher import Matcher
from sigverify.matching.cues import PAIR, SERIES, VECTOR
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import References
from sigverify.matching.pairing import Engine
from sigverify.modality.pen.pen import PEN
from sigverify.protection.renewal import Renewal
from sigverify.protection.signing import ModelSigner, Trust, sign, signature_path
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.native import embedder as native_embedder
from sigverify.runtime.native.library import VARIABLE, Library
from sigverify.store import MEMORY, SqliteStore
from sigverify.template import stored

TOLERANCE = 1e-5
"""Of scores: all is equal but the order in which a vector's squares are added."""


@pytest.fixture(scope="module")
def base():
    return Model.read("base")


@pytest.fixture(scope="module")
def toy():
    return toy_model(pair=True)


@pytest.fixture
def built(monkeypatch, library_path):
    """libsigverify is there."""
    monkeypatch.setenv(VARIABLE, str(library_path))


@pytest.fixture
def without_litert(monkeypatch):
    """LiteRT's library is not there, but an interpreter is."""

    def refuse():
        raise RuntimeUnavailable("LiteRT's shared library is not here")

    monkeypatch.setattr(native_embedder, "litert_library", refuse)


@pytest.mark.parametrize("runtime", ["auto", "native"])
@pytest.mark.usefixtures("built")
def test_c_is_taken_where_it_is_built(base, runtime):
    assert Matcher.open(base, runtime=runtime).runtime is Runtime.NATIVE


def test_an_interpreter_is_taken_where_it_is_not(monkeypatch, base):
    monkeypatch.setenv(VARIABLE, "off")
    assert Matcher.open(base).runtime is Runtime.LITERT
    with pytest.raises(RuntimeUnavailable, match="switched off"):
        Matcher.open(base, runtime="native")


def test_a_library_that_cannot_be_used_is_passed_over_aloud(monkeypatch, tmp_path, caplog, base):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.so"))
    assert Matcher.open(base).runtime is Runtime.LITERT
    assert "computing in numpy: libsigverify does not load" in caplog.text
    caplog.clear()
    monkeypatch.setenv(VARIABLE, "off")
    assert Matcher.open(base).runtime is Runtime.LITERT
    assert caplog.text == ""


@pytest.mark.usefixtures("built")
def test_a_model_that_c_refuses_is_for_the_interpreter(base):
    tensors = base.manifest.tensors | {"input": base.manifest.tensors["input"] | {"scale": 0.5}}
    its = replace(base, manifest=replace(base.manifest, tensors=tensors))
    same(Matcher.open(its), base)
    with pytest.raises(MalformedModel, match="does not match its manifest: vector"):
        Matcher.open(replace(base, manifest=replace(base.manifest, vector_size=32), cohort=b""))


@pytest.fixture
def in_c(monkeypatch):
    """The models whose networks went through LiteRT's C interface."""
    loaded = []

    class Counted(native_embedder.NativeEmbedder):
        def __init__(self, library, model, litert=None):
            loaded.append(model)
            super().__init__(library, model, litert)

    monkeypatch.setattr(matcher_module, "NativeEmbedder", Counted)
    return loaded


@pytest.mark.usefixtures("built")
def test_a_network_of_unknown_origin_is_for_the_interpreter(base, toy, in_c):
    """Some that an interpreter refuses abort the process in LiteRT's C interface; the rest is done in C."""
    matcher = Matcher.open(toy)
    assert in_c == []
    assert isinstance(matcher.engine.aligner, Library)
    assert matcher.runtime is Runtime.NATIVE
    same(matcher, toy)
    named_alike = replace(base, manifest=replace(base.manifest, provenance={}))
    Matcher.open(named_alike)
    assert in_c == []


@pytest.mark.parametrize("options", [{"trusted": True}, {"runtime": "native"}])
@pytest.mark.usefixtures("built")
def test_a_network_that_is_trusted_or_asked_for_runs_in_c(toy, in_c, options):
    Matcher.open(toy, **options)
    assert in_c == [toy]


@pytest.mark.usefixtures("built")
def test_a_network_that_ships_runs_in_c(base, in_c):
    Matcher.open(Model.from_bytes(base.to_bytes()))
    assert in_c == [base]


@pytest.mark.usefixtures("built")
def test_trust_is_what_makes_a_verifier_take_it(tmp_path, toy, in_c):
    path = tmp_path / "toy.sigmodel"
    toy.write(path)
    Verifier.open(MEMORY, model=path).close()
    assert in_c == []
    signer = ModelSigner.generate()
    sign(toy, signer, version=1).write(signature_path(path))
    trust = Trust(public_keys=(signer.public_key,))
    Verifier.open(MEMORY, model=path, trust=trust).close()
    assert in_c == [toy]


@pytest.mark.usefixtures("built")
def test_an_interpreter_that_is_asked_for_is_taken(base):
    assert Matcher.open(base, runtime="litert").runtime is Runtime.LITERT


def same(matcher, base):
    plain = Matcher.open(base, runtime="litert")
    its, expected = matcher.embed(signature(3)), plain.embed(signature(3))
    assert np.array_equal(its.series, expected.series)
    assert np.array_equal(its.sequence, expected.sequence)
    np.testing.assert_allclose(its.vector, expected.vector, atol=1e-6)


@pytest.mark.usefixtures("built", "without_litert")
def test_an_interpreter_runs_the_network_where_litert_is_not(base):
    matcher = Matcher.open(base, runtime="native")
    assert matcher.runtime is Runtime.NATIVE
    same(matcher, base)


@pytest.mark.usefixtures("built")
def test_an_interpreter_runs_it_on_several_threads(base):
    same(Matcher.open(base, runtime="native", threads=2), base)


@pytest.mark.parametrize(
    "options", [{"runtime": "abacus"}, {"threads": 0}, {"runtime": "native", "threads": 65}]
)
@pytest.mark.usefixtures("built")
def test_no_such_runtime_and_no_such_number_of_threads(base, options):
    with pytest.raises(ConfigError, match="expected"):
        Matcher.open(base, **options)


@pytest.mark.usefixtures("built")
def test_of_pictures_an_interpreter_runs_the_network_and_c_aligns():
    matcher = Matcher.open(running_model())
    assert matcher.runtime is Runtime.LITERT
    assert isinstance(matcher.engine.aligner, Library)
    plain = Matcher.interpreted(running_model(), Runtime.LITERT)
    probe, other = (matcher.embed(picture(0, n)) for n in range(2))
    np.testing.assert_array_equal(probe.vector, plain.embed(picture(0)).vector)
    both = [its.distances(probe, References.stack([other])) for its in (matcher, plain)]
    np.testing.assert_array_equal(*both)


@pytest.mark.usefixtures("built")
def test_libsigverify_alone_takes_no_pictures():
    with pytest.raises(IncompatibleModel, match=r'expected a model of modality pen; .*runtime="auto"'):
        Matcher.open(image_model(), runtime="native")
    with Verifier.open(MEMORY, runtime="native", image_model=image_model()) as verifier:
        verifier.enroll("alice", [signature(0, n) for n in range(2)], quality="record")
        with pytest.raises(IncompatibleModel, match="of such captures"):
            verifier.identify(picture(0))


def test_what_is_no_signature():
    with pytest.raises(InvalidSignature, match="expected a Signature; received list"):
        arithmetic_matcher().embed([1, 2, 3])


@pytest.mark.parametrize("depth", [0, 16])
def test_distances_in_c_are_those_of_numpy(library, depth):
    matcher = Matcher(model(), Runtime.NATIVE, None, Engine(library))
    its = references(5, depth=depth)
    assert np.array_equal(matcher.distances(its[0], its), distances(its[0], its, CUES))
    assert np.array_equal(matcher.spread(its), spread(its, CUES))


def test_a_template_s_spread_is_measured_on_what_is_restored_of_it():
    matcher, renewal = arithmetic_matcher(), Renewal(b"r" * 32)
    plain = References.stack([matcher.embed(signature(0, number)) for number in range(3)])
    template = matcher.template("alice", plain, renewal)
    assert (template.user_id, template.model_id, template.modality) == ("alice", matcher.model.id, "pen")
    back = renewal.restore(template.references)
    np.testing.assert_array_equal(template.spread, matcher.spread(back))
    np.testing.assert_array_equal(back.series, plain.series)
    np.testing.assert_array_equal(back.detail, plain.detail)
    np.testing.assert_allclose(back.vector, plain.vector, atol=2e-3)  # float16, in turned coordinates
    assert not np.array_equal(template.references.detail, plain.detail)
    np.testing.assert_allclose(template.spread, matcher.spread(plain), atol=2e-3)


def test_a_spread_that_is_known_is_measured_anew_of_vectors_alone():
    matcher, renewal = arithmetic_matcher(), Renewal(bytes(range(32)))
    plain = References.stack([matcher.embed(signature(0, number)) for number in range(4)])
    whole = matcher.template("ann", plain, renewal)
    known = matcher.template("ann", plain, renewal, known=matcher.spread(plain))
    np.testing.assert_allclose(known.spread, whole.spread, atol=1e-6)
    # What is stored is rounded, and so the distance of vectors as it is not.
    marked = matcher.template("ann", plain, renewal, known=np.full_like(whole.spread, 7))
    vector = matcher.cues.index(VECTOR)
    np.testing.assert_allclose(marked.spread[..., vector], whole.spread[..., vector], atol=1e-6)
    assert (np.delete(marked.spread, vector, axis=-1) == 7).all()


def test_enrolling_compares_each_pair_once(monkeypatch):
    matcher = arithmetic_matcher()
    compared = []

    def counting(pairing, measure=SERIES.measure):
        compared.append(len(pairing))
        return measure(pairing)

    monkeypatch.setitem(SERIES.__dict__, "measure", counting)
    with Verifier(SqliteStore(MEMORY), matcher) as verifier:
        verifier.enroll("ann", [signature(0, number) for number in range(5)])
    assert sum(compared) == 10


def test_the_pair_network_runs_in_whatever_interpreter_does(toy):
    matcher = Matcher.open(toy, runtime="litert")
    assert matcher.engine.judge is not None
    assert matcher.cues == PEN.cues
    plain = Matcher.open(toy_model(), runtime="litert")
    assert plain.engine.judge is None
    probe, others = matcher.embed(signature(0)), References.stack([matcher.embed(signature(1))])
    one, other = matcher.distances(probe, others), plain.distances(probe, others)
    kept = [cue != PAIR for cue in matcher.cues]
    np.testing.assert_array_equal(one[:, kept], other)


def test_a_model_with_a_pair_network_verifies_in_a_store_s_own_coordinates(toy, tmp_path):
    policy = Policy.unguarded()
    with Verifier.open(tmp_path / "its.db", model=toy, runtime="litert", policy=policy) as verifier:
        verifier.enroll("alice", [signature(0, n) for n in range(3)], quality="record")
        matcher = Matcher.open(toy, runtime="litert")
        plain = stored(References.stack([matcher.embed(signature(0, n)) for n in range(3)]))
        probe = matcher.embed(signature(0, 9))
        expected = float(matcher.score(matcher.distances(probe, plain), matcher.spread(plain)))
        assert verifier.score("alice", signature(0, 9)) == pytest.approx(expected, abs=1e-4)
        assert verifier.identify(signature(0, 9))[0].user_id == "alice"


@pytest.mark.usefixtures("built")
def test_what_one_enrolled_the_other_verifies(base, tmp_path):
    """The whole way, rejections with their reasons included."""
    policy = Policy.unguarded()
    with Verifier.open(tmp_path / "its.db", model=base, runtime="native", policy=policy) as native:
        for writer in range(3):
            native.enroll(f"user-{writer}", [signature(writer, n) for n in range(5)])
        with Verifier.open(tmp_path / "its.db", model=base, runtime="litert", policy=policy) as plain:
            for writer in range(3):
                for probe in (signature(writer, 9), signature(writer + 1, 9)):
                    one, other = (its.verify(f"user-{writer}", probe) for its in (native, plain))
                    assert (one.outcome, one.reason, one.unlike) == (
                        other.outcome,
                        other.reason,
                        other.unlike,
                    )
                    assert one.score == pytest.approx(other.score, abs=TOLERANCE)
                found, expected = (its.identify(signature(writer, 9)) for its in (native, plain))
                assert [match.user_id for match in found] == [match.user_id for match in expected]
