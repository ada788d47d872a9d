"""Each challenge is good once, for a while, and few wait at a time."""

from in_threads import in_threads

from sigverify.signed.challenges import LIFE_S, MOST, Challenges


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_is_good_once():
    its = Challenges()
    nonce = its.give()
    assert len(nonce) == 16
    assert its.take(nonce)
    assert not its.take(nonce)
    assert not its.take(bytes(16))


def test_for_a_while():
    its = Challenges(now=(clock := Clock()))
    kept, late = its.give(), its.give()
    clock.now = LIFE_S - 1
    assert its.take(kept)
    clock.now = LIFE_S
    assert not its.take(late)


def test_few_wait_at_a_time():
    its = Challenges()
    given = [its.give() for _ in range(MOST + 3)]
    assert [its.take(each) for each in given] == [False] * 3 + [True] * MOST


def test_those_of_one_line_are_no_others():
    one, other = Challenges(), Challenges()
    assert not other.take(nonce := one.give())
    assert one.take(nonce)


def test_no_two_threads_answer_one():
    its = Challenges()
    nonce = its.give()
    taken = []
    in_threads(8, lambda _: taken.append(its.take(nonce)))
    assert sorted(taken) == [False] * 7 + [True]
