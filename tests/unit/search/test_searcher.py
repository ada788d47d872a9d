import threading

import numpy as np
import pytest
from builders import arithmetic_matcher, references, signature, template
from in_threads import in_threads

from sigverify.errors import ConfigError, UnknownUser
from sigverify.matching.embedding import Embedding
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.search import Searcher
from sigverify.store import MEMORY, SqliteStore, gallery
from sigverify.store.rekey import change_renewal, rekey
from sigverify.store.rows import Rows
from sigverify.verifier import Verifier

MATCHER = arithmetic_matcher()


def embedding(seed):
    return references(1, seed=seed)[0]


def like(its, index=0, seed=0):
    """A probe near one reference of a template, but for its vector the same."""
    other = embedding(seed + 1000)
    vector = its.references.vector[index] + 0.3 * other.vector
    return Embedding(
        series=its.references.series[index],
        detail=its.references.detail[index],
        sequence=its.references.sequence[index],
        vector=vector / np.linalg.norm(vector),
        extent=float(its.references.extent[index]),
    )


@pytest.fixture(params=["by rows", "by the gallery"])
def store(request, monkeypatch, tmp_path):
    """Begin with everybody's rows, or with what lies beside a file."""
    monkeypatch.setattr(gallery, "WORTH", 1)
    place = MEMORY if request.param == "by rows" else tmp_path / "its.db"
    with SqliteStore(place, key=Key.generate()) as its:
        yield its


def put(store, its, **options):
    """Store a template that is in the model's own coordinates."""
    store.put(change_renewal(its, None, store.renewal), **options)


def people(store, count, *, start=0):
    templates = [
        template(f"user-{seed:03d}", 1 + seed % 3, seed=seed) for seed in range(start, start + count)
    ]
    for each in templates:
        put(store, each)
    return templates


def ids(matches):
    return [match.user_id for match in matches]


def restored(store, user):
    """Somebody's references in the model's own coordinates."""
    return store.renewal.restore(store.get(user, "pen").references)


@pytest.fixture
def searcher(store):
    return Searcher(store, MATCHER)


def test_ranks_as_scoring_everybody_does(store, searcher):
    everybody = people(store, 10)
    spreads = {each.user_id: each.spread for each in everybody}
    for its in everybody:
        probe = like(its)
        scores = {
            user: float(MATCHER.score(MATCHER.distances(probe, restored(store, user)), spread))
            for user, spread in spreads.items()
        }
        found = searcher.search(probe, top_k=10)
        assert found[0].user_id == its.user_id
        assert {match.user_id: match.score for match in found} == scores
        assert [match.score for match in found] == sorted(scores.values(), reverse=True)


def test_follows_every_change_without_reading_the_rest_again(store, searcher, monkeypatch):
    first = people(store, 40)
    assert searcher.prepare() == 40
    read = []
    changes = store.changes
    monkeypatch.setattr(store, "changes", lambda *a, **k: read.extend(changes(*a, **k)) or changes(*a, **k))
    (new,) = people(store, 1, start=40)
    assert ids(searcher.search(like(new), top_k=1)) == [new.user_id]
    assert [change.user_id for change in read] == [new.user_id]
    replaced = template(first[3].user_id, 2, seed=900)
    put(store, replaced, replace=True)
    assert ids(searcher.search(like(replaced), top_k=1)) == [replaced.user_id]
    assert [change.user_id for change in read] == [new.user_id, replaced.user_id]
    store.delete(first[5].user_id)
    assert first[5].user_id not in ids(searcher.search(like(first[5]), top_k=41))
    assert len(read) == 2
    assert searcher.prepare() == 40


def test_a_place_that_became_free_is_taken(store, searcher):
    everybody = people(store, 5)
    searcher.prepare()
    store.delete("user-002")
    (new,) = people(store, 1, start=7)
    assert ids(searcher.search(like(new), top_k=1)) == ["user-007"]
    assert sorted(ids(searcher.search(like(everybody[2]), top_k=9))) == [
        "user-000", "user-001", "user-003", "user-004", "user-007",
    ]  # fmt: skip


def test_another_model_after_all_are_gone(store, searcher):
    people(store, 3)
    searcher.prepare()
    for user in store.users():
        store.delete(user)
    assert searcher.search(embedding(0)) == []
    (new,) = people(store, 1, start=5)
    assert ids(searcher.search(like(new))) == [new.user_id]


def test_a_rekeyed_store(store, searcher):
    everybody = people(store, 6)
    before = searcher.search(like(everybody[4]), top_k=6)
    assert ids(before)[0] == "user-004"
    rekey(store)
    after = searcher.search(like(everybody[4]), top_k=6)
    assert ids(after) == ids(before)
    assert [each.score for each in after] == pytest.approx([each.score for each in before], abs=1e-4)
    assert searcher.prepare() == 6


def test_nobody(searcher):
    assert searcher.search(embedding(0)) == []
    assert searcher.search(embedding(0), fpir=0.01) == []
    assert searcher.search(embedding(0), among="staff") == []
    assert searcher.prepare() == 0


@pytest.mark.parametrize(
    "options", [{"top_k": 0}, {"fpir": 0}, {"fpir": 1.5}, {"among": ""}, {"among": "a\nb"}, {"among": 7}]
)
def test_what_cannot_be_searched_for(store, searcher, options):
    people(store, 2)
    with pytest.raises(ConfigError, match="expected"):
        searcher.search(embedding(0), **options)


def test_no_such_index(store):
    with pytest.raises(ConfigError, match="exact or approximate"):
        Searcher(store, MATCHER, kind="fastest")


def test_a_process_that_starts_again_reads_no_row_of_who_did_not_change(store, monkeypatch):
    if store.path == MEMORY:
        pytest.skip("nothing lies beside a store in memory")
    first = people(store, 40)
    found = ids(Searcher(store, MATCHER).search(like(first[7]), top_k=9))
    store.delete("user-003")
    (new,) = people(store, 1, start=40)
    opened, open_vectors = [], Rows.open_vectors

    def noted(*arguments):
        its = open_vectors(*arguments)
        opened.append(its.user_id)
        return its

    monkeypatch.setattr(Rows, "open_vectors", noted)
    again = Searcher(store, MATCHER)
    assert ids(again.search(like(first[7]), top_k=1)) == found[:1] == ["user-007"]
    assert opened == [new.user_id]
    assert ids(again.search(like(new), top_k=1)) == [new.user_id]
    assert "user-003" not in ids(again.search(like(first[3]), top_k=41))


def test_approximate_by_name(store):
    pytest.importorskip("usearch")
    searcher = Searcher(store, MATCHER, kind="approximate")
    everybody = people(store, 10)
    for its in everybody:
        assert ids(searcher.search(like(its), top_k=1)) == [its.user_id]
    store.delete("user-004")
    assert "user-004" not in ids(searcher.search(like(everybody[4]), top_k=9))


def test_the_approximate_index_is_not_built_anew(store, monkeypatch):
    pytest.importorskip("usearch")
    if store.path == MEMORY:
        pytest.skip("nothing lies beside a store in memory")
    from sigverify.search import approximate

    monkeypatch.setattr("sigverify.search.memory_finder._PAGE", 5)
    first = people(store, 40)
    Searcher(store, MATCHER, kind="approximate").prepare()
    store.delete("user-003")
    (new,) = people(store, 1, start=40)
    put, added = approximate.ApproximateIndex.put, []
    monkeypatch.setattr(
        approximate.ApproximateIndex, "put", lambda its, slots, v: added.extend(slots) or put(its, slots, v)
    )
    again = Searcher(store, MATCHER, kind="approximate")
    for its in (*first[:3], *first[4:], new):
        assert ids(again.search(like(its), top_k=1)) == [its.user_id]
    assert len(added) == len(new)
    assert "user-003" not in ids(again.search(like(first[3]), top_k=40))
    rekey(store)
    for its in (first[0], new):
        assert ids(again.search(like(its), top_k=1)) == [its.user_id]


def test_many_threads_search_while_people_come_and_go(store, searcher):
    steady = people(store, 30)
    wrong, stop = [], threading.Event()

    def search(number):
        for turn in range(15):
            its = steady[(number * 7 + turn) % len(steady)]
            if ids(searcher.search(like(its), top_k=1)) != [its.user_id]:
                wrong.append(its.user_id)

    def come_and_go():
        seed = 100
        while not stop.is_set():
            people(store, 1, start=seed)
            store.delete(f"user-{seed:03d}")
            seed += 1

    change = threading.Thread(target=come_and_go)
    change.start()
    try:
        in_threads(4, search)
    finally:
        stop.set()
        change.join()
    assert wrong == []


class TestGroups:
    @pytest.fixture
    def verifier(self):
        with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as its:
            for writer in range(6):
                its.enroll(f"user-{writer}", [signature(writer, k) for k in range(3)], quality="record")
            yield its

    def test_search_keeps_to_the_group(self, verifier):
        verifier.join("user-1", "staff")
        verifier.join("user-2", "staff")
        verifier.join("user-3", "guests")
        probe = signature(3, 9)
        assert ids(verifier.identify(probe))[0] == "user-3"
        assert sorted(ids(verifier.identify(probe, among="staff"))) == ["user-1", "user-2"]
        assert ids(verifier.identify(probe, among="guests")) == ["user-3"]
        assert verifier.identify(probe, among="cleaners") == []

    def test_changes_are_followed(self, verifier):
        verifier.join("user-1", "staff")
        assert ids(verifier.identify(signature(2, 9), among="staff")) == ["user-1"]
        verifier.join("user-2", "staff")
        assert ids(verifier.identify(signature(2, 9), among="staff"))[0] == "user-2"
        verifier.leave("user-2", "staff")
        assert ids(verifier.identify(signature(2, 9), among="staff")) == ["user-1"]
        verifier.forget("user-1")
        assert verifier.identify(signature(2, 9), among="staff") == []

    def test_enrolling_anew_keeps_them_and_forgetting_drops_them(self, verifier):
        verifier.join("user-1", "staff")
        verifier.join("user-1", "board")
        verifier.join("user-1", "staff")
        assert verifier.groups("user-1") == ("board", "staff")
        again = [signature(1, k) for k in range(20, 23)]
        verifier.enroll("user-1", again, replace=True, quality="record")
        assert verifier.groups("user-1") == ("board", "staff")
        assert ids(verifier.identify(signature(1, 9), among="staff")) == ["user-1"]
        verifier.forget("user-1")
        verifier.enroll("user-1", again, quality="record")
        assert verifier.groups("user-1") == ()
        assert verifier.identify(signature(1, 9), among="staff") == []

    def test_leaving_what_one_is_not_in(self, verifier):
        verifier.leave("user-1", "staff")
        assert verifier.groups("user-1") == ()

    def test_another_process_hears_of_it(self, tmp_path):
        with (
            Verifier(SqliteStore(tmp_path / "its.db"), arithmetic_matcher()) as one,
            Verifier(SqliteStore(tmp_path / "its.db"), arithmetic_matcher()) as other,
        ):
            one.enroll("alice", [signature(0, k) for k in range(3)], quality="record")
            assert other.identify(signature(0, 9), among="staff") == []
            one.join("alice", "staff")
            assert ids(other.identify(signature(0, 9), among="staff")) == ["alice"]

    def test_unknown_people(self, verifier):
        for call in (verifier.join, verifier.leave):
            with pytest.raises(UnknownUser):
                call("nobody", "staff")
        with pytest.raises(UnknownUser):
            verifier.groups("nobody")

    @pytest.mark.parametrize("group", ["", "x" * 65, "a\0b", None])
    def test_what_cannot_name_a_group(self, verifier, group):
        for call in (verifier.join, verifier.leave):
            with pytest.raises(ConfigError, match="name a group"):
                call("user-1", group)

    def test_too_many_groups(self, verifier):
        for number in range(64):
            verifier.join("user-1", f"group {number}")
        with pytest.raises(ConfigError, match="too many groups"):
            verifier.join("user-1", "one more")
        assert len(verifier.groups("user-1")) == 64


def test_a_stranger_is_nobody_and_a_member_is_found():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as verifier:
        for writer in range(12):
            verifier.enroll(f"user-{writer}", [signature(writer, k) for k in range(5)], quality="record")
        assert verifier.identify(signature(99, 1), fpir=0.01) == []
        assert len(verifier.identify(signature(99, 1))) == 5
        assert ids(verifier.identify(signature(7, 30), fpir=0.01)) == ["user-7"]


def test_scores_are_hidden_where_the_policy_says_so():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.kiosk()) as verifier:
        verifier.enroll("alice", [signature(0, k) for k in range(5)], quality="record")
        (match,) = verifier.identify(signature(0, 9))
        assert (match.user_id, match.score) == ("alice", None)
