"""Where one side has no pressure, C compares, scores and enrolls as Python does."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from builders import signature
from native_core import NativeModel, NativeVerifier
from native_manifests import FITTED, model_file
from native_networks import arithmetic_matcher, arithmetic_model, embed, judge, row_of

from sigverify import Model, Signature
from sigverify.enrollment.candidates import Candidates
from sigverify.enrollment.enroller import Screening
from sigverify.errors import EnrollmentError, MalformedModel
from sigverify.matching.aspect import Aspect
from sigverify.matching.embedding import References
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.pen import PEN
from sigverify.template import Template, stored

CREATED = datetime(2024, 2, 29, tzinfo=UTC)
TOLERANCE = 1e-4
COLUMN = PEN.optional[Aspect.PRESSURE]


def without_pressure(its):
    return Signature(its.x, its.y, its.time_ms, None, its.ink)


def signatures(pattern, writer=0, first=0):
    """Repetitions of one writer, with pressure where the pattern has a `p`."""
    drawn = [signature(writer, first + number) for number in range(len(pattern))]
    return [
        its if letter == "p" else without_pressure(its) for its, letter in zip(drawn, pattern, strict=True)
    ]


def other_rows(rows):
    """Rows whose scores and thresholds differ from those given."""
    return {
        count: replace(
            row,
            bias=row.bias + 0.5,
            weights=tuple(1.1 * weight for weight in row.weights),
            thresholds={
                kind: [(fmr, threshold**1.2) for fmr, threshold in table]
                for kind, table in row.thresholds.items()
            },
        )
        for count, row in rows.items()
    }


@pytest.fixture(scope="module", params=["fitted for it", "not fitted for it"])
def matcher(request):
    """Python's, with a pair network of arithmetic."""
    rows = {"1": row_of(PEN.cues), "3": row_of(PEN.cues, 1)}
    fitted = Scoring.from_dict(PEN.cues, rows)
    if request.param == "fitted for it":
        fitted = replace(fitted, reduced=other_rows(fitted.rows))
    return arithmetic_matcher(arithmetic_model(scoring=fitted.to_dict()))


@pytest.fixture(scope="module")
def native(library, matcher):
    return NativeVerifier(library, matcher.model, embed, judge)


def template_of(matcher, drawn):
    """A template with exactly what was drawn, its spread measured by all channels."""
    references = stored(References.stack([matcher.embed(each) for each in drawn]))
    return Template(
        user_id="alice",
        model_id=matcher.model.id,
        modality="pen",
        references=references,
        spread=matcher.spread(references),
        created=CREATED,
    )


@pytest.mark.parametrize("pattern", ["ppppp", "-----", "pp-pp", "-p", "p", "-"])
@pytest.mark.parametrize("probe", ["p", "-"])
@pytest.mark.parametrize("writer", [0, 1])
def test_scores_thresholds_and_matches_are_those_of_python(native, matcher, pattern, probe, writer):
    template = template_of(matcher, signatures(pattern))
    its = signatures(probe, writer, first=20)[0]
    compared = matcher.compare(matcher.embed(its), template.references, template.spread)
    assert compared.reduced == (pattern + probe != len(pattern + probe) * "p")
    expected = pytest.approx(matcher.score_of(compared), abs=TOLERANCE)
    decision = native.verify(template, its, fmr=0.05)
    assert (native.score(template, its), decision.score) == (expected, expected)
    assert decision.missing == ((Aspect.PRESSURE,) if compared.reduced else ())
    threshold = matcher.threshold(0.05, references=len(template), reduced=compared.reduced)
    assert decision.threshold == pytest.approx(threshold, abs=1e-9)
    assert native.identify(its, [template])[0].score == expected


def test_only_pressure_is_left_out(native, matcher):
    """Else a probe in which all vanishes would be compared by nothing."""
    template = template_of(matcher, signatures("pppp"))
    for column in set(range(7)) - {COLUMN}:
        series = template.references.series.copy()
        series[..., column] = 0
        flat = replace(template, references=replace(template.references, series=series))
        flat = replace(flat, spread=matcher.spread(flat.references))
        its = signature(0, 21)
        distances = matcher.distances(matcher.embed(its), flat.references)
        expected = float(matcher.score(distances, flat.spread))
        assert native.score(flat, its) == pytest.approx(expected, abs=TOLERANCE)


def test_a_copy_without_its_pressure_is_a_replay(native, matcher):
    drawn = signatures("pppp")
    template = template_of(matcher, drawn)
    assert native.verify(template, without_pressure(drawn[1])).reason.name == "REPLAY"


def in_python(matcher, drawn):
    """Return the reasons that Python gives, and the references that it would keep of all."""
    candidates = Candidates(matcher)
    for each in drawn:
        candidates.add(each)
    return candidates.reasons, stored(matcher.common(References.stack(candidates.embeddings)))


@pytest.mark.parametrize("pattern", ["pppp", "----", "ppp-", "-ppp", "p-p-"])
def test_a_mixed_set_is_enrolled_by_what_all_have(native, matcher, pattern):
    drawn = signatures(pattern)
    reasons, references = in_python(matcher, drawn)
    template = native.enroll("alice", drawn, created=CREATED, quality=Screening.RECORD)
    np.testing.assert_array_equal(template.references.series, references.series)
    np.testing.assert_allclose(template.spread, matcher.spread(references), atol=1e-3)
    assert template.references.series[..., COLUMN].any() == (pattern == "pppp")
    assert [reason.name for reason in reasons] == ["TAKEN"] * len(pattern)
    assert native.enroll("alice", drawn, created=CREATED).to_bytes() == template.to_bytes()


@pytest.mark.parametrize(
    "numbers",
    [
        [(0, "p"), (0, "-"), (1, "p")],  # a copy that lost its pressure
        [(0, "p"), (1, "-"), (0, "p")],
        [(0, "p"), (1, "p"), (40, "-"), (2, "-")],  # another hand
        [(0, "p"), (40, "-"), (41, "p"), (42, "p")],
    ],
)
def test_a_mixed_set_is_screened_as_python_screens_it(native, matcher, numbers):
    drawn = [signatures(letter, number // 40 * 3, first=number)[0] for number, letter in numbers]
    reasons, _ = in_python(matcher, drawn)
    wrong = [f"{n} is {reason}" for n, reason in enumerate(reasons, start=1) if reason.name != "TAKEN"]
    with pytest.raises(EnrollmentError) as caught:
        native.enroll("alice", drawn, created=CREATED)
    assert str(caught.value).endswith("received " + "; ".join(wrong))


@pytest.mark.parametrize("read", ["python", "c"])
@pytest.mark.parametrize(
    ("scoring", "sound"),
    [
        (FITTED | {"reduced": FITTED}, True),
        (FITTED | {"reduced": {}}, False),
        ({"reduced": FITTED}, False),
        (FITTED | {"reduced": []}, False),
        (FITTED | {"reduced": None}, False),
        (FITTED | {"reduced": {"reduced": FITTED}}, False),
        (FITTED | {"reduced": {"1": FITTED["1"] | {"weights": [1.0]}}}, False),
    ],
)
def test_rows_of_reduced_comparisons_are_read(library, read, scoring, sound):
    data = model_file(scoring=scoring)

    def opened():
        return NativeModel(library, data) if read == "c" else Model.from_bytes(data)

    if sound:
        opened()
        return
    with pytest.raises(MalformedModel):
        opened()
