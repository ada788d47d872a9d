import os

import pytest

from sigverify.protection.open_folder import open_folder


@pytest.fixture
def key(tmp_path):
    folder = tmp_path / "deep" / "keys"
    folder.mkdir(parents=True)
    return folder / "store.key"


def test_a_folder_of_the_owner_alone(key):
    assert open_folder(key) is None


@pytest.mark.parametrize("above", [0, 1])
@pytest.mark.parametrize("mode", [0o777, 0o702, 0o703])
def test_a_folder_that_anybody_may_write_to_wherever_it_is(key, above, mode):
    folder = key.parents[above]
    folder.chmod(mode)
    assert open_folder(key) == folder


def test_where_the_sticky_bit_is_set_nobody_replaces_another_s_file(key):
    key.parent.chmod(0o1777)
    assert open_folder(key) is None


def test_a_group_that_is_not_this_process_s_own_is_others(key):
    if os.geteuid() != 0:
        pytest.skip("only root gives a folder to another group")
    key.parent.chmod(0o770)
    assert open_folder(key) is None
    os.chown(key.parent, -1, 4711)
    assert open_folder(key) == key.parent


def test_where_a_link_leads_counts_and_where_it_lies(key, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "store.key"
    link.symlink_to(key)
    assert open_folder(link) is None
    key.parent.chmod(0o777)
    assert open_folder(link) == key.parent
    key.parent.chmod(0o700)
    elsewhere.chmod(0o777)
    assert open_folder(link) == elsewhere


def test_what_is_not_made_yet_is_passed_over(key):
    assert open_folder(key.parent / "new" / "newer" / "store.key") is None
    key.parent.chmod(0o777)
    assert open_folder(key.parent / "new" / "store.key") == key.parent
