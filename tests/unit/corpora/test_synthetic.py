"""The synthetic corpus: deterministic, valid, varied, and forged by people of graded skill."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.synthetic import DeviceKind, SyntheticConfig, synthesize, synthesize_writer
from sigverify.corpora.synthetic.device import Device, draw_device, record
from sigverify.corpora.synthetic.kinematics import Movement
from sigverify.corpora.synthetic.plan import Cut, begins, bounded, moves, split
from sigverify.corpora.synthetic.tracing import halved, look, trace
from sigverify.corpora.synthetic.writer import draw_writer, perform
from sigverify.errors import ConfigError
from sigverify.modality.pen.signature import Signature

SMALL = SyntheticConfig(writers=6, genuine=6, skilled=6, forgers=3, seed=5)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return synthesize(SyntheticConfig(writers=40, genuine=6, skilled=6, seed=1))


def movement(signature: Signature, count: int = 64) -> np.ndarray:
    """Velocity resampled in time and scaled: enough to tell people apart."""
    times = np.linspace(signature.time_ms[0], signature.time_ms[-1], count)
    xy = np.stack([np.interp(times, signature.time_ms, axis) for axis in (signature.x, signature.y)], axis=1)
    velocity = np.diff(xy, axis=0)
    smooth = np.stack([np.convolve(axis, np.ones(5) / 5, "valid") for axis in velocity.T])
    return smooth / np.sqrt(np.mean(smooth**2))


def mean_distance(corpus: Corpus, kind: str) -> float:
    """Mean distance of genuine, skilled or random probes to the first three genuine of each writer."""
    distances = []
    for index, writer in enumerate(corpus.writers):
        genuine = [movement(sample.capture) for sample in corpus.genuine(writer)]
        if kind == "genuine":
            probes = genuine[3:]
        elif kind == "skilled":
            probes = [movement(sample.capture) for sample in corpus.skilled(writer)]
        else:
            other = corpus.writers[index - 1]
            probes = [movement(sample.capture) for sample in corpus.genuine(other)]
        distances.append(np.mean([np.abs(p - g).mean() for p in probes for g in genuine[:3]]))
    return float(np.mean(distances))


def test_same_settings_give_the_same_corpus() -> None:
    assert synthesize(SMALL).fingerprint == synthesize(SMALL).fingerprint


def test_another_seed_gives_another_corpus() -> None:
    other = SyntheticConfig(writers=6, genuine=6, skilled=6, forgers=3, seed=6)
    assert synthesize(SMALL).fingerprint != synthesize(other).fingerprint


def test_a_writer_does_not_depend_on_how_many_there_are() -> None:
    few = synthesize(SyntheticConfig(writers=2, genuine=3, skilled=2, seed=9))
    many = synthesize(SyntheticConfig(writers=4, genuine=3, skilled=2, seed=9))
    assert few.samples == many.select(few.writers).samples


def test_genuine_signatures_do_not_depend_on_the_forgeries() -> None:
    with_forgers = synthesize_writer(SyntheticConfig(genuine=3, skilled=4, seed=9), 7)
    without = synthesize_writer(SyntheticConfig(genuine=3, skilled=0, seed=9), 7)
    assert [s for s in with_forgers if s.kind is Kind.GENUINE] == list(without)


def test_one_writer_at_a_time_gives_the_corpus() -> None:
    streamed = [sample for index in range(6) for sample in synthesize_writer(SMALL, index)]
    assert Corpus(name="synthetic-0", samples=tuple(streamed)).fingerprint == synthesize(SMALL).fingerprint


def test_counts_and_kinds() -> None:
    corpus = synthesize(SyntheticConfig(writers=3, genuine=5, skilled=4))
    assert len(corpus.writers) == 3
    assert len(corpus) == 27
    for writer in corpus.writers:
        assert [s.number for s in corpus.genuine(writer)] == [1, 2, 3, 4, 5]
        assert [s.number for s in corpus.skilled(writer)] == [1, 2, 3, 4]
    assert corpus.licence_note


def test_processes_give_the_same_corpus() -> None:
    code = (
        "from sigverify.corpora.synthetic import SyntheticConfig, generate, synthesize\n"
        "generate._AT_ONCE = 4  # a writer at a time\n"
        "if __name__ == '__main__':\n"
        "    config = SyntheticConfig(writers=4, genuine=2, skilled=2)\n"
        "    one, two = synthesize(config), synthesize(config, workers=2)\n"
        "    assert one.samples == two.samples\n"
        "    assert not any(s.capture.x.flags.writeable for s in two.samples)\n"
    )
    # A pool started in pytest itself would import the test session anew.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_durations_and_lengths_are_those_of_people(corpus: Corpus) -> None:
    genuine = [sample.capture for sample in corpus.samples if sample.kind is Kind.GENUINE]
    seconds = np.array([signature.duration_ms / 1000 for signature in genuine])
    assert 1.5 < np.median(seconds) < 4.0
    assert np.percentile(seconds, 5) > 0.4
    assert np.percentile(seconds, 95) < 10.0
    assert {signature.sample_rate_hz for signature in genuine} == {100.0}
    assert 2 <= np.median([signature.stroke_count for signature in genuine]) <= 10


def test_forgers_are_somewhat_slower_but_not_all(corpus: Corpus) -> None:
    ratios = []
    for writer in corpus.writers:
        own = np.median([sample.capture.duration_ms for sample in corpus.genuine(writer)])
        ratios += [sample.capture.duration_ms / own for sample in corpus.skilled(writer)]
    assert 1.05 < np.median(ratios) < 1.8
    assert np.mean(np.array(ratios) < 1.1) > 0.1


def test_genuine_are_nearer_than_forgeries_and_those_than_others(corpus: Corpus) -> None:
    genuine, skilled, other = (mean_distance(corpus, kind) for kind in ("genuine", "skilled", "random"))
    assert genuine < 0.9 * skilled
    assert skilled < 0.9 * other


def test_skill_brings_forgeries_nearer() -> None:
    def forged(skill: float) -> float:
        config = SyntheticConfig(
            writers=30, genuine=6, skilled=6, seed=2, skill_min=skill, skill_max=skill, fluent=1.0
        )
        return mean_distance(synthesize(config), "skilled")

    assert forged(1.0) < 0.9 * forged(0.0)


def test_variability_widens_the_writers() -> None:
    def spread(variability: float) -> float:
        config = SyntheticConfig(writers=15, genuine=6, skilled=0, seed=2, variability=variability)
        return mean_distance(synthesize(config), "genuine")

    assert spread(0.3) < 0.8 * spread(1.0)


def test_drift_takes_people_away_from_how_they_wrote() -> None:
    def spread(drift: float) -> float:
        config = SyntheticConfig(writers=15, genuine=8, skilled=0, seed=2, sessions=8, drift=drift)
        return mean_distance(synthesize(config), "genuine")

    assert spread(1.0) > 1.1 * spread(0.0)


@pytest.mark.parametrize("device", list(DeviceKind))
def test_devices(device: DeviceKind) -> None:
    corpus = synthesize(SyntheticConfig(writers=12, genuine=2, skilled=2, seed=3, device=device.value))
    rates = {sample.capture.sample_rate_hz for sample in corpus.samples}
    assert all(50 <= rate <= 260 for rate in rates)
    for sample in corpus.samples:
        assert np.array_equal(sample.capture.x, np.round(sample.capture.x))
        assert (np.diff(sample.capture.time_ms) >= 0).all()
        if sample.capture.pressure is not None:
            assert (sample.capture.pressure[sample.capture.ink] > 0).all()


def test_a_pad_has_no_pressure_and_a_tablet_has() -> None:
    pad = synthesize_writer(SyntheticConfig(device="pad"), 0)
    tablet = synthesize_writer(SyntheticConfig(device="tablet"), 0)
    assert all(sample.capture.pressure is None for sample in pad)
    for sample in tablet:
        assert sample.capture.pressure is not None
        assert sample.capture.pressure.max() <= 1023


def test_hover_samples_have_no_ink_and_no_pressure() -> None:
    hovering: list[Sample] = []
    for index in range(6):
        hovering += synthesize_writer(SyntheticConfig(device="fast-tablet", genuine=2, skilled=0), index)
    lifted = [s.capture for s in hovering if (s.capture.pressure == 0).any()]  # type: ignore[union-attr]
    assert lifted
    for signature in lifted:
        assert not signature.ink[signature.pressure == 0].any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"writers": 0},
        {"writers": 2.5},
        {"writers": True},
        {"genuine": 0},
        {"skilled": -1},
        {"forgers": 0},
        {"seed": -1},
        {"sessions": 0},
        {"skill_min": -0.1},
        {"skill_max": 1.1},
        {"skill_min": 0.8, "skill_max": 0.2},
        {"fluent": 2},
        {"fluent": float("nan")},
        {"variability": "much"},
        {"drift": -0.1},
        {"device": "quill"},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as refusal:
        SyntheticConfig(**wrong)  # type: ignore[arg-type]
    assert "expected" in str(refusal.value)


def test_misuse_of_the_functions_is_refused() -> None:
    with pytest.raises(ConfigError, match="index"):
        synthesize_writer(SMALL, -1)
    with pytest.raises(ConfigError, match="workers"):
        synthesize(SMALL, workers=0)


def test_a_movement_ends_at_its_targets_and_follows_the_lognormal() -> None:
    plan = draw_writer(np.random.default_rng(0), 1.0).plan
    stroke = Movement.of(plan, plan.air, 1.0)
    late = stroke.positions(np.array([stroke.center[-1] + 60.0]))
    assert np.allclose(late[0], plan.targets[-1], atol=1e-9)
    # Half of the first stroke is done at its center: no other has begun long before.
    alone = Movement.of(plan.take(np.array([0])), plan.air[:1], 1.0)
    times = np.linspace(alone.t0[0] + 1e-3, alone.center[0] + 2.0, 4000)
    speed = np.hypot(*np.diff(alone.positions(times), axis=0).T) / np.diff(times)
    middle = (times[1:] + times[:-1]) / 2 - alone.t0[0]
    z = (np.log(middle) - alone.mu[0]) / alone.sigma[0]
    expected = alone.distance[0] * np.exp(-(z**2) / 2) / (middle * alone.sigma[0] * np.sqrt(2 * np.pi))
    # Page's approximation of the normal distribution is off by 1 % of the peak speed at most.
    assert np.abs(speed - expected).max() < 0.02 * expected.max()


def test_cutting_movements_keeps_the_shape() -> None:
    plan = draw_writer(np.random.default_rng(3), 1.0).plan
    cut = Cut.of(np.arange(len(plan)) % 2 == 0, np.full(len(plan), 0.4))
    pieces = split(plan, cut)
    assert len(pieces) == len(plan) + (len(plan) + 1) // 2
    assert np.allclose(pieces.targets[~cut.first], plan.targets)
    assert np.isclose(pieces.bend.sum(), plan.bend.sum())


def test_tracing_with_other_timing_keeps_what_is_seen() -> None:
    plan = draw_writer(np.random.default_rng(4), 1.0).plan
    seen = look(plan)
    slower = trace(plan.take(np.arange(len(plan))), seen)
    size = np.hypot(*np.diff(seen.ends, axis=0).T).mean()
    assert np.median(np.hypot(*(look(slower).ends - seen.ends).T)) < 0.05 * size
    cut = Cut.of(np.ones(len(plan), np.bool_), np.full(len(plan), 0.5))
    assert np.allclose(halved(seen, cut).ends[cut.second], seen.ends)


def test_a_finger_writes_larger_lifts_less_and_has_no_pressure() -> None:
    """One rendition on two devices: the device alone differs."""
    rng = np.random.default_rng(3)
    writer = draw_writer(rng, 1.0)
    rendition = perform(rng, writer, writer.plan)
    finger = draw_device(rng, DeviceKind.FINGER)
    same = replace(finger, magnified=1.0, dragged=0.0, blunt=0)

    def written(device: Device) -> list[Signature]:
        return [record(np.random.default_rng(seed), rendition, device) for seed in range(20)]

    def lifts(its: list[Signature]) -> int:
        return sum(int((~each.ink[1:]).sum()) for each in its)

    assert all(each.pressure is None for each in written(finger))
    assert lifts(written(replace(same, dragged=0.6))) < lifts(written(same))
    sizes = [np.median([np.ptp(each.x) for each in written(replace(same, magnified=m))]) for m in (1.0, 2.0)]
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.05)


def test_a_blunt_tip_rounds_corners() -> None:
    rng = np.random.default_rng(4)
    writer = draw_writer(rng, 1.0)
    rendition = perform(rng, writer, writer.plan)
    sharp = Device(rate_hz=100.0, noise=0.0)

    def turning(device: Device) -> float:
        its = record(np.random.default_rng(0), rendition, device)
        return float(np.abs(np.diff(its.x, 2)).sum() + np.abs(np.diff(its.y, 2)).sum())

    assert turning(replace(sharp, blunt=3)) < turning(sharp)


def test_short_cuts_return_what_numpy_returns() -> None:
    """To the last bit: the signatures of every seed stand in models and reports by their fingerprints."""
    rng = np.random.default_rng(4)
    places, group = rng.normal(size=(9, 2)), np.sort(rng.integers(0, 4, 9))
    for values in (places, places[:, 0].copy(), places[:1]):
        np.testing.assert_array_equal(moves(values), np.diff(values, axis=0, prepend=0.0))
    np.testing.assert_array_equal(begins(group), np.diff(group, prepend=group[0]) != 0)
    np.testing.assert_array_equal(bounded(places, -0.5, 0.5), np.clip(places, -0.5, 0.5))
    low = np.full_like(places, 0.1)
    np.testing.assert_array_equal(bounded(places, low, 2 * low), np.clip(places, low, 2 * low))
