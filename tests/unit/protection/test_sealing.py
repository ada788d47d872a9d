import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import DamagedStore
from sigverify.protection.keys import Key
from sigverify.protection.sealing import DIGEST_BYTES, OVERHEAD, Sealer, join, split

KEY, SALT = Key(bytes(range(32))), b"salt" * 4
BOUND = st.lists(st.one_of(st.binary(max_size=9), st.text(max_size=9), st.integers(0, 2**40)), max_size=3)


@pytest.fixture
def sealer():
    return Sealer(KEY, SALT)


@given(st.binary(max_size=300), BOUND)
def test_opens_what_it_sealed(content, bound):
    sealed = Sealer(KEY, SALT).seal("template", content, *bound)
    assert len(sealed) == len(content) + OVERHEAD
    assert Sealer(KEY, SALT).open("template", sealed, *bound) == content


@given(BOUND, BOUND)
def test_opens_only_with_what_was_bound(bound, other):
    sealer = Sealer(KEY, SALT)
    sealed = sealer.seal("template", b"content", *bound)
    if [(type(each), each) for each in bound] != [(type(each), each) for each in other]:
        with pytest.raises(DamagedStore):
            sealer.open("template", sealed, *other)


def test_no_bit_may_change(sealer):
    sealed = sealer.seal("template", b"content")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1 << position % 8
        with pytest.raises(DamagedStore, match="a sealed template does not open"):
            sealer.open("template", bytes(altered))


@pytest.mark.parametrize("end", [0, 1, 12, 27, -1])
def test_half_of_it_does_not_open(sealer, end):
    with pytest.raises(DamagedStore):
        sealer.open("template", sealer.seal("template", b"content")[:end])


@pytest.mark.parametrize(
    "other", [Sealer(Key.generate(), SALT), Sealer(KEY, b"other salt")], ids=["key", "salt"]
)
def test_another_key_or_store_opens_nothing(sealer, other):
    with pytest.raises(DamagedStore):
        other.open("template", sealer.seal("template", b"content"))
    assert other.digest("user", b"alice") != sealer.digest("user", b"alice")
    assert other.subkey("renewal") != sealer.subkey("renewal")


def test_purposes_are_apart(sealer):
    with pytest.raises(DamagedStore):
        sealer.open("record", sealer.seal("template", b"content"))
    assert sealer.digest("user", b"alice") != sealer.digest("subject", b"alice")


def test_the_same_content_never_looks_the_same_twice(sealer):
    assert len({sealer.seal("template", b"content") for _ in range(100)}) == 100


def test_digests_are_stable(sealer):
    assert len(sealer.digest("user", b"alice")) == DIGEST_BYTES
    assert sealer.digest("user", b"alice").hex() == "ddbd9f3cc3b7fb27053629502a993a72"


def test_repr_shows_nothing(sealer):
    assert repr(sealer) == "<Sealer>"


def test_threads_share_one(sealer):
    wrong = []

    def work(number):
        for turn in range(200):
            content = bytes([number]) * turn
            if sealer.open("record", sealer.seal("record", content, number), number) != content:
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_split_takes_apart_what_join_joined(parts):
    assert split(join(*parts), len(parts)) == parts


@given(st.binary(max_size=60), st.integers(1, 4))
def test_split_refuses_other_bytes(content, count):
    try:
        parts = split(content, count)
    except DamagedStore:
        return
    assert join(*parts) == content
