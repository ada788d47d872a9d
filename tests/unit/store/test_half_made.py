"""A store that was begun and never finished: none is left behind, and one that is there says what it is."""

import pytest

from sigverify.errors import KeyUnavailable, StoreError
from sigverify.store import SqliteStore


def test_where_no_key_can_be_made_no_store_is_left(tmp_path, monkeypatch):
    (tmp_path / "state").write_text("a file, where the key's folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with pytest.raises(KeyUnavailable):
        SqliteStore(tmp_path / "half.db")
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_an_empty_file_says_what_it_is_and_can_be_finished(tmp_path):
    (tmp_path / "empty.db").touch()
    for read_only in (True, False):
        with pytest.raises(StoreError, match=r"is empty: a store that was .* never finished, or was emptied"):
            SqliteStore(tmp_path / "empty.db", read_only=read_only, create=False)
    assert (tmp_path / "empty.db").stat().st_size == 0
    SqliteStore(tmp_path / "empty.db").close()
    SqliteStore(tmp_path / "empty.db", read_only=True, create=False).close()
