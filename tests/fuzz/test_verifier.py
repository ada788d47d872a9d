"""Whatever signature or damaged store a verifier is given, it answers or raises an error of ours."""

import contextlib
import math

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from damage import damaged
from hypothesis import given, settings
from hypothesis import strategies as st

from sigverify.audit import KIND, AuditLog, Event
from sigverify.decision import Outcome
from sigverify.errors import SigverifyError, StoreError
from sigverify.modality.pen.signature import Signature
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
EXTREME = st.sampled_from([0.0, 1.0, -1.0, 1e9, -1e9, 5e-324, 1e-300, 0.1])
COORDINATE = st.floats(-1e9, 1e9) | EXTREME | st.integers(-100, 100)


@st.composite
def signatures(draw):
    """Mostly sound signatures: smooth, jagged, extreme, or a genuine one disturbed."""
    if draw(st.booleans()):
        return _disturbed(draw)
    count = draw(st.integers(8, 40))

    def column(values):
        return draw(st.lists(values, min_size=count, max_size=count))

    times = column(st.floats(0, 1e6) | st.sampled_from([0.0, 10.0, 1e8]))
    if draw(st.booleans()):
        times = np.cumsum(times)
    pressure = column(st.floats(0, 1e9) | st.just(0.0)) if draw(st.booleans()) else None
    ink = column(st.booleans()) if draw(st.booleans()) else None
    return Signature(column(COORDINATE), column(COORDINATE), times, pressure, ink)


def _disturbed(draw):
    its = signature(draw(st.integers(0, 3)), draw(st.integers(0, 9)))
    start, end = draw(st.integers(0, 60)), draw(st.integers(90, 150))
    scale, stretch = draw(st.floats(1e-6, 1e5)), draw(st.floats(1e-3, 1e4))
    return Signature(
        scale * its.x[start:end],
        scale * its.y[start:end],
        stretch * its.time_ms[start:end],
        its.pressure[start:end],
        its.ink[start:end],
    )


def attempt(strategy):
    """Draws that are no signature are the business of the parsers' targets."""

    @st.composite
    def attempts(draw):
        try:
            return draw(strategy)
        except SigverifyError:
            return signature(0, 8)

    return attempts()


@pytest.fixture(scope="module")
def verifier():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.unguarded()) as opened:
        for writer, name in enumerate(["alice", "bob"]):
            opened.enroll(name, [signature(writer, number) for number in range(3)], quality="record")
        yield opened


@given(probe=attempt(signatures()))
def test_verify(verifier, probe):
    decision = verifier.verify("alice", probe, refer_fmr=0.1)
    assert decision.outcome in Outcome
    if decision.score is not None:
        assert 0 <= decision.score <= 1
        assert decision.accepted == (decision.score >= decision.threshold)
        assert decision.score == verifier.score("alice", probe)
    assert math.isfinite(decision.latency_ms)


@given(probe=attempt(signatures()))
def test_identify(verifier, probe):
    matches = verifier.identify(probe)
    assert {match.user_id for match in matches} == (set() if matches.flaw else {"alice", "bob"})
    assert matches.flaw is verifier.verify("alice", probe).flaw
    assert all(0 <= match.score <= 1 for match in matches)


@given(references=st.lists(attempt(signatures()), min_size=1, max_size=3), enforced=st.booleans())
def test_enroll(verifier, references, enforced):
    before = verifier.users()
    try:
        verifier.enroll("carol", references, quality="enforce" if enforced else "record")
    except SigverifyError:
        assert verifier.users() == before
        return
    assert 0 <= verifier.score("carol", references[0]) <= 1
    verifier.forget("carol")


GUARDED = Policy.kiosk()


@settings(max_examples=15)  # each makes a store
@given(
    probes=st.lists(attempt(signatures()), min_size=1, max_size=4), user=st.sampled_from(["alice", "nobody"])
)
def test_a_kiosk_tells_nothing(probes, user):
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=GUARDED) as kiosk:
        kiosk.enroll("alice", [signature(0, number) for number in range(3)], quality="record")
        for probe in probes:
            decision = kiosk.verify(user, probe)
            assert (decision.score, decision.threshold, decision.confidence) == (None, None, None)
            assert not (decision.accepted and user == "nobody")
        assert AuditLog(kiosk.store).verify().intact


@pytest.fixture(scope="module")
def store_file(tmp_path_factory):
    """A function that gives a store's bytes and a path for damaged ones: as values they flood reports."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    with Verifier(SqliteStore(path, key=KEY), arithmetic_matcher(), policy=Policy.unguarded()) as verifier:
        verifier.enroll("alice", [signature(0, number) for number in range(2)], quality="record")
        verifier.verify("alice", signature(0, 9))
    content = path.read_bytes()
    return lambda: (bytearray(content), path.with_name("damaged.db"))


@given(
    blows=st.lists(
        st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=9
    )
)
def test_a_damaged_store(store_file, blows):
    data, path = store_file()
    for at, content in blows:
        at %= len(data)  # noqa: PLW2901
        data[at : at + len(content)] = content[: len(data) - at]
    for leftover in path.parent.glob("damaged.db-*"):
        leftover.unlink()
    path.write_bytes(data)
    with contextlib.suppress(StoreError), SqliteStore(path, key=KEY, create=False) as store:
        for ask in (
            lambda: Verifier(store, arithmetic_matcher(), policy=Policy.unguarded()).verify(
                "alice", signature(0, 8)
            ),
            lambda: store.changes("pen"),
            lambda: AuditLog(store).verify(),
            lambda: list(AuditLog(store).entries()),
        ):
            with contextlib.suppress(StoreError):
                ask()


class Journal:
    """An audit log's entries in a list, as somebody could alter them who has the file and not the key."""

    def __init__(self):
        self.content, self.entries = {}, []

    def secret(self, purpose):
        return purpose.encode()

    def read_record(self, kind, subject):
        return self.content.get((kind, subject))

    get = read_record

    def put(self, kind, subject, content):
        self.content[kind, subject] = content

    def append(self, kind, content):
        assert kind == KIND
        self.entries.append(content)
        return len(self.entries)

    def journal(self, kind, *, after=0, limit=None):
        assert kind == KIND
        return list(enumerate(self.entries, 1))[after:][:limit]

    def state(self, *_):
        return None


def journal():
    its = Journal()
    log = AuditLog(its, clock=lambda: 0)
    for event in Event:
        log.append(its, event, "alice", number=1)
    return its


ENTRIES = journal()


@given(st.data())
def test_an_altered_audit_log(data):
    """Any other entries than those written, in number, order or content, are found; whatever they are."""
    its = Journal()
    its.content, its.entries = dict(ENTRIES.content), list(ENTRIES.entries)
    for _ in range(data.draw(st.integers(1, 4))):
        at, other = (data.draw(st.integers(0, max(0, len(its.entries) - 1))) for _ in range(2))
        blow = data.draw(st.sampled_from(["swap", "remove", "double", "alter", "end"]))
        if not its.entries:
            break
        if blow == "swap":
            its.entries[at], its.entries[other] = its.entries[other], its.entries[at]
        elif blow == "remove":
            del its.entries[at]
        elif blow == "double":
            its.entries.insert(other, its.entries[at])
        elif blow == "alter":
            its.entries[at] = data.draw(damaged([its.entries[at]]))
        else:
            del its.entries[at:]
    assert AuditLog(its).verify().intact == (its.entries == ENTRIES.entries)
