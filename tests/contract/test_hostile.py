"""Hostile and broken input, and the one typed error each ends in: nothing crashes, hangs, or is half done.

A row is a name, what is done, and the error. `tests/fuzz` looks for rows that are missing here.
"""

import itertools
import time

import numpy as np
import pytest
from builders import arithmetic_matcher, model, signature, template

from sigverify import errors
from sigverify.audit import AuditLog
from sigverify.formats import plain_csv, read_signature, signature_pad
from sigverify.manifest import Manifest
from sigverify.modality.pen.signature import MAX_COORDINATE, MAX_SAMPLES, Signature
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.policy.lockout import Schedule
from sigverify.protection.keys import Key
from sigverify.protection.sealing import Sealer
from sigverify.protection.signing import ModelSignature, Trust
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.transfer import export_template, import_template
from sigverify.template import Template
from sigverify.verifier import Verifier

N = 50
GOOD = {
    "x": np.linspace(0, 100, N),
    "y": np.sin(np.linspace(0, 20, N)),
    "time_ms": 10.0 * np.arange(N),
}
PROBE = signature(0, 9)
MEGABYTE = "x" * 2**20


def spoilt(column, value, at=7):
    """The good signature with one value in one column."""
    values = np.ones(N) if column == "pressure" else GOOD[column].copy()
    values[at] = value
    return Signature(**GOOD | {column: values})


def of(**columns):
    return Signature(**GOOD | columns)


def raising():
    raise OSError("the tablet was unplugged")
    yield 1


SIGNATURES = {
    "NaN in x": lambda: spoilt("x", np.nan),
    "NaN in time": lambda: spoilt("time_ms", np.nan),
    "infinite y": lambda: spoilt("y", np.inf),
    "infinite time": lambda: spoilt("time_ms", -np.inf),
    "NaN pressure": lambda: spoilt("pressure", np.nan),
    "negative pressure": lambda: spoilt("pressure", -1),
    "huge coordinates": lambda: spoilt("x", 1.01 * MAX_COORDINATE),
    "coordinates beyond any square": lambda: spoilt("y", 1e300),
    "time beyond any clock": lambda: spoilt("time_ms", 1e21),
    "time beyond any difference": lambda: of(time_ms=[-1.7e308, 1.7e308] * (N // 2)),
    "a long double beyond float64": lambda: of(x=np.full(N, np.longdouble("1e4000"))),
    "no samples": lambda: Signature([], [], []),
    "one sample": lambda: Signature([1], [2], [3]),
    "ten million samples": lambda: Signature(*np.zeros((3, 10**7))),
    "ten million samples in lists": lambda: Signature([0.0] * 10**7, [0.0] * 10**7, [0.0] * 10**7),
    "10^12 samples that take no memory": lambda: of(x=np.broadcast_to(0.0, 10**12)),
    "rows of 10^12 columns": lambda: of(x=np.broadcast_to(0.0, (N, 10**12))),
    "samples without end": lambda: of(x=itertools.count()),
    "columns of other lengths": lambda: of(y=np.zeros(N + 1)),
    "text": lambda: of(x=["1"] * N),
    "one text": lambda: of(x="1" * N),
    "complex numbers": lambda: of(x=1j * GOOD["x"]),
    "dates": lambda: of(time_ms=np.arange(N).astype("datetime64[ms]")),
    "objects": lambda: of(x=[object()] * N),
    "integers beyond float64": lambda: of(x=[10**400] * N),
    "ragged lists": lambda: of(x=[[1], [1, 2]] * (N // 2)),
    "two dimensions": lambda: of(x=np.zeros((N, 1))),
    "nothing": lambda: of(x=None),
    "a number": lambda: of(x=5),
    "pen_down of 2": lambda: of(pen_down=[2] * N),
    "pen_down of NaN": lambda: of(pen_down=[np.nan] * N),
    "the pen never down": lambda: of(pen_down=[False] * N),
    "all ink on one spot": lambda: of(x=np.zeros(N), y=np.zeros(N)),
    "strokes of one point each": lambda: Signature.from_strokes([[[i, i, 10 * i]] for i in range(N)]),
    "no strokes": lambda: Signature.from_strokes([]),
    "empty strokes": lambda: Signature.from_strokes([[], []]),
    "strokes that are none": lambda: Signature.from_strokes([None]),
    "no list of strokes": lambda: Signature.from_strokes(5),
    "strokes of text": lambda: Signature.from_strokes([[["1", "2", "3"]] * N]),
    "strokes of integers beyond float64": lambda: Signature.from_strokes([[[10**400, 1, 2]] * N]),
    "strokes without end": lambda: Signature.from_strokes([[0, 0, i]] for i in itertools.count()),
    "strokes of two columns": lambda: Signature.from_strokes([[[1, 2]] * N]),
    "pressure in one stroke only": lambda: Signature.from_strokes([[[1, 2, 3]] * N, [[1, 2, 3, 4]] * N]),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_no_signature(name):
    start = time.monotonic()
    with pytest.raises(errors.InvalidSignature):
        SIGNATURES[name]()
    assert time.monotonic() - start < 5


def test_what_an_iterator_raises_is_its_owners():
    with pytest.raises(OSError, match="unplugged"):
        of(x=raising())


ODD = {
    "zero duration": of(time_ms=np.zeros(N)),
    "unsorted time": of(time_ms=np.random.default_rng(0).permutation(GOOD["time_ms"])),
    "time running backwards": of(time_ms=-GOOD["time_ms"]),
    "time since 1970": of(time_ms=1.7e12 + GOOD["time_ms"]),
    "time so late that steps vanish": of(time_ms=1e19 + GOOD["time_ms"]),
    "eleven days long": of(time_ms=np.linspace(0, MAX_COORDINATE, N)),
    "the largest coordinates": of(x=np.linspace(-MAX_COORDINATE, MAX_COORDINATE, N)),
    "the smallest coordinates": of(x=5e-324 * np.arange(N), y=np.zeros(N)),
    "a straight line": of(y=np.zeros(N)),
    "all but one sample on one spot": of(x=np.eye(N)[-1], y=np.zeros(N)),
    "the pen up at every second sample": of(pen_down=[True, False] * (N // 2)),
    "no pressure at all": of(pressure=np.zeros(N)),
    "the smallest pressure": of(pressure=np.full(N, 5e-324)),
    "the largest pressure": of(pressure=np.full(N, MAX_COORDINATE)),
    "as many samples as may be": Signature(
        *np.cumsum(np.random.default_rng(0).normal(size=(2, MAX_SAMPLES)), axis=1),
        10.0 * np.arange(MAX_SAMPLES),
    ),
    "whole numbers": Signature(range(N), range(0, 2 * N, 2), range(0, 10 * N, 10)),
}
"""A device's mess, and what a forger may try: signatures all the same, to which there must be an answer."""


@pytest.fixture
def verifier():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.unguarded()) as opened:
        opened.enroll("alice", [signature(0, number) for number in range(5)], quality="record")
        yield opened


@pytest.mark.parametrize("name", ODD)
def test_odd_signatures_get_an_answer(name, verifier):
    decision = verifier.verify("alice", ODD[name])
    assert not decision.accepted
    assert 0 <= verifier.score("alice", ODD[name]) <= 1
    found = verifier.identify(ODD[name])
    assert found.flaw is decision.flaw
    assert [match.user_id for match in found] == ([] if found.flaw else ["alice"])
    verifier.enroll("odd", [ODD[name]], quality="record")
    assert 0 <= verifier.score("odd", PROBE) <= 1


NO_USER_IDS = ["", "a\0b", "x" * 257, MEGABYTE, "\ud800", None, 5, b"alice", ["alice"]]
CALLS = {
    "enroll": lambda verifier, user: verifier.enroll(user, [PROBE], quality="record"),
    "enrollment": lambda verifier, user: verifier.enrollment(user),
    "verify": lambda verifier, user: verifier.verify(user, PROBE),
    "score": lambda verifier, user: verifier.score(user, PROBE),
    "forget": lambda verifier, user: verifier.forget(user),
    "store.get": lambda verifier, user: verifier.store.get(user, "pen"),
    "template": lambda _, user: template(user, 1),
}


@pytest.mark.parametrize("user", NO_USER_IDS, ids=lambda user: repr(user)[:12])
@pytest.mark.parametrize("call", CALLS)
def test_no_user_id(call, user, verifier):
    with pytest.raises(errors.ConfigError) as raised:
        CALLS[call](verifier, user)
    assert len(str(raised.value)) < 500
    assert verifier.users() == ("alice",)


@pytest.mark.parametrize("user", ["x" * 256, "Ω" * 256, "' OR 1=1 --", "../../etc", " ", "%00", "-"])
def test_strange_user_ids_are_only_names(user, verifier):
    verifier.enroll(user, [PROBE], quality="record")
    assert user in verifier.users()
    verifier.forget(user)
    assert verifier.users() == ("alice",)


def test_a_user_id_that_hides_something_is_not_enrolled(verifier):
    with pytest.raises(errors.ConfigError, match="nobody sees"):
        verifier.enroll("a\nb", [PROBE], quality="record")
    assert verifier.users() == ("alice",)


ASKED = {
    "no signature": (lambda v: v.verify("alice", None), errors.InvalidSignature),
    "an array": (lambda v: v.verify("alice", np.zeros((N, 3))), errors.InvalidSignature),
    "a path": (lambda v: v.score("alice", "alice.csv"), errors.InvalidSignature),
    "no signature to identify": (lambda v: v.identify(None), errors.InvalidSignature),
    "nobody of that name": (lambda v: v.verify("mallory", PROBE), errors.UnknownUser),
    "nobody to forget": (lambda v: v.forget("mallory"), errors.UnknownUser),
    "enrolled twice": (lambda v: v.enroll("alice", [PROBE], quality="record"), errors.AlreadyEnrolled),
    "no references": (lambda v: v.enroll("bob", []), errors.EnrollmentError),
    "too many references": (lambda v: v.enroll("bob", [PROBE] * 13), errors.EnrollmentError),
    "references without end": (lambda v: v.enroll("bob", itertools.repeat(PROBE)), errors.EnrollmentError),
    "a reference that is none": (lambda v: v.enroll("bob", [PROBE, None]), errors.InvalidSignature),
    "the same capture twice": (lambda v: v.enroll("bob", [PROBE, PROBE]), errors.EnrollmentError),
    "a quality of no kind": (lambda v: v.enroll("bob", [PROBE], quality="any"), errors.ConfigError),
    "FMR 0": (lambda v: v.verify("alice", PROBE, fmr=0), errors.ConfigError),
    "FMR 1": (lambda v: v.verify("alice", PROBE, fmr=1), errors.ConfigError),
    "a negative FMR": (lambda v: v.verify("alice", PROBE, fmr=-0.01), errors.ConfigError),
    "FMR NaN": (lambda v: v.verify("alice", PROBE, fmr=float("nan")), errors.ConfigError),
    "FMR infinite": (lambda v: v.verify("alice", PROBE, fmr=float("inf")), errors.ConfigError),
    "FMR beyond calibration": (lambda v: v.verify("alice", PROBE, fmr=1e-9), errors.ConfigError),
    "FMR in words": (lambda v: v.verify("alice", PROBE, fmr="low"), errors.ConfigError),
    "an impostor of no kind": (lambda v: v.verify("alice", PROBE, impostor="lucky"), errors.ConfigError),
    "a rate to refer at below the other": (
        lambda v: v.verify("alice", PROBE, fmr=0.05, refer_fmr=0.01),
        errors.ConfigError,
    ),
    "top 0": (lambda v: v.identify(PROBE, top_k=0), errors.ConfigError),
    "top -1": (lambda v: v.identify(PROBE, top_k=-1), errors.ConfigError),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_cannot_be_asked(name, verifier):
    ask, error = ASKED[name]
    with pytest.raises(error):
        ask(verifier)
    assert verifier.users() == ("alice",)
    assert verifier.score("alice", PROBE) > 0.5


SETTINGS = {
    "nothing remembered": lambda: Policy(remembered=0),
    "too much remembered": lambda: Policy(remembered=10**9),
    "nothing to refer": lambda: Policy(fmr=0.05, refer_fmr=0.01),
    "a score that tells who is enrolled": lambda: Policy(reveal_unknown=False),
    "no tries": lambda: Schedule(tries=0),
    "a wait without end": lambda: Schedule(longest_s=float("inf")),
    "a wait of NaN": lambda: Schedule(first_s=float("nan")),
    "waits that grow shorter": lambda: Schedule(factor=0.5),
    "trust in no key": lambda: Trust(public_keys=()),
    "trust in half a key": lambda: Trust(public_keys=(bytes(16),)),
    "trust in version 0": lambda: Trust(public_keys=(bytes(32),), minimum_version=0),
    "no threads": lambda: Verifier.open(MEMORY, threads=0),
    "threads in words": lambda: Verifier.open(MEMORY, threads="many"),
    "a runtime of no kind": lambda: Verifier.open(MEMORY, runtime="abacus"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_make_no_sense(name):
    with pytest.raises(errors.ConfigError):
        SETTINGS[name]()


CSV = plain_csv.encode(of())
PAD = signature_pad.encode(of())
FILES = {
    "nothing": (b"", errors.UnknownFormat),
    "white space": (b" \n\t\n", errors.UnknownFormat),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), errors.UnknownFormat),
    "zeros": (bytes(100_000), errors.UnknownFormat),
    "half a line": (CSV[: CSV.index(b"\n") + 4], errors.FormatError),
    "a CSV header alone": (b"x,y,time_ms\n", errors.InvalidSignature),
    "NaN in a CSV": (CSV + b"nan,1,2,1\n", errors.FormatError),
    "infinity in a CSV": (CSV + b"1e999,1,2,1\n", errors.FormatError),
    "NUL in a CSV": (CSV + b"1\0,1,2,1\n", errors.FormatError),
    "a column twice": (b"x,x,y,time_ms\n" + b"1,1,2,3\n" * 9, errors.FormatError),
    "half a JSON": (PAD[: len(PAD) // 2], errors.FormatError),
    "NaN in a JSON": (b'[[{"x":NaN,"y":1,"time":1}]]', errors.FormatError),
    "a JSON 100,000 deep": (b"[" * 100_000, errors.FormatError),
    "a JSON of an object without strokes": (b"{}", errors.FormatError),
    "a JSON integer of 5,000 digits": (b'[[{"x":' + b"9" * 5000 + b',"y":1,"time":1}]]', errors.FormatError),
    "an SVC2004 count that promises more": (b"999\n" + b"1 2 3 1\n" * 9, errors.FormatError),
    "an SVC2004 count of billions": (b"999999999\n1 2 3 1\n", errors.InvalidSignature),
    "an SVC2004 count of 5,000 digits": (b"9" * 5000 + b"\n1 2 3 1\n", errors.FormatError),
    "an SVC2004 count behind a separator": (b"\x1c9\n" + b"1 2 3 1\n" * 9, errors.SigverifyError),
    "half a SUSIG": (b"X, Y, TStamp, Pres., EndPts\nDataSize: 99\n1 2 3 4 0\n", errors.FormatError),
    "a SUSIG without its count": (b"X, Y, TStamp, Pres., EndPts\n", errors.FormatError),
    "half a SigComp": (b"NLDCC-001_001_001 99\n1 2 3 4 5\n", errors.FormatError),
    "more lines than a signature has": (
        b"x,y,time_ms\n" + b"1,2,3\n" * (MAX_SAMPLES + 1),
        errors.InvalidSignature,
    ),
    "one line of 30 MB": (b"x,y,time_ms\n" + b"," * 30_000_000, errors.FormatError),
    "quotes without end": (b"x,y,time_ms\n" + b'"' * 30_000_000, errors.FormatError),
    "30 MB of blank lines": (b"\n" * 30_000_000, errors.SigverifyError),
    "a million JSON lines": (b"[1]\n" * 1_000_000, errors.InvalidSignature),
    "a point of 100,000 keys": (
        b'[[{"x":1,' + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}]]",
        errors.FormatError,
    ),
    "a JSON string in a string in a string": (b'"' + b'\\"' * 100_000 + b'"', errors.FormatError),
    "objects in objects": (b'{"data":' * 500 + b"1" + b"}" * 500, errors.FormatError),
    "65 MiB": (b"x,y,time_ms\n" + bytes(65 * 2**20), errors.FormatError),
}


@pytest.mark.parametrize("name", FILES)
def test_no_signature_file(name):
    data, error = FILES[name]
    start = time.monotonic()
    with pytest.raises(error) as raised:
        read_signature(data)
    assert time.monotonic() - start < 5
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("path", ["a\0b", "/", "", "/dev/zero", "missing.csv", None, 5])
def test_no_path_of_a_signature(path):
    with pytest.raises(errors.FormatError):
        read_signature(path)


ONE = template("alice", 2).to_bytes()
MODEL = model().to_bytes()
BYTES = {
    "no template": (lambda: Template.from_bytes(b""), errors.MalformedTemplate),
    "half a template": (lambda: Template.from_bytes(ONE[: len(ONE) // 2]), errors.MalformedTemplate),
    "a template and more": (lambda: Template.from_bytes(ONE + b"\0"), errors.MalformedTemplate),
    "a template with one bit turned": (
        lambda: Template.from_bytes(ONE[:900] + bytes([ONE[900] ^ 1]) + ONE[901:]),
        errors.MalformedTemplate,
    ),
    "a template of another version": (
        lambda: Template.from_bytes(ONE[:4] + b"\x09" + ONE[5:]),
        errors.MalformedTemplate,
    ),
    "no model": (lambda: Model.from_bytes(b""), errors.MalformedModel),
    "half a model": (lambda: Model.from_bytes(MODEL[: len(MODEL) // 2]), errors.MalformedModel),
    "a model and more": (lambda: Model.from_bytes(MODEL + b"\0"), errors.MalformedModel),
    "a model with one bit turned": (
        lambda: Model.from_bytes(MODEL[:200] + bytes([MODEL[200] ^ 1]) + MODEL[201:]),
        errors.MalformedModel,
    ),
    "a model that promises 2^63 bytes": (
        lambda: Model.from_bytes(MODEL[:16] + b"\xff" * 7 + b"\x7f" + MODEL[24:]),
        errors.MalformedModel,
    ),
    "a model of another version": (
        lambda: Model.from_bytes(MODEL[:8] + b"\x09" + MODEL[9:]),
        errors.IncompatibleModel,
    ),
    "a manifest 100,000 deep": (lambda: Manifest.from_json(b"[" * 100_000), errors.MalformedModel),
    "a model for other features": (
        lambda: Model.from_bytes(model(features_version=99).to_bytes()),
        errors.IncompatibleModel,
    ),
    "a network that is none": (lambda: Verifier.open(MEMORY, model=model()), errors.MalformedModel),
    "a template in place of a model": (lambda: Model.from_bytes(ONE), errors.MalformedModel),
    "a model in place of a template": (lambda: Template.from_bytes(MODEL), errors.MalformedTemplate),
    "no signature of a model": (lambda: ModelSignature.from_bytes(b""), errors.UntrustedModel),
    "half a signature of a model": (
        lambda: ModelSignature.from_bytes(b"SIGMSIGN" + bytes(50)),
        errors.UntrustedModel,
    ),
    "no key": (lambda: Key(b""), errors.KeyUnavailable),
    "a key of zeros": (lambda: Key(bytes(32)), errors.KeyUnavailable),
    "a key of 31 bytes": (lambda: Key.parse(bytes(range(31))), errors.KeyUnavailable),
    "a key file that never ends": (lambda: Key.from_file("/dev/zero"), errors.KeyUnavailable),
    "sealed bytes that are too few": (
        lambda: Sealer(Key.generate(), bytes(16)).open("record", b"short"),
        errors.DamagedStore,
    ),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_not_what_they_should_be(name):
    call, error = BYTES[name]
    with pytest.raises(error):
        call()


@pytest.mark.parametrize("path", ["a\0b", "/", "missing.sigmodel", "/dev/zero", "", None, 5, b"base"])
def test_no_path_of_a_model(path):
    with pytest.raises(errors.ModelError):
        Verifier.open(MEMORY, model=path)


@pytest.mark.parametrize(
    "path", ["a\0b", "/", "/missing/store.db", "/dev/null/store.db", None, 5, b"store.db"]
)
def test_no_path_of_a_store(path):
    with pytest.raises(errors.StoreError):
        SqliteStore(path, key=Key.generate())


@pytest.fixture
def file(tmp_path):
    """A store with two people, its key, and nobody who has it open."""
    key = Key.generate()
    with SqliteStore(tmp_path / "store.db", key=key) as store:
        store.put(template("alice", 1, seed=1))
        store.put(template("bob", 1, seed=2))
    return tmp_path / "store.db", key


def test_the_wrong_key(file):
    with pytest.raises(errors.WrongKey):
        SqliteStore(file[0], key=Key.generate())


def test_no_key_where_there_was_one(file):
    with pytest.raises(errors.StoreError):
        SqliteStore(file[0])


def test_half_a_store(file):
    path, key = file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(errors.StoreError), SqliteStore(path, key=key) as store:
        [store.get(user, "pen") for user in ("alice", "bob")]


def test_one_persons_row_in_anothers_place(file):
    path, key = file
    with SqliteStore(path, key=key) as store:
        rows = store.database.execute("SELECT subject, content FROM templates").fetchall()
        (one, first), (other, second) = rows
        for subject, content in ((one, second), (other, first)):
            store.database.execute("UPDATE templates SET content = ? WHERE subject = ?", (content, subject))
        for user in ("alice", "bob"):
            with pytest.raises(errors.DamagedStore):
                store.get(user, "pen")


def test_another_models_template(file):
    path, key = file
    with SqliteStore(path, key=key) as store:
        with pytest.raises(errors.StoreError, match="another model"):
            store.put(template("carol", 1, model_id="f" * 16))
        with pytest.raises(errors.StoreError, match="another model"):
            Verifier(store, arithmetic_matcher())


def test_an_exported_template_under_the_wrong_key_or_damaged(file):
    path, key = file
    transport = Key.generate()
    with SqliteStore(path, key=key) as store, SqliteStore(MEMORY) as other:
        data = export_template(store, "alice", "pen", transport)
        with pytest.raises(errors.WrongKey):
            import_template(other, data, Key.generate())
        with pytest.raises(errors.WrongKey):
            import_template(other, data[:-1], transport)
        with pytest.raises(errors.MalformedTemplate):
            import_template(other, data[:10], transport)
        with pytest.raises(errors.MalformedTemplate):
            import_template(other, b"", transport)
        assert other.users() == ()
        assert AuditLog(other).verify().intact
