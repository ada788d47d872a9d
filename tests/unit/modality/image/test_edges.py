import numpy as np
import pytest

from sigverify.modality.image.edges import LEAST_LENGTH, SOFTEST, edges_of

SHAPE = 200, 400
PAPER = 240


def shaded(depth, light=110, soft=1):
    """Paper that is darker above a line `soft` pixels wide, as deep as `depth` says of each column."""
    rows = np.arange(SHAPE[0])[:, np.newaxis] + 0.5
    share = np.clip((rows - np.broadcast_to(depth, SHAPE[1])) / soft + 0.5, 0, 1)
    return np.rint(light + share * (PAPER - light)).astype(np.uint8)


PLACE = np.arange(SHAPE[1])
ABOVE = {
    "a border": np.full(SHAPE[1], 9.0),
    "a table": np.full(SHAPE[1], 70.0),
    "a wedge": 12 - 0.04 * PLACE,
    "a shadow that leans": 20 + 0.4 * PLACE,
}


@pytest.mark.parametrize("what", ABOVE)
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("light", [20, 110, 165])
def test_what_is_dark_beyond_a_straight_edge_is_found_at_any_side(what, turns, light):
    grey = np.rot90(shaded(ABOVE[what], light), turns)
    (edge,) = edges_of(grey, PAPER)
    beyond, itself = (np.rot90(each, -turns) for each in (edge.beyond, edge.itself))
    rows = np.arange(SHAPE[0])[:, np.newaxis]
    assert not beyond[rows > ABOVE[what]].any(), "nothing of the paper"
    assert (beyond | itself)[rows < ABOVE[what] - 0.5].all(), "all that is dark"
    assert itself.sum() <= 8 * SHAPE[1]
    assert (edge.light, edge.paper) == (light, PAPER)


@pytest.mark.parametrize("turns", range(4))
def test_an_edge_that_bends_is_found(turns):
    depth = 60 - 50 * ((PLACE - 200) / 200) ** 2
    (edge,) = edges_of(np.rot90(shaded(depth), turns), PAPER)
    beyond, itself = (np.rot90(each, -turns) for each in (edge.beyond, edge.itself))
    rows = np.arange(SHAPE[0])[:, np.newaxis]
    assert not beyond[rows > depth].any()
    assert (beyond | itself)[rows < depth - 0.5].mean() > 0.99


def test_of_a_round_shadow_in_a_corner_each_side_sees_its_part():
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    dark = np.hypot(rows - 200, columns - 400) < 150
    edges = edges_of(np.where(dark, 110, PAPER).astype(np.uint8), PAPER)
    assert len(edges) == 2
    found = np.logical_or.reduce([edge.beyond | edge.itself for edge in edges])
    assert found[dark].mean() > 0.99
    assert (found & ~dark).sum() < 8 * 250


def test_strokes_across_an_edge_do_not_hide_it():
    grey = shaded(ABOVE["a table"])
    grey[40:120, 50:53] = grey[60:160, 200:206] = grey[20:110, 300:304] = 10
    assert len(edges_of(grey, PAPER)) == 1


def test_a_sheet_on_a_table_has_an_edge_at_each_side():
    grey = np.full(SHAPE, 120, np.uint8)
    grey[30:170, 40:370] = PAPER
    edges = edges_of(grey, PAPER)
    assert len(edges) == 4
    dark = np.logical_or.reduce([edge.beyond | edge.itself for edge in edges])
    assert dark[grey == 120].all()
    assert not dark[33:167, 43:367].any()


NONE = {
    "paper": np.full(SHAPE, PAPER, np.uint8),
    "all dark": np.full(SHAPE, 90, np.uint8),
    "light that fades": shaded(np.full(SHAPE[1], 90.0), soft=5 * SOFTEST),
    "a little darker": shaded(np.full(SHAPE[1], 70.0), light=int(0.85 * PAPER)),
    "waves of a hand": shaded(20 + 9 * np.sin(PLACE / 6)),
    "a stroke that leaves the picture": np.where(
        (np.arange(SHAPE[1]) > 100) & (np.arange(SHAPE[1]) < 100 + LEAST_LENGTH - 4)
        & (np.arange(SHAPE[0])[:, np.newaxis] < 60), 20, PAPER,
    ).astype(np.uint8),
    "a line within the picture": np.where(
        np.abs(np.arange(SHAPE[0])[:, np.newaxis] - 90) < 4, 20, np.full(SHAPE, PAPER)
    ).astype(np.uint8),
}  # fmt: skip


@pytest.mark.parametrize("what", NONE)
def test_nothing_else_is_an_edge(what):
    assert edges_of(NONE[what], PAPER) == []
