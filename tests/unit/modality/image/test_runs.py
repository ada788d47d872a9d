import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sigverify.modality.image.runs import Pieces, Runs

PICTURES = (
    st.integers(1, 12)
    .flatmap(
        lambda width: st.lists(
            st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=12
        )
    )
    .map(np.array)
)


def flooded(ink):
    """Number the pieces pixel by pixel."""
    numbers, count = np.full(ink.shape, -1), 0
    for start in zip(*np.nonzero(ink), strict=True):
        if numbers[start] >= 0:
            continue
        todo = [start]
        while todo:
            row, column = todo.pop()
            if not (0 <= row < ink.shape[0] and 0 <= column < ink.shape[1]):
                continue
            if ink[row, column] and numbers[row, column] < 0:
                numbers[row, column] = count
                todo += [(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        count += 1
    return numbers


@given(PICTURES)
def test_runs_are_drawn_as_they_were(ink):
    assert np.array_equal(Runs.of(ink).drawn(ink.shape), ink)
    assert Runs.of(ink).length.sum() == ink.sum()


@given(PICTURES)
def test_pieces_are_those_of_a_flood(ink):
    runs, numbers = Runs.of(ink), flooded(ink)
    theirs = numbers[runs.row, runs.start]
    pairs = set(zip(runs.pieces().tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


def test_turns():
    ring = np.ones((5, 5), bool)
    ring[1:4, 1:4] = False
    assert Runs.of(ring).turns() == 4, "begins, parts, joins, ends"
    assert Runs.of(np.ones((3, 9), bool)).turns() == 2
    assert Runs.of(np.zeros((3, 9), bool)).turns() == 0


@given(PICTURES)
def test_boxes_are_those_of_the_pieces(ink):
    numbers = flooded(ink)
    _, _, pixels, top, bottom, left, right = Pieces.of(ink)
    found = set(zip(pixels, top, bottom, left, right, strict=True))
    for number in range(numbers.max() + 1):
        rows, columns = np.nonzero(numbers == number)
        box = len(rows), rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        assert box in found
    assert len(pixels) == numbers.max() + 1
