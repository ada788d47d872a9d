"""Messages hold their own words in full and what others sent only in part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import (
    MAX_MESSAGE,
    MAX_PATH,
    MAX_QUOTED,
    FormatError,
    SigverifyError,
    one_line,
    shortened,
)


def test_what_is_short_stands_as_it_is():
    error = FormatError("what", expected="this", received="that", hint="Do so")
    assert str(error) == "what; expected this; received that. Do so"


@pytest.mark.parametrize("part", ["what", "expected", "received", "hint"])
@pytest.mark.parametrize("mark", ["", " ", "\n", "'", '"', "\\", "é"])
def test_no_part_holds_more_than_100_characters_of_a_quotation(part, mark):
    parts = {"what": "short"} | {part: f"see {f'Q{mark}' * 300!r} here"}
    assert str(FormatError(**parts)).count("Q") <= MAX_QUOTED


@pytest.mark.parametrize("part", ["what", "expected", "received", "hint"])
def test_no_part_holds_more_than_100_characters_of_a_word(part):
    parts = {"what": "short"} | {part: f"{'Q' * 500} cannot be read"}
    assert str(FormatError(**parts)).count("Q") <= MAX_QUOTED


def test_paths_stand_in_full_up_to_a_length():
    path = "/".join(["", *["folder"] * 40, "alice.csv"])
    assert f"{path}: no" in str(FormatError(f"{path}: no"))
    assert repr(path) in str(FormatError(f"cannot read {path!r}"))
    assert len(path) < MAX_PATH < len(2 * path)
    assert str(FormatError(f"{2 * path}: no")).count("folder") < 16


def test_apostrophes_are_no_quotations():
    words = "the server's own words, and each of them is short, so that the user's file " * 3
    assert str(FormatError(words)) == words


@given(st.text(), st.text(), st.text(), st.text())
def test_messages_are_bounded(what, expected, received, hint):
    error = SigverifyError(10 * what, expected=10 * expected, received=10 * received, hint=10 * hint)
    assert len(str(error)) <= MAX_MESSAGE


@given(st.text(), st.integers(2, 50))
def test_shortened_is_no_longer_than_it_says(text, limit):
    assert len(shortened(text, limit)) <= limit
    assert shortened(text, len(text)) == text


def test_an_error_of_the_system_does_not_repeat_its_path(tmp_path):
    with pytest.raises(OSError, match="No such file") as raised:
        (tmp_path / "absent").open()
    assert one_line(raised.value) == "No such file or directory"
