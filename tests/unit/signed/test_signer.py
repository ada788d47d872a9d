"""A counter never gives a number twice, whenever its program ends."""

import pytest

from sigverify.errors import StoreError
from sigverify.signed.signed_capture import MAX_COUNTER
from sigverify.signed.signer import FileCounter


def test_it_rises_also_after_an_end_at_any_moment(tmp_path):
    path = tmp_path / "counter"
    given = []
    for uses in (3, 1, 300, 0, 2):
        count = FileCounter(path)
        given += [count() for _ in range(uses)]
    assert given == sorted(set(given))
    assert given[:3] == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_written_before_a_number_is_given(tmp_path):
    (tmp_path / "counter").write_text("5\n")
    count = FileCounter(tmp_path / "counter")
    assert count() == 6
    assert int((tmp_path / "counter").read_text()) >= 6


@pytest.mark.parametrize("content", ["", "-1", "1e3", "9" * 5000, "4294967296", "\x00"])
def test_what_is_no_counter(tmp_path, content):
    (tmp_path / "counter").write_text(content)
    with pytest.raises(StoreError, match="counter"):
        FileCounter(tmp_path / "counter")


def test_at_its_end(tmp_path):
    (tmp_path / "counter").write_text(str(MAX_COUNTER - 1))
    count = FileCounter(tmp_path / "counter")
    assert count() == MAX_COUNTER
    with pytest.raises(StoreError, match="used up"):
        count()


def test_no_number_where_nothing_can_be_written(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        FileCounter(tmp_path / "missing" / "counter")()
