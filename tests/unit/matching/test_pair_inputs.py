import math
from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, references, signature

from sigverify.matching.embedding import References
from sigverify.matching.pair_inputs import LARGEST, PairLayout, pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import CHANNEL_NAMES
from sigverify.modality.pen.pen import PEN

LAYOUT = PEN.pair_layout


def step(embedded, number):
    """Series (mean of two frames) and detail of a step, in standard deviations."""
    series = embedded.series[2 * number : 2 * number + 2].astype(float).mean(axis=0)
    return np.concatenate([series, embedded.detail[number]]) / 32


def by_definition(probe, reference, layout):
    """Lay out one pair, a step at a time."""
    paths = Pairing(probe, References.stack([reference])).paths
    rows, before = [], None
    for number in range(len(probe.series) // 2):
        # Of two frames of the probe: the first and the last frame of the reference that each is matched with.
        ends = [int(end) for end in (*paths.first[0, 2 * number : 2 * number + 2],
                                     *paths.last[0, 2 * number : 2 * number + 2])]  # fmt: skip
        middle = sum(ends) / 4
        own, other = step(probe, number), step(reference, math.floor(middle / 2))
        # The sum of four frames counts a step as eight, and the first step as one after another.
        before = middle - 2 if before is None else before
        advance = (middle - before) / 2 - 1
        row = [*np.abs(own - other), *(own - other)[list(layout.signed)]]
        row += [np.clip(advance, -1, 3), (middle - 2 * number) / 64]
        row += [*((own + other) / 2)[list(layout.context)], 2 * math.log(probe.extent / reference.extent)]
        rows.append(np.clip(row, -LARGEST, LARGEST))
        before = middle
    return np.array(rows)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_a_plain_loop_over_the_steps_for_noise(seed):
    its = references(4, seed=seed)
    found = pair_inputs(Pairing(its[0], its), LAYOUT)
    assert found.dtype == np.float32
    for number in range(4):
        np.testing.assert_allclose(found[number], by_definition(its[0], its[number], LAYOUT), atol=1e-6)


@pytest.mark.parametrize("other", [signature(0, 1), signature(1)])
def test_and_for_signatures(other):
    matcher = arithmetic_matcher()
    probe, reference = matcher.embed(signature(0)), matcher.embed(other)
    found = pair_inputs(Pairing(probe, References.stack([reference])), LAYOUT)
    np.testing.assert_allclose(found[0], by_definition(probe, reference, LAYOUT), atol=1e-6)


def test_all_but_the_last_are_whole_numbers_over_a_power_of_two():
    its = references(3)
    found = pair_inputs(Pairing(its[0], its), LAYOUT)[..., :-1].astype(np.float64)
    np.testing.assert_array_equal(found * 256, np.round(found * 256))


def test_a_signature_and_itself_differ_in_nothing():
    its = references(1)
    found = pair_inputs(Pairing(its[0], its), LAYOUT)[0]
    apart = LAYOUT.channels + len(LAYOUT.signed)
    assert not found[:, :apart].any()
    assert not found[:, -1].any()
    context = found[:, apart + 2 : -1]
    np.testing.assert_allclose(context[5], step(its[0], 5)[list(LAYOUT.context)], atol=1e-6)


def test_what_is_signed_changes_its_sign_where_probe_and_reference_change_places():
    its = references(2)
    # All steps are matched alike, both ways: the path is that of nothing but equals.
    its = replace(its, series=np.zeros_like(its.series))
    one, other = (pair_inputs(Pairing(its[k], its.take([1 - k])), LAYOUT)[0] for k in (0, 1))
    np.testing.assert_allclose(one[:, -1], -other[:, -1], rtol=1e-6)
    assert (one[:, -1] == one[0, -1]).all()
    pace = LAYOUT.channels + LAYOUT.signed.index(CHANNEL_NAMES.index("pace"))
    # In the first step, where the path of both stands at the first frame.
    assert one[0, pace] == -other[0, pace] != 0


def test_extremes_are_clipped():
    its = references(2)
    far = replace(its, extent=np.array([1e-3, 1e9], np.float32), detail=np.full_like(its.detail, 127))
    far.detail[1] = -127
    found = pair_inputs(Pairing(far[0], far.take([1])), LAYOUT)
    assert np.abs(found).max() == LARGEST
    assert (found[..., -1] == -LARGEST).all()
    assert (found[..., 7:12] == LARGEST).all()


def test_several_probes_are_laid_out_beside_the_reference_of_their_number():
    its = references(3)
    found = pair_inputs(Pairing(its.take([2, 1]), its.take([0, 2])), LAYOUT)
    np.testing.assert_array_equal(found[:1], pair_inputs(Pairing(its[2], its.take([0])), LAYOUT))
    np.testing.assert_array_equal(found[1:], pair_inputs(Pairing(its[1], its.take([2])), LAYOUT))


def test_a_layout_counts_its_inputs():
    assert PairLayout(channels=2).depth == 5
    assert LAYOUT.depth == pair_inputs(Pairing(references(1)[0], references(1)), LAYOUT).shape[-1]
    assert [CHANNEL_NAMES[number] for number in LAYOUT.signed] == ["pace", "pressure"]


def test_a_modality_without_detail():
    its = replace(references(2), detail=np.zeros((2, 128, 0), np.int8))
    layout = PairLayout(channels=7, context=(0,))
    found = pair_inputs(Pairing(its[0], its), layout)
    assert found.shape == (2, 128, layout.depth)
    np.testing.assert_allclose(found[1], by_definition(its[0], its[1], layout), atol=1e-6)
