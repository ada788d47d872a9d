"""Answers as HTML: whole, escaped, and readable on a page of either kind."""

import xml.etree.ElementTree as ET
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.card import Tone, card, grid

PAGES = ("#ffffff", "#111111", "#1e1e1e")
"""Backgrounds of notebooks, light and dark."""
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
"""What XML, which the tests read, can hold."""


def luminance(color):
    """Relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    levels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("tone", "page"), list(product(Tone, PAGES)))
def test_edges_stand_out_from_any_page(tone, page):
    dark, light = sorted((luminance(tone.value[1]), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_no_answer_is_told_by_color_alone():
    assert len({tone.value[0] for tone in Tone}) == len(Tone)


@given(TEXT, TEXT, st.lists(TEXT))
def test_a_card_says_what_it_was_given_and_nothing_in_it_is_markup(title, text, lines):
    box = ET.fromstring(card(Tone.YES, title, text, lines).replace("<br>", "<br/>"))  # noqa: S314  # made here
    assert "".join(box.itertext()) == f"✓ {title}: {text}{''.join(lines)}"
    assert {each.tag for each in box.iter()} <= {"div", "b", "br"}


@given(st.lists(TEXT, min_size=1, max_size=3), st.data())
def test_a_grid_too(names, data):
    rows = data.draw(st.lists(st.lists(TEXT, min_size=len(names), max_size=len(names)), max_size=3))
    table = ET.fromstring(grid(names, rows))  # noqa: S314  # made here
    shown = [["".join(cell.itertext()) for cell in row] for row in table]
    assert shown == [names, *rows]


def test_the_page_keeps_its_own_color_of_text():
    assert "color:" not in card(Tone.NO, "", "").replace("border-left:4px solid", "")
    assert "style" not in grid(["a"], [])
