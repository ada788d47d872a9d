"""One list of tokens: the SDK's enums, words, OpenAPI, the documents, both C headers and the page agree."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from c_header import enum
from source_enums import ROOT, bases, classes, members

from firmware_bridge.protocol import messages
from sigverify.audit import Event, LogFlaw
from sigverify.decision import Aspect, Decision, Outcome, Reason
from sigverify.enrollment.addition import Addition, AdditionReason
from sigverify.enrollment.caution import Caution
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.likeness import Worth
from sigverify.matching.scoring import Impostor
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw, Quality
from sigverify.search import Match, Matches
from sigverify.signed.distrust import Distrust
from sigverify.words import LANGUAGES, PHRASES, sentence

BRIDGE = ROOT / "firmware_bridge"
TOKENS = {
    Outcome: ["accept", "reject", "refer"],
    Reason: ["alike", "unlike", "unsure", "replay", "locked", "poor", "blocked"],
    AdditionReason: [
        "taken",
        "too_short",
        "too_simple",
        "bad_capture",
        "copy",
        "unlike",
        "in_seconds",
        "in_microseconds",
        "in_nanoseconds",
        "no_time",
        "no_ink",
        "too_small",
        "several",
        "no_strokes",
        "cut_off",
        "blurred",
    ],
    Flaw: [
        "too_short",
        "too_simple",
        "bad_capture",
        "in_seconds",
        "in_microseconds",
        "in_nanoseconds",
        "no_time",
        "no_ink",
        "too_small",
        "several",
        "no_strokes",
        "cut_off",
        "blurred",
    ],
    Aspect: ["shape", "speed", "pressure", "duration", "proportion"],
    Worth: ["one", "few", "enough"],
    Caution: ["many_strangers", "no_cohort"],
    Distrust: [
        "unsigned", "unknown_device", "revoked", "wrong_signature", "other_purpose", "stale",
        "counted_before",
    ],
    Repair: [
        "coarse_clock", "clock_jumped", "counter_wrapped", "stamps_restart", "mark_before", "mark_after",
        "mark_between", "pen_rested", "pressure_lost", "stray_position", "lifts_without_time",
        "hover_unsaid",
    ],
}  # fmt: skip
"""What programs compare with: a token may be added, and never changes."""
OF_PICTURES = ["no_ink", "too_small", "several", "no_strokes", "cut_off", "blurred"]
"""Flaws that the core in C, which takes strokes, never finds."""
CHOICES = {
    "ActorKind",
    "Baseline", "Capability", "Choice", "DeviceKind", "Ending", "Format", "Impostor", "IndexKind", "Kind",
    "NibKind",
    "Part", "Precision", "Probe", "Profile", "Quantity", "Role", "Runtime", "ScannerKind", "Screening",
    "Purpose", "Severity", "Side", "Signs", "Token", "Trouble", "State", "TrialKind",
    "TryKind",
}  # fmt: skip
"""Enums that people choose from, or that only logs and metrics name: nothing says them in words."""

DRAWN = "firmware_bridge.protocol.phase"
"""Its enums label the arrows of a diagram, and are never sent."""
STR_ENUMS = {
    node.name: members(node)
    for module, node in classes("StrEnum")
    if "StrEnum" in bases(node) and module != DRAWN
}


def document(name):
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("kind", TOKENS, ids=lambda kind: kind.__name__)
def test_tokens_are_these_in_this_order(kind):
    assert [each.value for each in kind] == TOKENS[kind]
    assert [each.name.lower() for each in kind] == TOKENS[kind], "named as what it is"


@pytest.mark.parametrize("name", sorted(STR_ENUMS))
def test_no_value_of_an_enum_is_a_sentence(name):
    assert STR_ENUMS[name]
    for value in STR_ENUMS[name].values():
        assert re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", value), value


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_token_has_words_in_every_language(language):
    said = {kind: list(words) for kind, words in LANGUAGES[language].items() if kind != PHRASES}
    assert said == {name: list(values.values()) for name, values in STR_ENUMS.items() if name in said}
    assert set(STR_ENUMS) - set(said) == CHOICES & set(STR_ENUMS), "say it in words, or list it as a choice"
    for kind in (*TOKENS, Event, LogFlaw):
        for token in kind:
            assert sentence(token, language=language)


def test_openapi_lists_them():
    from firmware_bridge.kiosk.openapi import description
    from firmware_bridge.kiosk.refusal import Refusal

    shapes = description()["components"]["schemas"]
    decision, addition = shapes["Decision"]["properties"], shapes["Addition"]["properties"]
    assert decision["outcome"]["enum"] == TOKENS[Outcome]
    assert decision["reason"]["enum"] == TOKENS[Reason]
    assert decision["unlike"]["items"]["enum"] == TOKENS[Aspect]
    assert addition["reason"]["enum"] == TOKENS[AdditionReason]
    assert addition["flaw"]["enum"] == [*TOKENS[Flaw], None]
    assert addition["repairs"]["items"]["enum"] == TOKENS[Repair]
    assert decision["missing"]["items"]["enum"] == TOKENS[Aspect]
    assert decision["flaw"]["enum"] == [*TOKENS[Flaw], None]
    receipt = shapes["EnrollmentReceipt"]["properties"]
    assert receipt["reasons"]["items"]["enum"] == TOKENS[AdditionReason]
    assert receipt["cautions"]["items"]["enum"] == TOKENS[Caution]
    assert shapes["Error"]["properties"]["reason"]["enum"] == [*(each.value for each in Refusal), None]


def test_the_protocol_lists_them():
    rows = re.findall(r"^\| ([a-z ]+) \| [^|]* \| ((?:`\w+` ?)+)\|", document("protocol.md"), re.MULTILINE)
    said = {name: re.findall(r"`(\w+)`", tokens) for name, tokens in rows}
    assert said == {
        "outcome": TOKENS[Outcome],
        "reason": TOKENS[Reason],
        "aspect": TOKENS[Aspect],
        "addition reason": TOKENS[AdditionReason],
        "flaw": TOKENS[Flaw],
        "caution": TOKENS[Caution],
        "repair": TOKENS[Repair],
        "distrust": TOKENS[Distrust],
        "impostor": [each.value for each in Impostor],
        "modality": ["pen", "image"],
    }


def test_the_document_of_decisions_explains_them():
    """Each table of tokens there begins its rows with them, in the same order."""
    text = document("decisions.md")
    headings = (
        (Outcome, "outcome"),
        (Reason, "reason"),
        (AdditionReason, "addition.reason"),
        (Caution, "caution"),
    )
    for kind, heading in headings:
        table = text.partition(f"| `{heading}` |")[2].partition("\n\n")[0]
        assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == TOKENS[kind], heading
    for aspect in Aspect:
        assert f"`{aspect.value}`" in text


def test_the_c_client_lists_them():
    text = (BRIDGE / "c_client" / "sigverify_client.h").read_text()
    said = {name: json.loads(f"[{words}]") for name, words in re.findall(r"#define (SVC_\w+S) (\".*)", text)}
    assert said == {
        "SVC_OUTCOMES": TOKENS[Outcome],
        "SVC_REASONS": TOKENS[Reason],
        "SVC_ADDITION_REASONS": TOKENS[AdditionReason],
        "SVC_CAUTIONS": TOKENS[Caution],
        "SVC_FLAWS": TOKENS[Flaw],
        "SVC_ASPECTS": TOKENS[Aspect],
        "SVC_DISTRUSTS": TOKENS[Distrust],
    }


@pytest.mark.parametrize(
    ("name", "kind"), [("sv_outcome", Outcome), ("sv_reason", Reason), ("sv_addition", AdditionReason)]
)
def test_the_c_core_names_them(name, kind):
    text = (BRIDGE / "libsigverify" / "include" / "sigverify.h").read_text()
    # C has one space of names for all enums, so one of the two UNLIKE has a longer one.
    said = [key.removesuffix("_OTHERS").lower() for key in enum(text, name, "SV")]
    assert said == [token for token in TOKENS[kind] if token not in OF_PICTURES]


def test_the_page_has_words_for_them():
    """That the file is made of `words` is tested beside the page."""
    text = (BRIDGE / "kiosk" / "page" / "texts.js").read_text()
    texts = json.loads(text.partition("TEXTS = ")[2].rstrip(";\n"))
    assert set(texts) == set(LANGUAGES)
    for table in texts.values():
        assert list(table["Reason"]) == TOKENS[Reason]
        assert list(table["AdditionReason"]) == TOKENS[AdditionReason]
        assert list(table["Caution"]) == TOKENS[Caution]
        assert list(table["Aspect"]) == TOKENS[Aspect]
        assert set(TOKENS[Outcome]) <= set(table["page"])


# --------------------------------------------------------------------- the same names in every interface
DECISION = Decision(
    outcome=Outcome.ACCEPT, reason=Reason.ALIKE, latency_ms=1.0, scores={"pen": 0.5}, left_out=("image",)
)
QUALITY = Quality(flaw=None, duration_ms=900.0, complexity=0.5)
ADDITION = Addition(accepted=True, reason=AdditionReason.TAKEN, quality=QUALITY, remaining=0)
RECEIPT = EnrollmentReceipt(
    user_id="alice", references=1, template_bytes=1, model_id="m", created=datetime(1970, 1, 1, tzinfo=UTC),
    complexity=0.5, consistency=1.0, reasons=(AdditionReason.TAKEN,), latency_ms=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "message", "schema"),
    [
        (DECISION, messages.DecisionMade, "Decision"),
        (ADDITION, messages.AdditionMade, "Addition"),
        (RECEIPT, messages.Enrolled, "EnrollmentReceipt"),
    ],
    ids=lambda value: getattr(type(value), "__name__", None),
)
def test_wire_and_rest_have_the_names_of_to_dict(value, message, schema):
    from firmware_bridge.kiosk.schemas import SCHEMAS

    content = value.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert set(content) == set(SCHEMAS[schema]["properties"])
    # What is a map elsewhere is two lists on the wire: `scores`, and `kinds` of capture.
    assert set(content) == {each.name for each in fields(message)} - {"kinds"}


def test_rest_has_the_names_of_a_match():
    from firmware_bridge.kiosk.schemas import SCHEMAS

    content = Matches([Match("alice", 0.5)], fpir=0.01).to_dict()
    assert set(content) == set(SCHEMAS["Matches"]["properties"])
    [match] = content["matches"]
    assert set(match) == set(SCHEMAS["Matches"]["properties"]["matches"]["items"]["properties"])


def test_nobody_makes_these_by_hand():
    """Each name of a decision stands in one `to_dict`; the wire, REST and the CLI are made of that."""
    made = {"decision.py", "addition.py", "receipt.py", "quality.py", "messages.py", "schemas.py", "match.py"}
    for package in ("sigverify", "firmware_bridge"):
        for path in (Path(ROOT) / package).rglob("*.py"):
            text = path.read_text()
            if path.name not in made:
                assert not re.search(r'"(?:outcome|consistency|complexity|confidence)": \w+\.', text), path
