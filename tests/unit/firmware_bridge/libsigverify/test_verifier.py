import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pytest
from builders import signature, stretched
from native_core import NativeVerifier

from sigverify import Policy, Signature, Template, Verifier
from sigverify.corpora import Kind
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.decision import Outcome, Reason
from sigverify.enrollment.enroller import Screening
from sigverify.errors import ConfigError, EnrollmentError, InvalidSignature, RuntimeUnavailable
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.matching.pairing import Pairing
from sigverify.matching.scoring import Impostor
from sigverify.modality.quality import Flaw
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.native.embedder import NativeEmbedder, litert_library
from sigverify.runtime.pair_network import PairNetwork
from sigverify.store.rekey import change_renewal
from sigverify.template import stored

CREATED = datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
REFERENCES = 5
TOLERANCE = 1e-4
"""The contract. What differs: the order in which a vector's squares are added, its rotation in a store."""


def judge(_):
    """Of signatures that are never compared."""
    raise AssertionError("refused before the pair network runs")


@pytest.fixture(scope="module")
def interpreters(base):
    """Python's own interpreters, as functions of bytes."""
    embedder, paired = Embedder.open(base), PairNetwork.open(base, runtime=Runtime.LITERT)

    def run(stored):
        its = embedder._interpreter
        its.set_tensor(embedder._input.index, np.frombuffer(stored, np.int8).reshape(embedder._stored.shape))
        its.invoke()
        ports = (embedder._vector, embedder._sequence)
        return tuple(its.get_tensor(port.index).tobytes() if port else b"" for port in ports)

    def judged(stored):
        its = paired._interpreter
        its.set_tensor(paired._input.index, np.frombuffer(stored, np.int8).reshape(paired._stored.shape))
        its.invoke()
        return its.get_tensor(paired._output.index).tobytes()

    return run, judged


@pytest.fixture(scope="module", params=["functions", "LiteRT's shared library"])
def native(request, library, base, interpreters):
    if request.param == "functions":
        return NativeVerifier(library, base, *interpreters)
    try:
        return NativeVerifier(library, base, litert_library())
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def matcher(base):
    """Python's, all in numpy but for the networks."""
    return Matcher.open(base, runtime="litert")


@pytest.fixture(scope="module")
def people():
    """Signatures of some writers: the references, then genuine probes, then skilled forgeries."""
    corpus = synthesize(SyntheticConfig(writers=4, genuine=REFERENCES + 2, skilled=2, seed=8))
    kinds = {}
    for sample in corpus.samples:
        kinds.setdefault((str(sample.writer), sample.kind), []).append(sample.capture)
    return {
        writer: (its[:REFERENCES], its[REFERENCES:], kinds[writer, Kind.SKILLED])
        for (writer, kind), its in kinds.items()
        if kind is Kind.GENUINE
    }


@pytest.fixture(scope="module")
def python(people, base):
    with Verifier.open(":memory:", model=base, policy=Policy.unguarded()) as verifier:
        for writer, (references, _, _) in people.items():
            verifier.enroll(writer, references)
        yield verifier


@pytest.fixture(scope="module")
def templates(native, people):
    return {
        writer: native.enroll(writer, references, created=CREATED)
        for writer, (references, _, _) in people.items()
    }


def test_scores_are_those_of_python(native, python, people, templates):
    for writer, template in templates.items():
        for probe in (*people[writer][1], *people[writer][2]):
            assert native.score(template, probe) == pytest.approx(python.score(writer, probe), abs=TOLERANCE)


@pytest.mark.parametrize("impostor", Impostor)
def test_decisions_are_those_of_python(native, python, people, templates, impostor):
    for writer, template in templates.items():
        for probe in (*people[writer][1], *people[writer][2]):
            rates = {"fmr": 0.01, "refer_fmr": 0.1, "impostor": impostor}
            its, expected = native.verify(template, probe, **rates), python.verify(writer, probe, **rates)
            assert (its.outcome, its.reason) == (expected.outcome, expected.reason)
            for name in ("score", "threshold", "confidence"):
                assert getattr(its, name) == pytest.approx(getattr(expected, name), abs=TOLERANCE), name


def test_a_template_that_c_enrolled_is_the_one_that_python_enrols(native, people, base, matcher):
    its = native.enroll("Zoë", people["000000"][0], created=CREATED)
    references = stored(References.stack([matcher.embed(each) for each in people["000000"][0]]))
    assert (its.user_id, its.model_id, its.created, len(its)) == ("Zoë", base.id, CREATED, REFERENCES)
    np.testing.assert_array_equal(its.references.series, references.series)
    np.testing.assert_array_equal(its.references.detail, references.detail)
    np.testing.assert_array_equal(its.references.sequence, references.sequence)
    np.testing.assert_allclose(its.references.vector, references.vector, atol=2**-11)
    np.testing.assert_array_equal(its.references.extent, references.extent)
    np.testing.assert_allclose(its.spread, matcher.spread(references), atol=1e-3)


def test_a_template_out_of_a_store_verifies_in_c(native, python, people):
    """As docs/native.md says: turned back into the model's own coordinates."""
    for writer, (_, genuine, _) in people.items():
        template = change_renewal(python.store.get(writer, "pen"), python.store.renewal, None)
        expected = pytest.approx(python.score(writer, genuine[0]), abs=TOLERANCE)
        assert native.score(template, genuine[0]) == expected


def test_a_copy_of_a_reference_is_a_replay(native, people, templates):
    decision = native.verify(templates["000000"], people["000000"][0][2])
    assert (decision.outcome, decision.reason, decision.score) == (Outcome.REJECT, Reason.REPLAY, None)


def test_too_little_signature_is_an_outcome(native, templates):
    its = signature(samples=15)
    decision = native.verify(templates["000000"], its)
    assert (decision.outcome, decision.reason, decision.score) == (Outcome.REJECT, Reason.POOR, None)


@pytest.mark.parametrize(
    ("unit", "flaw"),
    [
        (1e-3, Flaw.IN_SECONDS),
        (1e3, Flaw.IN_MICROSECONDS),
        (1e6, Flaw.IN_NANOSECONDS),
        (0.0, Flaw.NO_TIME),
    ],
)
def test_stamps_that_are_no_milliseconds_are_said(native, people, templates, unit, flaw):
    its = people["000000"][1][0]
    other = Signature(its.x, its.y, unit * its.time_ms, its.pressure, its.ink)
    decision = native.verify(templates["000000"], other)
    assert (decision.outcome, decision.reason, decision.flaw) == (Outcome.REJECT, Reason.POOR, flaw)
    with pytest.raises(EnrollmentError, match=f"1 is {flaw}"):
        native.enroll("alice", [other], created=CREATED)


def test_the_right_one_is_found_first(native, people, templates):
    everybody = list(templates.values())
    for writer, (_, genuine, _) in people.items():
        matches = native.identify(genuine[0], everybody, top_k=3)
        assert matches[0].user_id == writer
        assert [match.score for match in matches] == sorted((m.score for m in matches), reverse=True)
        assert matches[0].score == pytest.approx(native.score(templates[writer], genuine[0]))
    assert native.identify(genuine[0], []) == []


@pytest.mark.parametrize("fpir", [0.0, 0.05, 0.99])
def test_a_capture_that_is_too_poor_finds_nobody(native, python, templates, fpir):
    tap = Signature([0, 1] * 5, [0, 1] * 5, range(0, 100, 10))
    assert native.verify(next(iter(templates.values())), tap).reason is Reason.POOR
    assert native.identify(tap, list(templates.values()), fpir=fpir) == []
    assert list(python.identify(tap, fpir=fpir or None)) == []


def test_identification_names_whom_python_names(native, python, people, templates):
    for _, genuine, skilled in people.values():
        for probe in (*genuine, *skilled):
            its = native.identify(probe, list(templates.values()), fpir=0.05)
            assert [match.user_id for match in its] == [m.user_id for m in python.identify(probe, fpir=0.05)]


@pytest.mark.parametrize(
    "policy", [{"fmr": 0.9}, {"fmr": float("nan")}, {"fmr": 0.01, "refer_fmr": 0.001}, {"refer_fmr": 0.9}]
)
def test_rates_that_make_no_sense_are_refused(native, people, templates, policy):
    with pytest.raises(ConfigError):
        native.verify(templates["000000"], people["000000"][1][0], **policy)


@pytest.mark.parametrize("count", [0, 13])
def test_a_number_of_references_out_of_range_is_refused(native, count):
    with pytest.raises(EnrollmentError):
        native.enroll("alice", [signature(0, n) for n in range(count)], created=CREATED)


@pytest.mark.parametrize("screening", [2, 9])
def test_a_screening_of_no_kind_makes_no_template(library, native, screening):
    """Any number but that of ENFORCE was once taken for RECORD: five copies became a template."""
    same, none = signature(1, 0), library.ffi.NULL
    given = library.ffi.new("sv_signature[]", [library.view(same)[0]] * 5)
    made = library.ffi.new("sv_template **")
    with pytest.raises(ConfigError):
        library.call("sv_enroll", native._handle, b"alice", 0, given, 5, screening, none, made)
    assert made[0] == none


@pytest.mark.parametrize("fpir", [-0.01, 1.0, math.nan, math.inf])
@pytest.mark.parametrize("count", [0, 3])
def test_a_rate_of_false_alarms_that_is_none_is_refused(native, templates, count, fpir):
    with pytest.raises(ConfigError):
        native.identify(signature(), list(templates.values())[:count], fpir=fpir)


@pytest.mark.parametrize("user_id", ["", "x" * 257, "a\0b"])
def test_what_cannot_be_a_user_id_is_refused(native, user_id):
    with pytest.raises(ConfigError):
        native.enroll(user_id, [signature()], created=CREATED)


def test_top_k_below_one_is_refused(native, templates):
    with pytest.raises(ConfigError):
        native.identify(signature(), list(templates.values()), top_k=0)


SETS = {
    "good": [(1, 0), (1, 1), (1, 2)],
    "a copy": [(1, 0), (1, 0), (1, 1)],
    "another hand": [(1, 0), (1, 1), (2, 0), (1, 2)],
    "two hands": [(1, 0), (2, 0), (1, 1), (2, 1)],
    "three hands": [(1, 0), (2, 0), (3, 0)],
    "one": [(4, 0)],
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_screened_as_python_screens_it(native, base, name):
    signatures = [signature(writer, repetition) for writer, repetition in SETS[name]]
    signatures.append(stretched(signatures[0], 0.3))
    signatures.append(Signature(range(30), range(30), range(0, 600, 20)))  # a dash
    with Verifier.open(":memory:", model=base) as python:
        enrollment = python.enroll("alice", signatures, quality="record")
    wrong = [f"{n} is {reason}" for n, reason in enumerate(enrollment.reasons, start=1) if not reason]
    with pytest.raises(EnrollmentError) as caught:
        native.enroll("alice", signatures, created=CREATED)
    assert str(caught.value).endswith("received " + "; ".join(wrong))
    assert len(native.enroll("alice", signatures, created=CREATED, quality=Screening.RECORD)) == len(
        signatures
    )


def test_several_threads_with_a_verifier_each_compute_what_one_does(library, base, people):
    path = pytest.importorskip("ai_edge_litert") and litert_library()

    def scores(writer):
        references, genuine, skilled = people[writer]
        verifier = NativeVerifier(library, base, path)
        template = verifier.enroll(writer, references, created=CREATED)
        return [verifier.score(template, probe) for probe in (*genuine, *skilled) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(scores, people)) == [scores(writer) for writer in people]


def test_what_a_network_raises_comes_through(library, base):
    def broken(_):
        raise InvalidSignature("no network today")

    verifier = NativeVerifier(library, base, broken, judge)
    with pytest.raises(InvalidSignature, match="today"):
        verifier.enroll("alice", [signature()], created=CREATED)


def test_a_network_of_other_outputs_is_refused(library, base):
    verifier = NativeVerifier(library, base, lambda _: (b"", b""), judge)
    with pytest.raises(RuntimeUnavailable, match="other outputs"):
        verifier.enroll("alice", [signature()], created=CREATED)


def test_a_library_that_is_not_litert_is_refused(library, library_path, base):
    for path in (library_path, library_path.with_name("absent.so")):
        with pytest.raises(RuntimeUnavailable):
            NativeVerifier(library, base, path)


def test_what_c_enrolled_verifies_in_python(native, people, base, matcher):
    writer, (references, genuine, _) = next(iter(people.items()))
    template = Template.from_bytes(native.enroll(writer, references, created=CREATED).to_bytes())
    apart = matcher.distances(matcher.embed(genuine[0]), template.references)
    score = float(base.manifest.scoring.score(apart, template.spread))
    assert native.score(template, genuine[0]) == pytest.approx(score, abs=TOLERANCE)


def test_the_embedder_measures_what_python_measures(library, base, people, matcher):
    pytest.importorskip("ai_edge_litert")
    whole = NativeEmbedder(library, base)
    embedded = [whole.embed(each) for writer in people for each in people[writer][0]]
    for its, (writer, place) in zip(
        embedded, [(w, p) for w in people for p in range(REFERENCES)], strict=True
    ):
        expected = matcher.embed(people[writer][0][place])
        np.testing.assert_array_equal(its.detail, expected.detail)
    references = References.stack(embedded)
    for probe in (embedded[0], references.take(range(len(references))[::-1])):
        pairing = Pairing(probe, references)
        found = whole.measure(pairing)
        np.testing.assert_allclose(found, matcher.distances(probe, references), rtol=1e-5, atol=1e-5)
        assert (found.dtype, found.shape) == (np.float32, (len(references), len(base.manifest.cues)))
    assert whole.measure(Pairing(embedded[0], references.take([]))).shape == (0, len(base.manifest.cues))
