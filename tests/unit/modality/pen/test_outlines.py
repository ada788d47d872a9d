import numpy as np
import pytest
from builders import signature, stretched
from hypothesis import given
from hypothesis import strategies as st

from sigverify.modality.pen import outlines
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature

ORIGINAL = signature(0, noise=0.3)
OTHERS = [signature(0, number, noise=0.3) for number in range(1, 6)]


def whole(its):
    """The steps along all of a line."""
    return outlines.follow(its)[0]


def places_of(steps):
    """Where steps lead, in RMS radii from the middle: `(…, POINTS, 2)`."""
    return np.moveaxis(outlines._normal(outlines._ways(steps)), -2, -1)


def changed(x=None, y=None, time_ms=None, ink=None):
    its = ORIGINAL
    columns = (x, its.x), (y, its.y), (time_ms, its.time_ms), (None, its.pressure), (ink, its.ink)
    return Signature(*(old if new is None else new for new, old in columns))


def noisy(share):
    rng = np.random.default_rng(1)
    size = share * (np.ptp(ORIGINAL.x) + np.ptp(ORIGINAL.y)) / 2
    return changed(*(axis + size * rng.normal(size=len(ORIGINAL)) for axis in (ORIGINAL.x, ORIGINAL.y)))


def part(begin, end):
    its = ORIGINAL
    kept = slice(int(begin * len(its)), int(end * len(its)))
    return Signature(its.x[kept], its.y[kept], its.time_ms[kept], its.pressure[kept], its.ink[kept])


COPIES = {
    "as it was": ORIGINAL,
    "stretched by a tenth": stretched(ORIGINAL, 0.1),
    "stretched by a half": stretched(ORIGINAL, 0.5, 1.0),
    "turned": changed(0.8 * ORIGINAL.x - 0.6 * ORIGINAL.y, 0.6 * ORIGINAL.x + 0.8 * ORIGINAL.y),
    "sheared and sized": changed(3 * ORIGINAL.x + 0.1 * ORIGINAL.y, 2.9 * ORIGINAL.y - 7),
    "noise of 0.3 %": noisy(0.003),
    "slower": changed(time_ms=1.4 * ORIGINAL.time_ms),
}


@pytest.mark.parametrize("what", COPIES)
def test_a_copy_runs_along_its_original(what):
    its = PEN.outlines(COPIES[what])
    known = [PEN.outlines(each)[0] for each in (*OTHERS, ORIGINAL)]
    assert PEN.runs_along(its, known)
    assert not PEN.runs_along(its, known[:-1])


def beside(where, samples, share):
    """The original with a short stroke before (0) or behind it (-1), which begins near its middle."""
    its, step = ORIGINAL, np.arange(samples)
    length = share * np.hypot(np.diff(its.x), np.diff(its.y))[its.ink[1:]].sum()
    x, y = its.x.mean() + length * step / samples, its.y.mean() + 0.3 * length * step / samples
    time = its.time_ms[where] + (-1 if where == 0 else 1) * (300 + 10 * (step[::-1] if where == 0 else step))
    columns = [(x, its.x), (y, its.y), (time, its.time_ms), (np.full(samples, 0.5), its.pressure)]
    columns.append((step > 0, np.concatenate([[False], its.ink[1:]])))
    return Signature(*(np.concatenate(pair[:: 1 if where == 0 else -1]) for pair in columns))


@pytest.mark.parametrize("where", [0, -1])
@pytest.mark.parametrize(("samples", "share"), [(2, 0.002), (4, 0.01), (8, 0.05)])
def test_a_copy_with_a_short_stroke_beside_it_is_one(where, samples, share):
    outlines_of = PEN.outlines(beside(where, samples, share))
    known = [PEN.outlines(each)[0] for each in (*OTHERS, ORIGINAL)]
    assert len(outlines_of) == 2
    assert PEN.runs_along(outlines_of, known)
    # By its whole line it is not found, unless the way to that stroke is short.
    assert where == -1 or not PEN.runs_along(outlines_of[:1], known)
    assert not PEN.runs_along(outlines_of, known[:-1])


def test_a_long_stroke_beside_the_name_is_part_of_it():
    assert len(PEN.outlines(beside(0, 12, 0.07))) == 1
    assert len(PEN.outlines(ORIGINAL)) == 1


@given(st.lists(st.tuples(st.integers(2, 9), st.floats(0, 60)), min_size=1, max_size=12))
def test_property_the_core_is_most_of_a_line(strokes):
    parts = [np.column_stack([length * np.arange(count) + 7 * place, 40.0 * place + np.arange(count)])
             for place, (count, length) in enumerate([(9, 1.0), *strokes])]  # fmt: skip
    line = np.concatenate(parts).T
    ink = np.concatenate([np.arange(len(part)) > 0 for part in parts])
    begin, end = outlines._core(line, ink)
    assert begin == 0 or not ink[begin]
    assert end == len(ink) or not ink[end]
    lengths = np.where(ink[1:], outlines._lengths(line), 0.0)
    assert lengths[begin : end - 1].sum() >= (1 - 2 * outlines.ENDS) * lengths.sum() - 1e-9


@pytest.mark.parametrize("cut", [part(0.02, 1), part(0.05, 1), part(0.08, 1), part(0, 0.98), part(0, 0.92)])
def test_a_copy_without_a_part_lies_near_its_original(cut):
    """In this winding line, that is; of real ones most lie nearer than `COPY`."""
    known = np.stack([whole(each) for each in (*OTHERS, ORIGINAL)])
    *others, original = outlines.apart(whole(cut), known)
    assert original < 0.02
    assert min(others) > 10 * original


def test_nobody_writes_along_their_own_signature():
    each = [PEN.outlines(its) for its in (ORIGINAL, *OTHERS, signature(1))]
    for number, its in enumerate(each):
        assert not PEN.runs_along(its, [other[0] for other in each[:number] + each[number + 1 :]])
    assert not PEN.runs_along(each[0], [])


@given(st.floats(0.2, 50), st.floats(-1e3, 1e3), st.integers(2, 2000))
def test_size_and_place_do_not_matter(size, place, samples):
    """Steps are rounded to 1 / 120 of the longest, so that places are off by 0.5 / 120 of it at most."""
    part = np.linspace(0, 1, samples + 10)
    x, y = np.sin(7 * part), np.cos(11 * part) + part
    its = [Signature(x, y, 10 * part), Signature(size * x + place, size * y - place, 10 * part)]
    one, other = (places_of(whole(each)) for each in its)
    np.testing.assert_allclose(one, other, atol=0.02)


def test_an_outline_is_small_and_says_where_the_pen_went():
    steps = whole(ORIGINAL)
    assert (steps.shape, steps.dtype) == ((outlines.POINTS - 1, 2), np.int8)
    assert len(PEN.outlines(ORIGINAL)[0]) < 256
    places = places_of(steps)
    assert np.mean(np.sum(places**2, axis=1)) == pytest.approx(1)
    turn = np.linspace(0, 2 * np.pi, 400)
    circle = places_of(whole(Signature(np.cos(turn), np.sin(turn), 1e3 * turn)))
    np.testing.assert_allclose(np.hypot(*circle.T), 1, atol=0.03)


def test_a_line_that_is_hardly_one():
    dots = Signature([0, 0, 0, 0, 1, 1, 1, 1], [0] * 8, range(0, 80, 10))
    assert PEN.runs_along(PEN.outlines(dots), PEN.outlines(dots))
    assert not PEN.runs_along(PEN.outlines(ORIGINAL), PEN.outlines(dots))


def plainly_fitted(mine, theirs):
    """The same fit, segment by segment, as its source describes it."""
    rows = np.column_stack([mine, np.ones(len(mine))])
    targets, counted = theirs, np.ones(len(theirs), bool)
    for _ in range(outlines._TURNS):
        map_, *_ = np.linalg.lstsq(rows[counted], targets[counted])
        nearest = []
        for number, place in enumerate(rows @ map_):
            points = []
            for step in range(-outlines._WINDOW, outlines._WINDOW + 1):
                start = np.clip(number + step, 0, len(theirs) - 2)
                way = theirs[start + 1] - theirs[start]
                share = np.clip((place - theirs[start]) @ way / (way @ way), 0, 1)
                points.append(theirs[start] + share * way)
            nearest.append(min(points, key=lambda point, place=place: np.hypot(*(place - point))))
        gaps = np.hypot(*(rows @ map_ - nearest).T)
        kept = np.sort(gaps)[: outlines._COUNTED + 1]
        targets, counted = np.array(nearest), gaps <= kept[-1]
    return np.sqrt(np.mean(kept[:-1] ** 2))


@pytest.mark.parametrize("what", COPIES)
def test_the_fit_is_that_of_its_source(what):
    mine, *theirs = (places_of(whole(each)) for each in (COPIES[what], ORIGINAL, OTHERS[0]))
    fitted = outlines._fitted(mine.T, np.stack([each.T for each in theirs]))
    np.testing.assert_allclose(fitted, [plainly_fitted(mine, each) for each in theirs], rtol=1e-5, atol=1e-9)


def test_point_by_point_is_a_fit_by_least_squares():
    """Of each rest of each line, by a few points."""
    mine, *lines = (outlines._ways(outlines.follow(each)[0]).T for each in (ORIGINAL, *OTHERS))
    few = np.linspace(0, outlines.POINTS - 1, outlines._FEW)
    rows = np.column_stack(
        [*(np.interp(few, range(outlines.POINTS), axis) for axis in mine.T), np.ones(len(few))]
    )
    found = outlines._point_by_point(mine.T, np.stack([each.T for each in lines]))
    halves = [cut / 2 for cut in outlines._CUTS]
    for cut, ends in enumerate((max(half, 0), outlines.POINTS - 1 + min(half, 0)) for half in halves):
        for number, line in enumerate(lines):
            places = np.linspace(*ends, outlines._FEW)
            rest = np.column_stack([np.interp(places, range(outlines.POINTS), axis) for axis in line.T])
            left = rest - rows @ np.linalg.lstsq(rows, rest)[0]
            whole = rest - rest.mean(axis=0)
            assert found[cut, number] == pytest.approx(np.sqrt((left**2).sum() / (whole**2).sum()))
