from dataclasses import replace

import numpy as np
import pytest
from builders import model, signature
from disturbed import disturbed
from in_threads import in_threads
from toy_networks import toy_model

from sigverify import Model
from sigverify.errors import (
    ConfigError,
    IncompatibleModel,
    InvalidSignature,
    MalformedModel,
    RuntimeUnavailable,
)
from sigverify.manifest import Precision
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.pen import PEN
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.native.embedder import NativeEmbedder, litert_library


@pytest.fixture(scope="module", autouse=True)
def litert():
    try:
        return litert_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def base():
    return Model.read("base")


def test_it_embeds_as_python_does(library, base):
    native, matcher = NativeEmbedder(library, base), Matcher.around(Embedder.open(base))
    for writer in range(8):
        its, expected = native.embed(signature(writer)), matcher.embed(signature(writer))
        assert np.array_equal(its.series, expected.series)
        assert np.array_equal(its.detail, expected.detail)
        assert np.array_equal(its.sequence, expected.sequence)
        np.testing.assert_allclose(its.vector, expected.vector, atol=1e-6)
        assert its.extent == np.float32(expected.extent)


def test_it_examines_as_step_by_step(library, base):
    native, flaws = NativeEmbedder(library, base), set()
    for seed in range(120):
        its = disturbed(seed)
        examined, flaw = native.examine(its, True), PEN.unfit(its)
        assert examined.flaw is flaw
        flaws.add(flaw)
        if flaw is not None:
            assert (examined.embedding, examined.outlines) == (None, ())
            continue
        expected = native.embed(its)
        for name in ("series", "detail", "sequence", "vector", "extent"):
            np.testing.assert_array_equal(getattr(examined.embedding, name), getattr(expected, name))
        assert examined.outlines == PEN.outlines(its)
        assert native.examine(its, False).outlines == ()
    assert len(flaws) > 4


@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("precision", Precision)
def test_networks_of_every_kind(library, precision, sequence):
    its = toy_model(precision, sequence=sequence)
    one = NativeEmbedder(library, its).embed(signature(3))
    other = Matcher.around(Embedder.open(its)).embed(signature(3))
    assert one.sequence.shape == other.sequence.shape
    assert np.abs(one.sequence.astype(int) - other.sequence).max(initial=0) <= 1
    assert one.vector @ other.vector > 0.999


def test_an_embedding_stays_when_the_next_one_comes(library, base):
    native = NativeEmbedder(library, base)
    first = native.embed(signature(1))
    kept = first.vector.copy(), first.series.copy()
    native.embed(signature(2))
    assert np.array_equal(first.vector, kept[0])
    assert np.array_equal(first.series, kept[1])


def test_threads_share_one(library, base):
    native = NativeEmbedder(library, base)
    expected = [native.embed(signature(writer)).vector for writer in range(4)]
    wrong = []

    def work(writer):
        wrong.extend(
            turn
            for turn in range(50)
            if not np.array_equal(native.embed(signature(writer)).vector, expected[writer])
        )

    in_threads(4, work)
    assert wrong == []


def test_many_are_opened_and_closed(library, base):
    """Handles are freed in an order that leaves nothing dangling."""
    for _ in range(20):
        assert NativeEmbedder(library, base).embed(signature()).vector.any()


def test_a_manifest_that_does_not_describe_its_tensors(library):
    with pytest.raises(IncompatibleModel):
        NativeEmbedder(library, model())


def test_a_network_that_is_none(library, base):
    with pytest.raises(MalformedModel):
        NativeEmbedder(library, replace(base, network=b"no network"))


def test_no_litert(library, base, tmp_path):
    with pytest.raises(RuntimeUnavailable):
        NativeEmbedder(library, base, tmp_path / "libLiteRt.so")


INPUT, VECTOR, SEQUENCE, PAIR_INPUT, PAIR = "input", "vector", "sequence", "pair_input", "pair"


def described(model, name, **changes):
    """The same network under a manifest that says something else of one tensor."""
    tensors = {each: dict(its) for each, its in model.manifest.tensors.items()}
    tensors[name] |= changes
    return replace(model, manifest=replace(model.manifest, tensors=tensors))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (INPUT, {"dtype": "uint8"}),
        (INPUT, {"scale": 0.5}),
        (VECTOR, {"zero_point": 3}),
        (VECTOR, {"dtype": "float32"}),
        (SEQUENCE, {"dtype": "float32"}),
        (SEQUENCE, {"scale": 0.5}),
        (PAIR_INPUT, {"dtype": "uint8"}),
        (PAIR_INPUT, {"scale": 0.5}),
        (PAIR, {"zero_point": 99}),
        (PAIR, {"dtype": "float32"}),
    ],
)
def test_a_manifest_that_describes_other_tensors(library, name, changes):
    """Buffers have the sizes of the manifest: the network must not write past them."""
    toy = toy_model(pair=True)
    NativeEmbedder(library, toy)
    with pytest.raises(MalformedModel):
        NativeEmbedder(library, described(toy, name, **changes))


@pytest.mark.parametrize(
    "sizes", [{"vector_size": 1}, {"vector_size": 32}, {"vector_size": 4096}, {"sequence_shape": (16, 128)}]
)
def test_a_manifest_of_other_sizes(library, sizes):
    toy = toy_model(pair=True)
    tensors = {each: dict(its) for each, its in toy.manifest.tensors.items()}
    if "vector_size" in sizes:
        tensors[VECTOR]["shape"] = [1, sizes["vector_size"]]
    else:
        tensors[SEQUENCE]["shape"] = [1, *sizes["sequence_shape"]]
    with pytest.raises(MalformedModel):
        NativeEmbedder(library, replace(toy, manifest=replace(toy.manifest, tensors=tensors, **sizes)))


def test_a_pair_network_that_is_none(library):
    toy = toy_model(pair=True)
    for wrong in (b"no network", toy.network):
        with pytest.raises(MalformedModel):
            NativeEmbedder(library, replace(toy, pair_network=wrong))


def test_it_measures_all_cues_at_once_as_numpy_does(library):
    toy = toy_model(pair=True)
    native, plain = NativeEmbedder(library, toy), Matcher.open(toy, runtime="litert")
    probe = plain.embed(signature(0))
    others = References.stack([plain.embed(signature(writer, 1)) for writer in range(3)])
    np.testing.assert_allclose(
        native.measure(Pairing(probe, others)), plain.distances(probe, others), rtol=1e-5, atol=1e-6
    )


def test_everybody_is_compared_with_everybody_as_pair_by_pair(library, base):
    native = NativeEmbedder(library, base)
    probes, others = (
        References.stack([native.embed(signature(writer, 1)) for writer in range(first, last)])
        for first, last in ((0, 3), (2, 7))
    )
    found = native.across(probes, others)
    assert found.shape == (3, 5, len(base.manifest.cues))
    for number in range(3):
        np.testing.assert_array_equal(found[number], native.measure(Pairing(probes[number], others)))


def test_embeddings_of_another_model_are_not_compared(library, base):
    native = NativeEmbedder(library, base)
    its = References.stack([native.embed(signature(0))])
    for name in ("series", "detail", "sequence", "vector"):
        other = replace(its, **{name: getattr(its, name)[..., :-1]})
        if other.sequence.shape != its.sequence.shape or name != "sequence":
            with pytest.raises(InvalidSignature):
                native.across(its, other)


def test_nothing_is_no_embedding(library, base):
    native, none = NativeEmbedder(library, base), library.ffi.NULL
    its = native._view(References.stack([native.embed(signature(0))]))[0]
    out = library.floats(np.empty(16, np.float32))
    for arguments in (
        (none, its, its, out),
        (native._verifier, none, its, out),
        (native._verifier, its, none, out),
    ):
        for name in ("sv_compare_all", "sv_compare_each"):
            with pytest.raises(ConfigError):
                library.call(name, *arguments)
    with pytest.raises(ConfigError):
        library.call("sv_compare_all", native._verifier, its, its, none)
