from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, model, references, signature

from sigverify import Model, Policy, Verifier
from sigverify.errors import ConfigError, InvalidSignature, MalformedModel, RuntimeUnavailable
from sigverify.matcher import Matcher
from sigverify.matching.distances import distances, spread
from sigverify.modality.pen.pen import PEN
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.native import embedder as native_embedder
from sigverify.runtime.native.library import VARIABLE

TOLERANCE = 1e-5
"""Of scores: all is equal but the order in which a vector's squares are added."""


@pytest.fixture(scope="module")
def base():
    return Model.read("base")


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
    its = Model(manifest=replace(base.manifest, tensors=tensors), network=base.network)
    same(Matcher.open(its), base)
    with pytest.raises(MalformedModel, match="does not match its manifest: vector"):
        Matcher.open(Model(manifest=replace(base.manifest, vector_size=32), network=base.network))


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


def test_what_is_no_signature():
    with pytest.raises(InvalidSignature, match="expected a Signature; received list"):
        arithmetic_matcher().embed([1, 2, 3])


@pytest.mark.parametrize("depth", [0, 16])
def test_distances_in_c_are_those_of_numpy(library, depth):
    matcher = Matcher(model(), Runtime.NATIVE, None, library.elastic_distances)
    its = references(5, depth=depth)
    assert np.array_equal(matcher.distances(its[0], its), distances(its[0], its, PEN.cues))
    assert np.array_equal(matcher.spread(its), spread(its, PEN.cues))


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
