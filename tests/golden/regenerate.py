"""Write the golden files anew: `make golden`, only after a deliberate change of what they pin; read the diff.

genuine.csv, again.csv, forged.csv  scrawls of arithmetic (nobody's signature), the input of what follows
numbers.json                        features, distances and scores of them, to six digits or in integers
pictures.json                       digests of what is seen of their pictures, the same on every platform
template.bin, model.sigmodel        files of the current versions: later versions must go on reading them
page/texts.js (of the kiosk)        what the page says, in every language
protocol.json                       frames of the wire protocol, and bytes that are none

And what type checkers read of the package, sigverify/__init__.pyi.

store-v3.db is not written here: it is a store of the version before modalities, and stays for good. It was
made by the code of commit 2ed6e08, in its root and with PYTHONPATH=.:tests/support, by::

    from builders import arithmetic_engine, signature
    from sigverify import Key, Model, Verifier
    from sigverify.store import SqliteStore
    from sigverify.store.backup import backup

    store = SqliteStore("draft.db", key=Key(bytes(range(32))))
    engine = arithmetic_engine(Model.read("tests/golden/model.sigmodel"))
    with Verifier(store, engine) as verifier:
        verifier.enroll("alice", [signature(0, number) for number in range(3)], groups=["staff"])
        verifier.enroll("bob", [signature(1, number) for number in range(2)])
        verifier.verify("alice", signature(1, 7))  # rejected
        verifier.verify("alice", signature(0, 8))  # accepted
        verifier.forget("bob")
        verifier.enroll("bob", [signature(1, number) for number in range(2)])
        backup(store, "store-v3.db")
"""

import hashlib
import json
import sys
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

import sigverify
from firmware_bridge.kiosk.texts import script
from firmware_bridge.protocol import messages
from firmware_bridge.protocol.fields import to_map
from firmware_bridge.protocol.framing import frame
from firmware_bridge.protocol.handshake import Side, proof, transcript
from firmware_bridge.protocol.messages import encode
from sigverify import Signature, SignatureImage, Template, read_signature
from sigverify.manifest import Manifest, Precision
from sigverify.matching import cohort
from sigverify.matching.cues import PAIR
from sigverify.matching.distances import distances, spread
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.scoring import Scoring
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.modality.image.image import IMAGE
from sigverify.modality.pen.features import SERIES_CHANNELS, detail, features
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import Model
from sigverify.protection.keys import Key
from sigverify.signed.content import Form, pack
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.signed.signer import CaptureSigner
from sigverify.template import stored

HERE = Path(__file__).parent
PAGE_TEXTS = HERE.parents[1] / "firmware_bridge" / "kiosk" / "page" / "texts.js"
sys.path.insert(0, str(HERE.parent / "support"))

from public_stub import public_stub  # noqa: E402

CUES = tuple(cue for cue in PEN.cues if cue != PAIR)
"""Those that need no second network."""
NAMES = ("genuine", "again", "forged")
DIGITS = 6
INPUT_SCALE = np.float32(1 / 32)
"""Of an int8 input: ±4 in ±128."""


def scrawl(name: str) -> Signature:
    """Return a loopy scrawl, written anew ("again") or by another hand, slower ("forged")."""
    shift, pace = {"genuine": (0.0, 10), "again": (0.06, 10), "forged": (0.35, 14)}[name]
    t = np.linspace(0, 1, 160)
    x = 40 * np.sin(14 * t + shift) + 15 * np.cos(31 * t) + 220 * t
    y = 50 * np.sin(17 * t) + 20 * np.cos(29 * t + 2 * shift)
    pressure = 500 + 300 * np.sin(9 * t + shift)
    ink = np.abs(t - 0.55) > 0.02
    return Signature(x.round(2), y.round(2), pace * np.arange(160), pressure.round(), ink)


def to_csv(its: Signature) -> str:
    """Write the plain CSV format."""
    assert its.pressure is not None
    rows = zip(its.x, its.y, its.time_ms, its.pressure, its.ink, strict=True)
    lines = [f"{x:.2f},{y:.2f},{t:.0f},{p:.0f},{ink:d}" for x, y, t, p, ink in rows]
    return "\n".join(["x,y,time_ms,pressure,pen_down", *lines]) + "\n"


def embedding(its: Signature) -> Embedding:
    """Embed with arithmetic in place of a network, so that nothing here depends on a TFLite runtime."""
    values = features(its)
    sequence = np.tanh(values.reshape(len(values) // 2, 2, -1).mean(axis=1))[:, :8]
    vector = np.cos(np.arange(16)[:, None] * np.arange(1, values.shape[1] + 1)) @ values.std(axis=0)
    return Embedding.from_floats(
        values[:, :SERIES_CHANNELS],
        detail(values[np.newaxis])[0],
        sequence,
        vector / np.linalg.norm(vector),
        its.repaired.duration_ms,
    )


def numbers() -> dict[str, Any]:
    """Compute everything that numbers.json pins."""
    genuine, again, forged = (read_signature(HERE / f"{name}.csv") for name in NAMES)
    references = References.stack([embedding(genuine), embedding(again)])
    probe = embedding(forged)
    to_probe, between = distances(probe, references, CUES), spread(references, CUES)
    paths = NUMPY.paths(probe.series, references.series)
    return {
        "elastic_costs": paths.total.tolist(),
        "path_every_32nd_frame": [paths.first[:, ::32].tolist(), paths.last[:, ::32].tolist()],
        "features_every_32nd_frame": np.round(features(genuine)[::32].astype(float), DIGITS).tolist(),
        "input_every_32nd_frame": np.rint(features(genuine)[::32] / INPUT_SCALE).astype(int).tolist(),
        "distances": np.round(to_probe.astype(float), DIGITS).tolist(),
        "spread": np.round(between[0, 1].astype(float), DIGITS).tolist(),
        "score": round(float(Scoring.default(CUES).score(to_probe, between)), DIGITS),
        "score_of_one": round(float(Scoring.default(CUES).score(to_probe[:1], between[:1, :1])), DIGITS),
    }


def picture(its: Signature) -> SignatureImage:
    """Draw a signature by whole numbers alone: squares along its strokes, on unevenly lit paper."""
    grey = np.add.outer(np.zeros(260, np.int64), 250 - np.arange(480) // 12)
    points = np.stack([its.x, its.y])
    for share in np.arange(0, 1, 0.05):
        x, y = (points[:, :-1] + share * np.diff(points))[:, its.ink[1:]]
        column, row = np.rint(1.2 * (x + 90)).astype(int), np.rint(1.2 * (y + 90)).astype(int)
        for down in range(-2, 3):
            for across in range(-2, 3):
                grey[row + down, column + across] = 40
    return SignatureImage(grey.astype(np.uint8))


def pictures() -> dict[str, dict[str, str]]:
    """Compute everything that pictures.json pins."""
    out = {}
    for name in NAMES:
        image = picture(scrawl(name))
        inputs = IMAGE.encode(image.sheet.ink[np.newaxis])
        kept = Embedding.from_floats(
            IMAGE.series(inputs)[0], IMAGE.detail(inputs)[0], None, np.ones(1), image.sheet.aspect
        )
        parts = {
            "ink": np.packbits(image.ink.where),
            "sheet": np.rint(255 * image.sheet.ink).astype(np.uint8),
            "series": kept.series,
            "detail": kept.detail,
        }
        out[name] = {key: hashlib.sha256(each.tobytes()).hexdigest() for key, each in parts.items()}
    return out


def template() -> Template:
    """Return the template of template.bin."""
    its = [read_signature(HERE / f"{name}.csv") for name in ("genuine", "again")]
    references = stored(References.stack([embedding(each) for each in its]))
    return Template(
        user_id="golden",
        model_id="00112233445566ff",
        modality="pen",
        references=references,
        spread=spread(references, CUES),
        created=datetime(2024, 2, 29, tzinfo=UTC),
        strangers=Strangers(
            whole=NormalFit(mean=-8.5, deviation=1.25), reduced=NormalFit(mean=-7.0, deviation=2.5)
        ),
    )


def model() -> Model:
    """Return the model of model.sigmodel; its network is only bytes, its cohort two of the scrawls."""
    its = References.stack(
        [embedding(read_signature(HERE / f"{name}.csv")) for name in ("genuine", "forged")]
    )
    # Of the sizes of this model: numbers of an embedding again and again.
    people = replace(its, sequence=np.tile(its.sequence, 2), vector=np.tile(its.vector, 4) / 2)
    manifest = Manifest(
        name="golden",
        encoder="tdnn",
        precision=Precision.INT8,
        modality="pen",
        vector_size=64,
        sequence_shape=(128, 16),
        scoring=replace(Scoring.default(CUES), calibrated=True),
        provenance={"seed": 0},
    )
    return Model(manifest=manifest, network=bytes(range(256)), cohort=cohort.pack(people))


REFUSED: Final = {
    "a byte too many": "830f02a000",
    "an array of two": "820f02",
    "an array of no definite length": "9f0f02a0ff",
    "a map of no definite length": "830f02bfff",
    "a tag": "830fc24102a0",
    "a key twice": "830f02a2616101616102",
    "a key that is no text": "830f02a10102",
    "text that is no UTF-8": "830e02a167757365725f696461ff",
    "an id of more than 32 bits": "830f1b0000000100000000a0",
    "an unknown kind": "83186302a0",
    "a kind that only the daemon sends": "83184102a0",
    "five deep": "830f02a1616181818100",
    "a field missing": "830702a167757365725f696463616e6e",
    "a number for text": "830e02a167757365725f696401",
    "true for a number": "830702a267757365725f696463616e6e6763617074757265f5",
    "null": "830702a367757365725f696463616e6e67636170747572650163666d72f6",
    "not a number": "830702a367757365725f696463616e6e67636170747572650163666d72f97e00",
    "infinity": "830702a367757365725f696463616e6e67636170747572650163666d72f97c00",
}
"""Payloads that are no messages from a client, or none at all."""


PICTURE: Final = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2
"""The file of a picture, as far as the wire looks at it: no byte of it is read."""


def protocol() -> dict[str, Any]:
    """Return what protocol.json holds: messages with their payloads and frames, what is none, proofs."""
    token = Key(bytes(range(32)))
    said = conversation(token)
    digest = transcript(encode(*said[0]), encode(*said[1]))
    whole = frame(encode(1, messages.Info()))
    return {
        "version": messages.VERSION,
        "messages": [_vector(number, message) for number, message in said],
        "lengths": [
            {"payload_bytes": size, "frame": frame(b"\x01" * size).hex()} for size in (250, 251, 600)
        ],
        "faults": {
            "stuffing": "077465737400",
            "checksum": (whole[:2] + bytes([whole[2] ^ 1]) + whole[3:]).hex(),
        },
        "refused": [{"why": why, "payload": payload} for why, payload in REFUSED.items()],
        "token": bytes(range(32)).hex(),
        "transcript": digest.hex(),
        "proofs": {side.value: proof(token, digest, side).hex() for side in Side},
        "signed": signed_vectors(),
    }


def signed_vectors() -> dict[str, Any]:
    """Return what a pen signs, and by what, in each form and for each purpose."""
    its = signed_capture()
    key = bytes(range(64, 96))
    plain = replace(its, form=Form.STROKES, content=pack(replaced_pressure(its))[1])
    picture = replace(its, form=Form.PICTURE, content=PICTURE, purpose=Purpose.ENROLL, counter=2**32 - 1)
    return {
        "key": key.hex(),
        "captures": [
            {
                "device": each.device,
                "counter": each.counter,
                "nonce": each.nonce.hex(),
                "purpose": each.purpose.value,
                "form": each.form.value,
                "content": each.content.hex(),
                "text": each.signed().hex(),
                "mac": Key(key).mac(each.signed()).hex(),
            }
            for each in (its, plain, picture)
        ],
    }


def replaced_pressure(its: SignedCapture) -> Signature:
    """Return signed strokes as a pen without pressure would have them."""
    strokes = its.read()
    if not isinstance(strokes, Signature):
        raise TypeError("strokes are wanted")
    return Signature(strokes.x, strokes.y, strokes.time_ms, None, strokes.ink)


def conversation(token: Key) -> list[tuple[int, messages.Message]]:
    """Return a conversation with every kind of message, the daemon's answers in their places."""
    hello = messages.Hello(version=1, max_payload=2048, name="pen", nonce=bytes(range(16, 32)))
    welcome = messages.Welcome(
        version=1,
        max_payload=8192,
        window=8,
        credit=16,
        nonce=bytes(range(16)),
        capabilities=("identify", "verify"),
    )
    digest = transcript(encode(1, hello), encode(1, welcome))
    said: list[tuple[int, messages.Message]] = [
        (1, hello),
        (1, welcome),
        (2, messages.Authenticate(proof=proof(token, digest, Side.CLIENT))),
        (2, messages.Done(proof=proof(token, digest, Side.DAEMON))),
        (0, messages.Begin(capture=1)),
        (0, messages.Points(capture=1, seq=0, x=(10, 12, 300), y=(-5, 0.5, 70000), t=(0, 8, 16),
                            p=(0, 512, 1023), d=(False, True, True))),
        (0, messages.Points(capture=1, seq=1, x=(301.25,), y=(0.1,), t=(24,), p=(3,))),
        (0, messages.Credit(points=8)),
        (3, messages.End(capture=1, pieces=2)),
        (3, messages.Captured(samples=4, duration_ms=24)),
        (4, messages.Verify(user_id="ann", capture=1, fmr=0.01, impostor="skilled", refer_fmr=0.05)),
        (4, messages.DecisionMade(outcome="refer", accepted=False, reason="unsure", score=0.5,
                                  threshold=0.625, confidence=0.75, unlike=("speed",), retry_after_s=0,
                                  latency_ms=1.5)),
        (0, messages.Cancel(capture=2)),
        (5, messages.Identify(capture=3, top_k=2, fpir=0.01, among="staff")),
        (5, messages.Matches(user_ids=("ann", "bob"), scores=(0.75, 0.25))),
        (6, messages.Enroll(user_id="Zoë", references=5, replace=True, groups=("staff",))),
        (6, messages.Enrolling(remaining=5)),
        (7, messages.Add(capture=4)),
        (7, messages.AdditionMade(accepted=False, reason="too_simple", remaining=5, duration_ms=900,
                                  complexity=0.125, flaw="too_simple")),
        (8, messages.Commit()),
        (8, messages.Enrolled(user_id="Zoë", references=5, template_bytes=20000, model_id="0123456789abcdef",
                              created_ms=1709209815250, complexity=0.5, consistency=0.75,
                              reasons=("taken",) * 5, latency_ms=12, strangers=0.125,
                              cautions=("many_strangers",))),
        (9, messages.Abandon()),
        (10, messages.Users(after="ann")),
        (10, messages.UserList(user_ids=("bob", "Zoë"), more=True)),
        (11, messages.Forget(user_id="bob")),
        (11, messages.Error(status=41, name="UnknownUser", message="nobody of that id is enrolled")),
        (12, messages.Info()),
        (12, messages.About(sdk_version="0.1.0", model="base", model_id="0123456789abcdef",
                            max_samples=32768, max_references=12, max_image_bytes=4194304)),
        (13, messages.Health()),
        (70000, messages.Condition(ready=True, uptime_s=86400.5, clients=3, waiting=0)),
        (14, messages.Enroll(user_id="ann", references=5, replace=True, groups=("staff",), modality="image")),
        (14, messages.Enrolling(remaining=5)),
        (0, messages.BeginImage(capture=5, size=len(PICTURE))),
        (0, messages.Image(capture=5, seq=0, data=PICTURE[:300])),
        (0, messages.Image(capture=5, seq=1, data=PICTURE[300:])),
        (15, messages.End(capture=5, pieces=2, crc=zlib.crc32(PICTURE))),
        (15, messages.Captured(samples=0, duration_ms=0, size=len(PICTURE))),
        (16, messages.Verify(user_id="ann", capture=6, second=5)),
        (16, messages.DecisionMade(outcome="accept", accepted=True, reason="alike", score=0.75,
                                   threshold=0.625, confidence=0.75, kinds=("pen", "image"),
                                   scores=(0.875, 0.5))),
        *signed_conversation(),
    ]  # fmt: skip
    return said


def signed_conversation() -> list[tuple[int, messages.Message]]:
    """Return how a capture is signed, and what is said of one that comes a second time."""
    its = signed_capture()
    first, second = SIGNED_SAMPLES[:5], SIGNED_SAMPLES[5:]
    return [
        (0, messages.Begin(capture=7)),
        (17, messages.Challenge()),
        (0, _points(0, first)),
        (17, messages.Challenged(nonce=its.nonce, life_s=120)),
        (0, _points(1, second)),
        (18, messages.End(capture=7, pieces=2, **its.proof())),
        (18, messages.Captured(samples=len(SIGNED_SAMPLES), duration_ms=72)),
        (19, messages.Verify(user_id="ann", capture=7)),
        (
            19,
            messages.Error(status=13, name="UntrustedCapture", message="sign anew", reason="counted_before"),
        ),
    ]


def _points(seq: int, rows: list[tuple[float, float, float, float, bool]]) -> messages.Points:
    x, y, t, p, ink = zip(*rows, strict=True)
    return messages.Points(capture=7, seq=seq, x=x, y=y, t=t, p=p, d=None if all(ink) else ink)


SIGNED_SAMPLES: Final = [
    (
        10 * at if at % 2 else 10 * at + 0.1,
        70000 - at * at,
        8 * at,
        0.25 * at if at % 4 else at // 4,
        at not in (0, 4),
    )
    for at in range(10)
]
"""x, y, t, p and ink: whole numbers and others, and a lift of the pen."""


def signed_capture() -> SignedCapture:
    """Return those samples as a pen signs them."""
    columns = [list(each) for each in zip(*SIGNED_SAMPLES, strict=True)]
    signer = CaptureSigner("pen-7", Key(bytes(range(64, 96))), lambda: 70001)
    return signer.sign(Signature(*columns), bytes(range(32, 48)), Purpose.DECIDE)


def _vector(number: int, message: messages.Message) -> dict[str, Any]:
    """Return one message with its bytes; byte strings of the body as {"hex": …}."""
    payload = encode(number, message)
    kind = next(kind for kind, each in messages.KINDS.items() if type(message) is each)
    body = {
        name: {"hex": value.hex()} if isinstance(value, bytes) else value
        for name, value in to_map(message).items()
    }
    content = {"name": kind.name.lower(), "kind": kind.value, "id": number, "body": body}
    return content | {"payload": payload.hex(), "frame": frame(payload).hex()}


def main() -> None:
    """Write all files."""
    for name in NAMES:
        (HERE / f"{name}.csv").write_text(to_csv(scrawl(name)))
    (HERE / "numbers.json").write_text(json.dumps(numbers(), indent=1) + "\n")
    (HERE / "pictures.json").write_text(json.dumps(pictures(), indent=1) + "\n")
    (HERE / "protocol.json").write_text(json.dumps(protocol(), indent=1, ensure_ascii=False) + "\n")
    PAGE_TEXTS.write_text(script())
    (HERE / "template.bin").write_bytes(template().to_bytes())
    (HERE / "model.sigmodel").write_bytes(model().to_bytes())
    Path(sigverify.__file__).with_suffix(".pyi").write_text(public_stub())


if __name__ == "__main__":
    main()
