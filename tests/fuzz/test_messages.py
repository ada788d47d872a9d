"""Whatever is handed to a parser, no message, log or repr repeats samples or more than 100 characters."""

import json
import logging

import pytest
from builders import CUES, model, template
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.kiosk.live import Draft
from firmware_bridge.kiosk.reading import read_body
from firmware_bridge.kiosk.schemas import named, shape
from firmware_bridge.protocol.fields import checked_map
from firmware_bridge.protocol.messages import Points, decode
from sigverify.audit import Anchor
from sigverify.corpora import open_corpus
from sigverify.corpora.registry import parse_synthetic
from sigverify.errors import MAX_QUOTED, SigverifyError
from sigverify.evaluation.report import Report
from sigverify.formats import read_recording, read_signature, signature_pad
from sigverify.formats.recording import Recording
from sigverify.manifest import Manifest
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.protection.keys import Key
from sigverify.protection.signing import ModelSignature
from sigverify.template import Template
from sigverify.training.config import TrainConfig

MARK = "Wq"
SAMPLE = "48151.62342"
PIECES = (
    *(f"{MARK}{mark}" * 300 for mark in ("", " ", "\n", ",", ";", "\t", "'", '"', "/", "\\", "é", "\x01")),
    *(f"{SAMPLE}{mark}" * 60 for mark in (" ", "\n", ",", ";", ",1,2\n", " 1 2 1\n", "e5 ", "e999,1\n")),
)
WITHIN = {
    "plain": "{}",
    "one line": "x,y,time_ms\n{}\n",
    "a cell": "x,y,time_ms\n" + "1,2,3\n" * 9 + '1,"{}",3\n',
    "a name": "x,y,time_ms,{}\n" + "1,2,3,4\n" * 9,
    "a comment": "# {}\n",
    "SVC2004": "9\n" + "1 2 3 1\n" * 8 + "{}\n",
    "SUSIG": "X, Y, TStamp, Pres., EndPts\nDataSize: 9\n{}\n",
    "a header": "{} 9\n1 2 3 4 5\n",
    "JSON": "{}]",
    "a group": '[{"points": {}}]',
    "a value": '[[{"x": "{}", "y": 1, "time": 1}]]',
    "a key": '[[{"{}": 1, "y": 1, "time": 1}]]',
    "an object": '{"{}": "{}"}',
    "a number": '[[{"x": {}, "y": 1, "time": 1}]]',
    "strokes as text": '{"strokes": "{}"}',
    "a stamp": '[[{"x": 1, "y": 1, "time": "2026-01-01T00:00:00 {}"}]]',
    "TOML": "{} = 1\n",
    "a table of TOML": '[losses]\n"{}" = "{}"\n',
    "a setting": 'encoder = "{}"\nepochs = "{}"\n',
    "a stroke": '{"type": "stroke", "points": "{}"}',
    "a point": '{"type": "stroke", "points": ["{}"]}',
    "a kind": '{"type": "{}"}',
}
CONTENT = st.builds(
    lambda form, pieces: form.replace("{}", "".join(pieces)),
    st.sampled_from(list(WITHIN.values())),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
)


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def as_object(text):
    content = parsed(text)
    return content if isinstance(content, dict) else {text: content}


MODEL, TEMPLATE = model().to_bytes(), template("alice", 1).to_bytes()
BODY = shape(user_id={"type": "string"}, strokes=named("Strokes"), more={"type": "array"})
PARSERS = {
    "read_signature": lambda text: read_signature(text.encode()),
    "read_signature of text": read_signature,
    "read_recording in UTF-16": lambda text: read_recording(text.encode("utf-16")),
    "from_groups": lambda text: signature_pad.from_groups(parsed(text)),
    "Signature": lambda text: Signature(text, [text], [text] * 9),
    "Signature of numbers": lambda text: Signature([text, 1.0], 1, 2),
    "from_strokes": lambda text: Signature.from_strokes([[text, text, text]] * 9),
    "wire": lambda text: decode(text.encode()),
    "captures": lambda text: checked_map(Points(capture=1, seq=0, x=text, y=text, t=text)),
    "kiosk": lambda text: read_body(text, BODY),
    "live": lambda text: Draft().take(text),
    "corpus": open_corpus,
    "synthetic": parse_synthetic,
    "configuration": TrainConfig.from_toml,
    "configuration parsed": lambda text: TrainConfig.from_dict(as_object(text)),
    "model": lambda text: Model.from_bytes(text.encode()),
    "model's end": lambda text: Model.from_bytes(MODEL[:24] + text.encode()),
    "model's path": Model.read,
    "manifest": lambda text: Manifest.from_json(text.encode()),
    "scoring": lambda text: Scoring.from_dict(CUES, {"1": as_object(text)}),
    "template": lambda text: Template.from_bytes(text.encode()),
    "template's end": lambda text: Template.from_bytes(TEMPLATE[:80] + text.encode()),
    "user id": lambda text: template(text, 1),
    "model's signature": lambda text: ModelSignature.from_bytes(text.encode()),
    "key": lambda text: Key.parse(text.encode()),
    "anchor": Anchor.parse,
    "report": Report.from_json,
}


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__(0)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def said_of(parse, text):
    """Return all that is said while `text` is parsed: message, causes, log, or the repr of what was read."""
    kept, root = Kept(), logging.getLogger()
    root.addHandler(kept)
    try:
        read = parse(text)
        return [*kept.said, *(repr(each) for each in (read,) if isinstance(each, REPRS))]
    except SigverifyError as error:
        return [*kept.said, str(error), repr(error), *causes(error)]
    finally:
        root.removeHandler(kept)


def causes(error):
    """Yield what a traceback shows of the errors behind an error."""
    while error := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield str(error)


REPRS = (Signature, Recording, Key, Template, Model)
NO_SAMPLES = (
    "read_signature", "read_signature of text", "read_recording in UTF-16", "from_groups", "Signature",
    "Signature of numbers", "from_strokes", "wire", "captures", "kiosk", "live", "template", "key",
)  # fmt: skip
"""What signatures go through: no message of theirs may hold a single sample."""


def check_what_is_said(name, text):
    for said in said_of(PARSERS[name], text):
        assert said.count(MARK) * len(MARK) <= MAX_QUOTED, said
        assert said.count(SAMPLE) * len(SAMPLE) <= MAX_QUOTED, said
        assert SAMPLE not in said or name not in NO_SAMPLES, said


@given(st.sampled_from(list(PARSERS)), CONTENT)
def test_nothing_repeats_its_input(name, text):
    check_what_is_said(name, text)


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_in_every_place(name):
    for form in WITHIN.values():
        for piece in PIECES:
            check_what_is_said(name, form.replace("{}", piece))
