"""Two signatures side by side: each cue in C is that of Python, and what the pair network says is heeded."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import native_networks
import numpy as np
import pytest
from builders import references, signature
from native_core import NativeVerifier, pair_inputs
from native_manifests import PROPERTIES
from native_networks import arithmetic_matcher, arithmetic_model, embed, judge

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.enrollment.enroller import Screening
from sigverify.errors import ConfigError, InvalidSignature, MalformedModel, RuntimeUnavailable
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import References
from sigverify.matching.pair_inputs import pair_inputs as expected_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.pen import PEN
from sigverify.template import stored

CREATED = datetime(2024, 2, 29, tzinfo=UTC)
INTEGERS = [list(PROPERTIES).index(name) for name in ("series", "trimmed", "sequence")]
"""Cues that are sums of integers but for the last division: equal to the last bit."""
PRESSURE = 6
MODEL = arithmetic_model()


@pytest.fixture(scope="module")
def native(library):
    return NativeVerifier(library, MODEL, embed, judge)


@pytest.fixture(scope="module")
def matcher():
    return arithmetic_matcher(MODEL)


@pytest.fixture(scope="module")
def captures():
    """Of three synthetic writers, genuine and forged."""
    corpus = synthesize(SyntheticConfig(writers=3, genuine=6, skilled=3, seed=5))
    return [sample.capture for sample in corpus.samples]


@pytest.fixture(scope="module")
def embeddings(captures, matcher):
    return [matcher.embed(each) for each in captures]


def noise(seed):
    """Random embeddings, those of `native_networks` in shape, some of few different values."""
    rng = np.random.default_rng(seed)
    its = references(4, seed=seed)
    sequence = rng.integers(-127, 128, (4, *native_networks.SEQUENCE_SHAPE), np.int8)
    its = replace(its, sequence=sequence)
    if seed % 2:
        its = replace(its, series=its.series // 60, detail=its.detail // 60)
    return [its[number] for number in range(len(its))]


def many(library, its):
    """Point to the arrays of several embeddings, which must outlive the view."""
    view = library.ffi.new("sv_embeddings *")
    view.count = len(its)
    view.series, view.detail, view.sequence = map(library.bytes, (its.series, its.detail, its.sequence))
    view.vector, view.extent = library.floats(its.vector), library.floats(its.extent)
    return view


def assert_compared_alike(native, matcher, probe, others):
    expected = distances(probe, References.stack(others), matcher.cues, engine=matcher.engine)
    its = np.stack([native.compare(probe, other) for other in others])
    np.testing.assert_array_equal(its[:, INTEGERS], expected[:, INTEGERS])
    np.testing.assert_allclose(its, expected, rtol=1e-6, atol=1e-6)


def test_the_cues_of_signatures(native, matcher, embeddings):
    for probe in embeddings[::4]:
        assert_compared_alike(native, matcher, probe, embeddings)


@pytest.mark.parametrize("seed", range(6))
def test_the_cues_of_noise(native, matcher, seed):
    its = noise(seed)
    for probe in its:
        assert_compared_alike(native, matcher, probe, its)


def test_embeddings_are_those_of_python(native, captures, embeddings):
    for capture, expected in zip(captures, embeddings, strict=True):
        its = native.embed(capture)
        for name in ("series", "detail", "sequence"):
            np.testing.assert_array_equal(getattr(its, name), getattr(expected, name), err_msg=name)
        np.testing.assert_allclose(its.vector, expected.vector, atol=1e-6)
        assert its.extent == np.float32(expected.extent)


@pytest.mark.parametrize("seed", [None, *range(6)])
def test_what_the_pair_network_sees(library, embeddings, seed):
    its = embeddings[::3] if seed is None else noise(seed)
    if seed == 0:
        its[0] = replace(its[0], extent=1e-9)  # clipped
    for probe in its:
        expected = expected_inputs(Pairing(probe, References.stack(its)), PEN.pair_layout)
        found = np.stack([pair_inputs(library, probe, other) for other in its])
        np.testing.assert_array_equal(found[..., :-1], expected[..., :-1])
        np.testing.assert_allclose(found[..., -1], expected[..., -1], rtol=1e-6, atol=1e-6)


def test_signed_cues_change_their_sign_where_the_two_change_places(native, embeddings):
    signed = [place for place, name in enumerate(PROPERTIES) if PROPERTIES[name]["signed"]]
    there, back = native.compare(*embeddings[:2]), native.compare(*embeddings[1::-1])
    assert there[signed] == pytest.approx(-back[signed])
    assert there[signed].all()


def test_a_spread_is_mirrored_with_the_sign(native, matcher, captures):
    template = native.enroll("alice", captures[:5], created=CREATED, quality=Screening.RECORD)
    references = matcher.common(stored(References.stack([matcher.embed(each) for each in captures[:5]])))
    expected = spread(references, matcher.cues, engine=matcher.engine)
    np.testing.assert_allclose(template.spread, expected, rtol=1e-6, atol=1e-6)
    for place, cue in enumerate(matcher.cues):
        its = template.spread[..., place]
        np.testing.assert_array_equal(its, -its.T if cue.signed else its.T)


@pytest.mark.parametrize("pattern", ["ppppp", "pp-pp", "-----"])
@pytest.mark.parametrize("letter", ["p", "-"])
def test_whole_decisions_are_those_of_python(native, matcher, captures, pattern, letter):
    """Where a side has no pressure all cues that align the series are measured without."""
    drawn = [without(its) if each == "-" else its for its, each in zip(captures, pattern, strict=False)]
    embedded = [matcher.embed(each) for each in drawn]
    kept = matcher.common(stored(References.stack(embedded)))
    between = matcher.spread(kept)
    template = native.enroll("alice", drawn, created=CREATED, quality=Screening.RECORD)
    np.testing.assert_array_equal(template.references.series, kept.series)
    for probe in captures[5:]:
        its = probe if letter == "p" else without(probe)
        compared = matcher.compare(matcher.embed(its), kept, between)
        assert native.score(template, its) == pytest.approx(matcher.score_of(compared), abs=1e-6)


def without(its):
    return type(its)(its.x, its.y, its.time_ms, None, its.ink)


def test_a_template_measured_with_pressure_is_measured_anew_without(native, matcher):
    """The template has it, the probe does not."""
    drawn = [signature(1, number) for number in range(4)]
    template = native.enroll("alice", drawn, created=CREATED, quality=Screening.RECORD)
    assert template.references.series[..., PRESSURE].any()
    its = without(signature(1, 9))
    compared = matcher.compare(matcher.embed(its), template.references, template.spread)
    assert compared.reduced
    assert not np.allclose(compared.spread, template.spread)
    assert native.score(template, its) == pytest.approx(matcher.score_of(compared), abs=1e-6)


SELECTIONS = (
    ("pair",),
    ("extent", "pair"),
    ("trimmed",),
    ("tempo", "trimmed", "series"),
    ("vector", "tempo"),
)


@pytest.mark.parametrize("names", SELECTIONS)
def test_any_selection_of_cues(library, embeddings, captures, names):
    rows = {"scoring": {"1": native_networks.row_of([c for c in PEN.cues if c.name in names])}}
    model = arithmetic_model(names, **rows)
    native, matcher = NativeVerifier(library, model, embed, judge), arithmetic_matcher(model)
    assert [cue.name for cue in matcher.cues] == list(names)
    for other in embeddings[1:4]:
        expected = matcher.distances(embeddings[0], References.stack([other]))[0]
        np.testing.assert_allclose(native.compare(embeddings[0], other), expected, rtol=1e-6, atol=1e-6)
    template = native.enroll("alice", captures[:3], created=CREATED, quality=Screening.RECORD)
    its = matcher.compare(embeddings[6], template.references, template.spread)
    assert native.score(template, captures[6]) == pytest.approx(matcher.score_of(its), abs=1e-6)


def test_a_model_without_a_pair_network_needs_no_judge(library):
    model = arithmetic_model(("series", "extent"))
    info = NativeVerifier(library, model, embed)._model.describe()
    assert not info.pair_network
    assert (info.pair_network_size, info.pair_input_bytes, info.pair_output_bytes) == (0, 0, 0)


def test_a_model_with_one_is_described_and_needs_a_judge(library, native):
    info = native._model.describe()
    content = bytes(library.ffi.buffer(library.ffi.cast("char *", info.pair_network), info.pair_network_size))
    assert content == MODEL.pair_network
    assert (info.pair_input_bytes, info.pair_output_bytes) == (math.prod(native_networks.PAIR_SHAPE), 1)
    with pytest.raises(ConfigError):
        NativeVerifier(library, MODEL, embed)


def test_a_judge_that_fails_passes_its_status_on(library, captures, embeddings):
    def broken(_):
        raise InvalidSignature("nothing to say today")

    failing = NativeVerifier(library, MODEL, embed, broken)
    with pytest.raises(InvalidSignature, match="today"):
        failing.compare(*embeddings[:2])
    with pytest.raises(InvalidSignature, match="today"):
        failing.enroll("alice", captures[:3], created=CREATED)
    # One alone is compared with nobody; then each comparison fails.
    template = failing.enroll("alice", captures[:1], created=CREATED)
    for ask in (failing.score, failing.verify, lambda its, probe: failing.identify(probe, [its])):
        with pytest.raises(InvalidSignature, match="today"):
            ask(template, captures[1])


def test_a_judge_of_another_output_is_refused(library, embeddings):
    with pytest.raises(RuntimeUnavailable, match="other outputs"):
        NativeVerifier(library, MODEL, embed, lambda _: b"").compare(*embeddings[:2])


@pytest.mark.parametrize("said", [math.nan, math.inf, -math.inf])
def test_a_judge_that_says_no_number_is_refused(library, embeddings, captures, said):
    model = arithmetic_model(floats=("pair",))
    its = NativeVerifier(library, model, embed, lambda _: np.float32(said).tobytes())
    with pytest.raises(MalformedModel):
        its.compare(*embeddings[:2])
    with pytest.raises(MalformedModel):
        its.score(its.enroll("alice", captures[:1], created=CREATED), captures[1])


@pytest.mark.parametrize(("said", "expected"), [(20.0, 8.0), (-1e30, -8.0), (0.5, 0.5)])
def test_what_it_says_is_limited(library, embeddings, said, expected):
    model = arithmetic_model(
        ("pair",), floats=("pair",), scoring={"1": native_networks.row_of([PEN.cues[2]])}
    )
    its = NativeVerifier(library, model, embed, lambda _: np.float32(said).tobytes())
    assert its.compare(*embeddings[:2])[0] == pytest.approx(math.exp(expected), rel=1e-6)


def test_networks_of_floats(library, embeddings):
    floats = ("input", "pair", "pair_input", "sequence", "vector")
    model = arithmetic_model(floats=floats)

    def judged(stored):
        values = np.frombuffer(stored, np.float32).reshape(native_networks.PAIR_SHAPE)
        assert np.abs(values).max() <= 4
        return np.float32(values[:, :12].mean()).tobytes()

    its = NativeVerifier(library, model, embed, judged)
    matcher = arithmetic_matcher(model, judge=judged)
    assert_compared_alike(its, matcher, embeddings[0], embeddings[1:4])


def test_a_missing_argument_is_an_error_and_no_crash(library, native):
    null = library.ffi.NULL
    empty = library.ffi.new("sv_embedding *")
    into = library.ffi.new("float[]", 128 * 22)
    for arguments in ((null, null, into), (empty, empty, into)):
        with pytest.raises(ConfigError):
            library.call("sv_compare", native._handle, *arguments)
        with pytest.raises(ConfigError):
            library.call("sv_pair_inputs", *arguments)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_an_extent_that_no_signature_has_is_refused(library, native, embeddings, value):
    for pair in ((spoilt := replace(embeddings[0], extent=value), embeddings[1]), (embeddings[1], spoilt)):
        with pytest.raises(ConfigError):
            native.compare(*pair)
        with pytest.raises(ConfigError):
            pair_inputs(library, *pair)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_vector_of_what_is_no_number_is_refused(native, embeddings, value):
    vector = embeddings[0].vector.copy()
    vector[-1] = value
    spoilt = replace(embeddings[0], vector=vector)
    for pair in ((spoilt, embeddings[1]), (embeddings[1], spoilt)):
        with pytest.raises(ConfigError):
            native.compare(*pair)


@pytest.mark.parametrize("name", ["sv_compare_each", "sv_compare_all"])
@pytest.mark.parametrize(("part", "value"), [("vector", math.nan), ("extent", math.nan), ("extent", 0.0)])
def test_many_of_which_one_is_no_embedding_are_refused(library, native, embeddings, name, part, value):
    sound, spoilt = (References.stack(embeddings[:3]) for _ in range(2))
    getattr(spoilt, part).reshape(-1)[-1] = value
    into = library.ffi.new("float[]", 9 * len(PROPERTIES))
    views = {id(its): many(library, its) for its in (sound, spoilt)}
    library.call(name, native._handle, views[id(sound)], views[id(sound)], into)
    for pair in ((sound, spoilt), (spoilt, sound)):
        with pytest.raises(ConfigError):
            library.call(name, native._handle, *(views[id(its)] for its in pair), into)


def test_a_copy_is_found_where_no_cue_aligns(library):
    model = arithmetic_model(
        ("vector", "tempo"), scoring={"1": native_networks.row_of(PEN.cues[4:5] + PEN.cues[6:])}
    )
    its = NativeVerifier(library, model, embed)
    drawn = [signature(1, number) for number in range(3)]
    alice = its.enroll("alice", drawn, created=CREATED, quality=Screening.RECORD)
    assert its.verify(alice, drawn[1]).reason.name == "REPLAY"
