from dataclasses import replace

import numpy as np
import pytest
from builders import signature
from toy_networks import toy_model

from converter import adjust, adjustment, people
from converter.adjustment import Fit, _rate
from converter.tries import PROFILES, Probe, Trier, Tries
from sigverify.corpora import Corpus, Kind, Sample
from sigverify.errors import ConfigError, ConversionError, SplitLeak
from sigverify.matcher import Matcher
from sigverify.matching.scoring import Scoring
from sigverify.model_file import Model
from sigverify.policy.profile import Profile
from sigverify.training.data.trace_set import TraceSet

pytestmark = pytest.mark.usefixtures("core_in_c")

FEW = 8
"""People here, instead of 20: what is fitted is worth nothing, and takes two seconds."""


@pytest.fixture(autouse=True)
def few_people(monkeypatch):
    monkeypatch.setattr(people, "MIN_PEOPLE", FEW)
    spec = "synthetic:writers=5,genuine={genuine},skilled=0,seed=13"
    monkeypatch.setattr(adjustment, "TO_COMPARE", {"pen": spec})


@pytest.fixture(scope="module")
def model():
    """A model with thresholds that were fitted on invented people, so it says."""
    made = toy_model()
    scoring = replace(Scoring.default(made.manifest.cues), calibrated=True)
    provenance = {
        "trained_on": ["synthetic-1"],
        "conversion": {"calibrated_on": ["synthetic-2"], "calibration_licence_note": "free"},
    }
    return replace(made, manifest=replace(made.manifest, scoring=scoring, provenance=provenance))


def corpus(writers=FEW, genuine=5, skilled=0, *, name="mine", noise=0.02):
    samples = [
        Sample(str(writer), kind, number, signature(300 + writer, number, noise=its))
        for writer in range(writers)
        for kind, count, its in ((Kind.GENUINE, genuine, noise), (Kind.SKILLED, skilled, 0.05))
        for number in range(count)
    ]
    return Corpus(name, tuple(samples), "ours")


def tries(**margins):
    """Return one person's tries whose margins are the same for all profiles, or `(n, p)`."""
    kept = {Probe(kind): np.asarray(values, float) for kind, values in margins.items()}
    wide = {
        kind: values if values.ndim == 2 else np.repeat(values[:, np.newaxis], len(PROFILES), axis=1)
        for kind, values in kept.items()
    }
    return Tries(margins=wide)


@pytest.fixture(scope="module")
def fitted(model):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "MIN_PEOPLE", FEW)
        return adjust(model, [corpus(skilled=2), corpus(4, name="others", noise=0.03)], name="fitted")


class TestAModel:
    def test_keeps_its_network_and_weights(self, model, fitted):
        made = fitted.model
        assert (made.network, made.manifest.cues) == (model.network, model.manifest.cues)
        assert made.manifest.name == "fitted"
        for count, row in model.manifest.scoring.rows.items():
            its = made.manifest.scoring.rows[count]
            assert (its.weights, its.thresholds) == (row.weights, row.thresholds)
            assert its.bias == pytest.approx(row.bias + fitted.shift)

    def test_says_how_it_was_fitted(self, model, fitted):
        record = fitted.model.manifest.provenance["conversion"]
        assert record["calibrated_on"] == ["synthetic-2", "mine", "others"]
        assert [each["name"] for each in record["calibration_corpora"]] == ["mine", "others"]
        mine = corpus(skilled=2)
        assert record["calibration_corpora"][0]["fingerprint"] == TraceSet.from_corpus(mine).fingerprint
        assert record["calibration_licence_note"] == "free; ours"
        its = record["adjustment"]
        assert (its["people"], its["signatures"], its["skilled_forgeries"]) == (FEW + 4, 60, "synthetic")
        assert (its["people_of"], its["adjusted_from"]) == (["mine", "others"], model.id)
        assert its["interval"] == [fitted.low, fitted.high]
        assert Model.from_bytes(fitted.model.to_bytes()) == fitted.model

    def test_is_fitted_from_what_it_was_and_not_twice(self, fitted):
        again = adjust(fitted.model, [corpus(skilled=2), corpus(4, name="others", noise=0.03)])
        assert again.shift == pytest.approx(fitted.shift, abs=1e-6)
        record = again.model.manifest.provenance["conversion"]
        assert record["calibrated_on"] == ["synthetic-2", "mine", "others"]
        assert [each["name"] for each in record["calibration_corpora"]] == ["mine", "others"]

    def test_the_same_people_give_the_same_bytes(self, model):
        first, second = (adjust(model, [corpus()]).model.to_bytes() for _ in range(2))
        assert first == second

    def test_reports_every_profile(self, fitted):
        content = fitted.to_dict()
        assert [each["profile"] for each in content["profiles"]] == list(Profile)
        for each in fitted.profiles:
            assert each.refused.tries == 5 * (FEW + 4)
            assert set(each.accepted) == {"forged", "stranger", "skilled"}
            assert each.accepted["stranger"].tries == (FEW + 4) * (FEW + 3)
            assert each.score_low <= each.score <= each.score_high
        assert any("300 tries by forgers" in note for note in fitted.notes)


def test_forgeries_of_enough_people_are_used(model, monkeypatch):
    monkeypatch.setattr(adjustment, "MIN_FORGED", FEW)
    monkeypatch.setattr(adjustment, "_invented", None)  # nobody need be invented
    made = adjust(model, [corpus(skilled=5)])
    assert made.forgeries == "skilled"
    assert made.model.manifest.provenance["conversion"]["adjustment"]["skilled_forgeries"] == "real"
    # Also of a model that was not calibrated on invented people.
    conversion = {"calibrated_on": ["somebody"]}
    other = replace(
        model, manifest=replace(model.manifest, provenance={"trained_on": [], "conversion": conversion})
    )
    assert adjust(other, [corpus(skilled=5)]).shift == made.shift
    with pytest.raises(ConversionError, match=r"not fitted on invented people.*received somebody"):
        adjust(other, [corpus()])


def test_people_whom_the_network_was_trained_on_are_known_under_another_name(model, monkeypatch):
    monkeypatch.setattr(adjustment.Matcher, "open", None)
    seen = TraceSet.from_corpus(replace(corpus(), name="synthetic-1")).record()
    provenance = {**model.manifest.provenance, "corpora": [seen | {"split": {"seed": 0, "fraction": 0.1}}]}
    model = replace(model, manifest=replace(model.manifest, provenance=provenance))
    with pytest.raises(SplitLeak, match=r"signatures of mine .*those of synthetic-1 under another name"):
        adjust(model, [corpus()])


@pytest.mark.parametrize(
    ("corpora", "error", "message"),
    [
        ([], ConversionError, "nobody to calibrate on; expected 20 people with 5 genuine signatures each"),
        ([corpus(7)], ConversionError, "received 7 people, 7 of them with 5 or more"),
        (
            [corpus(6), corpus(9, 4, name="b")],
            ConversionError,
            "received 15 people, 6 of them with 5 or more",
        ),
        ([corpus(name="synthetic-1")], SplitLeak, "synthetic-1"),
    ],
)
def test_too_little_is_refused_before_anything_is_computed(model, monkeypatch, corpora, error, message):
    monkeypatch.setattr(adjustment.Matcher, "open", None)
    with pytest.raises(error, match=message):
        adjust(model, corpora)


def test_a_model_without_thresholds_is_refused():
    with pytest.raises(ConfigError, match="no thresholds"):
        adjust(toy_model(), [corpus()])


class TestTheShift:
    def test_by_real_forgeries_puts_them_at_the_rates_of_the_thresholds(self):
        margins = np.arange(-100, 100) / 10.0
        fit = Fit(Probe.SKILLED, 0.0)
        found = fit([tries(skilled=margins)] * 2)
        # Of 400 tries a share of 400 / 450 is trusted; at 10 % the quantile is 7.91, at 5 % 8.905.
        assert found == pytest.approx(-(7.91 + 8.905) / 2 * 400 / 450, abs=0.01)

    def test_of_people_without_any_there_is_none(self):
        assert np.isnan(Fit(Probe.SKILLED, 0.0)([tries(genuine=[1, 2])]))
        assert adjustment._bounds([np.nan, 0.25, 0.25]) == (0.25, 0.25)

    def test_without_them_stays_where_nothing_asks_for_another(self):
        person = tries(genuine=[1, 2, 3, 4, 5], forged=[-3, -1])
        assert Fit(Probe.FORGED, -1.0)([person] * 20) == 0

    def test_goes_down_where_made_forgeries_come_closer_than_of_invented_people(self):
        person = tries(genuine=[1, 2, 3, 4, 5], forged=[-1, 1])
        assert Fit(Probe.FORGED, -1.0)([person] * 20) == pytest.approx(-0.5)  # half of it, of 20 people

    @pytest.mark.parametrize(("forged", "shift"), [(-5.0, 0.5), (-1.4, 0.2)])
    def test_goes_up_where_people_are_refused_as_far_as_made_forgeries_allow(self, forged, shift):
        person = tries(genuine=[-1, -1, 3, 4, 5], forged=[forged])
        assert Fit(Probe.FORGED, -1.0)([person] * 20) == pytest.approx(shift)


def test_a_rate_without_an_error_is_bounded_and_no_more():
    none, some = _rate(np.zeros(4), 60), _rate(np.array([0, 0, 0.5, np.nan]), 50)
    assert (none.found, none.high, none.bound) == (0, 0, 0.05)
    assert (some.found, some.bound) == (pytest.approx(1 / 6), None)
    assert 0 <= some.low < some.found < some.high <= 0.5


class Copyist:
    """Forges by copying."""

    def apply(self, traces, _rng):
        return traces


def test_a_forgery_is_not_compared_with_the_signature_it_was_made_of(model, monkeypatch):
    monkeypatch.setattr("converter.tries.build_forger", lambda _: Copyist())
    trier = Trier(Matcher.open(model), TraceSet.from_corpus(corpus(3, 4)))
    assert trier.references == 3
    for person in trier.tries(lambda *_: None, ""):
        genuine, forged = person.margins[Probe.GENUINE], person.margins[Probe.FORGED]
        assert len(genuine) == 4
        np.testing.assert_array_equal(forged, np.repeat(genuine, 2, axis=0))
        assert len(person.margins[Probe.STRANGER]) == 2
        assert Probe.SKILLED not in person.margins
