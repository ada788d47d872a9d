"""The C client against whatever a daemon may say and a program may ask: tests/support/c_client/fuzz.c."""

import json
from pathlib import Path

import cbor2
import fuzz_targets
import pytest

from firmware_bridge import c_client

ROOT = Path(__file__).parents[4]
SOURCES = Path(c_client.__path__[0])
VECTORS = json.loads((ROOT / "tests" / "golden" / "protocol.json").read_text())
TARGET = (
    f"-I{SOURCES}",
    SOURCES / "sigverify_client.c",
    ROOT / "tests" / "support" / "c_client" / "fuzz.c",
)
PIECE = 255
"""The target's pieces have a byte for their length."""


def arriving(step, data):
    """Return the steps by which bytes arrive."""
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
    return b"".join(step + bytes([len(each)]) + each + b"\7" for each in pieces)


def said(name, whom):
    """Return the step by which the daemon answers: what waits in a slot (0 to 3), or the handshake (4)."""
    vector = next(each for each in VECTORS["messages"] if each["name"] == name)
    fields = cbor2.loads(bytes.fromhex(vector["payload"]))[2]
    if name == "welcome":
        fields.pop("nonce")  # a client without a token: no corpus has the proof of one
    body = cbor2.dumps(fields)
    return b">" + bytes([vector["kind"], whom, len(body)]) + body + b"\7" + bytes(2)


def session():
    """Return the steps of every request and its answer."""
    text = b"\1\3ann"
    first = b"h" + text + b"\0" + said("welcome", 4)
    capture = b"b\1" + b"p\4\1\1\2\3\4" + said("credit", 7) + b"p\2\0\5\6\7\10"
    picture = b"B\4" + b"P\x64" + bytes(range(100)) + b"\4" + said("credit", 7)
    asked = [
        ("captured", b"e\1" + text + b"\0"),
        ("decision", b"v\1" + text + b"\0" + b"\1\7skilled" + b"\4\4\1\1"),
        ("matches", b"i\2" + text + b"\0\5\4"),
        ("enrolling", b"E\3" + text + b"\0" + b"\1\5staff" + b"\5"),
        ("enrolling", b"E\0" + text + b"\0" + b"\0" * 2 + b"\372"),  # no groups, and how many
        ("addition", b"a\0" + text + b"\0\1"),
        ("enrolled", b"C\0" + text + b"\0"),
        ("user_list", b"u\1" + text + b"\0"),
        ("error", b"f\2" + text + b"\0"),
        ("done", b"f\1" + text + b"\0"),
        ("about", b"n\3" + text + b"\0"),
        ("condition", b"H\0" + text + b"\0"),
    ]
    challenge = b"k\0" + text + b"\0" + said("challenged", 0)
    signed = b"S\1\3ann\1" + capture + challenge + b"s\1\1\1" + b"e\0" + text + b"\0" + said("captured", 0)
    return (
        [first + capture + b"".join(request + said(name, request[1]) for name, request in asked) + signed]
        + [first + capture + request + said(name, request[1]) for name, request in asked]
        + [first + signed]
        + [first + picture + b"e\1" + text + b"\0" + said("captured", 1)]
    )


@pytest.fixture(scope="session")
def corpus():
    frames = [bytes.fromhex(each["frame"]) for each in VECTORS["messages"]]
    payloads = [bytes.fromhex(each["payload"]) for each in VECTORS["messages"] + VECTORS["refused"]]
    faults = [bytes.fromhex(each) for each in VECTORS["faults"].values()]
    hello = b"h\1\3pen\1"
    too_long = bytes([0, *[255] * 3000, 0])
    welcome = {"version": 1, "max_payload": 8192, "window": 8, "credit": 1, "nonce": bytes(range(100))}
    breaking = [b"!\0\2" + session()[0], b"#\6" + session()[0][1:]]
    return [
        *(hello + arriving(b"<", each) for each in (*frames, *faults, too_long)),
        *(
            arriving(b"?", each) + hello + arriving(b"=", each)
            for each in (*payloads, cbor2.dumps([64, 1, welcome]))
        ),
        *session(),
        *breaking,
    ]


@pytest.mark.slow
def test_by_libfuzzer(corpus, tmp_path):
    fuzz_targets.fuzz(tmp_path, corpus, 20_000, *TARGET)


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory):
    return fuzz_targets.mutating(tmp_path_factory.mktemp("sanitized"), *TARGET)


def test_mutations_under_the_sanitizers(sanitized, corpus, tmp_path):
    fuzz_targets.mutate(sanitized, tmp_path, corpus, 100_000)


def test_mutations_under_valgrind(corpus, tmp_path):
    before = fuzz_targets.memcheck()
    program = fuzz_targets.mutating(tmp_path, *TARGET, valgrind=True)
    fuzz_targets.mutate(program, tmp_path, corpus, 500, before=before)


def test_the_session_of_the_corpus_has_every_answer(sanitized, tmp_path, monkeypatch):
    """Else the fuzzer would have to find out by itself how to shake hands."""
    monkeypatch.setenv("SIGVERIFY_FUZZ_TRACE", "1")
    said = fuzz_targets.mutate(sanitized, tmp_path, session()[:1], 0)
    told = {each["kind"] for each in VECTORS["messages"] if each["kind"] >= 64 and each["name"] != "credit"}
    assert {int(line) for line in said.splitlines()[:-1]} == told
