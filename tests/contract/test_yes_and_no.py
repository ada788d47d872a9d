"""Nothing that can say no reads as yes: `bool()` follows the answer, or raises and names what to ask."""

import ast
import re
from datetime import UTC, datetime

import pytest
from source_enums import bases, classes, is_dataclass, members, methods

from converter.edge_tpu import EdgeTpuMapping
from sigverify.audit import AuditReport, Finding, LogFlaw
from sigverify.decision import Decision, Outcome, Reason
from sigverify.enrollment.addition import Addition, AdditionReason
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.fleet.cache import Progress
from sigverify.modality.quality import Flaw, Quality
from sigverify.policy.gate import Trial
from sigverify.search import Match, Matches
from sigverify.store.check import Damage, Health, Part
from sigverify.store.check import Finding as StoreFinding

ANSWERS = {"accepted", "alike", "complete", "flawless", "intact", "ready", "significant", "sound"}
"""What says yes or no about the whole of what it is an attribute of."""
POSITIVE = {"ACCEPT", "ALIKE", "TAKEN"}
"""Members of an enum of which the others say no; those of numbers (exit codes, roles) follow other rules."""


def answers(node):
    """Return what of a class says yes or no of all of it."""
    fields = {
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.annotation) == "bool"
    }
    properties = {
        name
        for name, each in methods(node).items()
        if each.returns is not None
        and ast.unparse(each.returns) == "bool"
        and any(ast.unparse(one) == "property" for one in each.decorator_list)
    }
    return (fields | properties) & ANSWERS


def test_whatever_can_say_no_defines_what_it_is_as_a_condition():
    seen, wrong = set(), []
    for module, node in classes():
        results = is_dataclass(node) and answers(node)
        choices = "StrEnum" in bases(node) and POSITIVE & set(members(node))
        if results or choices:
            seen.add(node.name)
            if "__bool__" not in methods(node):
                wrong.append(f"{module}.{node.name}: {results or choices}")
    assert wrong == []
    assert {"Decision", "Addition", "AuditReport", "Health", "Outcome", "Reason", "AdditionReason"} <= seen


QUALITY = Quality(flaw=None, duration_ms=1000.0, complexity=0.5)
HEALTH = {"templates": 1, "records": 0, "entries": 0}
DAMAGE = StoreFinding(part=Part.VECTORS, row="alice", damage=Damage.NO_TEMPLATE)
MATCH = Match("alice", 0.2)


def addition(reason):
    return Addition(accepted=reason is AdditionReason.TAKEN, reason=reason, quality=QUALITY, remaining=0)


YES = {
    "an accepted decision": Decision(outcome=Outcome.ACCEPT, reason=Reason.ALIKE),
    "to accept": Outcome.ACCEPT,
    "alike": Reason.ALIKE,
    "taken": AdditionReason.TAKEN,
    "an addition": addition(AdditionReason.TAKEN),
    "good quality": QUALITY,
    "an intact log": AuditReport(entries=0, anchor=None, findings=()),
    "a sound store": Health(**HEALTH, findings=()),
    "all was read": Progress(complete=True),
    "all on the Edge TPU": EdgeTpuMapping(operations=(("CONV_2D", ""),)),
    "somebody found": Matches([MATCH], fpir=0.01),
}
NO = {
    **{f"to {outcome}": outcome for outcome in (Outcome.REJECT, Outcome.REFER)},
    **{f"{reason} is no reason": reason for reason in Reason if reason is not Reason.ALIKE},
    **{f"{reason} is not taken": reason for reason in AdditionReason if reason is not AdditionReason.TAKEN},
    "a rejection": Decision(outcome=Outcome.REJECT, reason=Reason.UNLIKE, score=0.9),
    "a referral": Decision(outcome=Outcome.REFER, reason=Reason.UNSURE, score=0.9),
    "an addition refused": addition(AdditionReason.COPY),
    "poor quality": Quality(flaw=Flaw.TOO_SHORT, duration_ms=1.0, complexity=0.5),
    "a cut log": AuditReport(entries=9, anchor=None, findings=(Finding(1, LogFlaw.MISSING),)),
    "a damaged store": Health(**HEALTH, findings=(DAMAGE,)),
    "not all was read": Progress(changed=5),
    "not all on the Edge TPU": EdgeTpuMapping(operations=(("CONV_2D", ""), ("PAD", "too large"))),
    "nobody found": Matches(fpir=0.01),
}
NEITHER = {
    "an enrollment": (
        EnrollmentReceipt(
            user_id="alice", references=1, template_bytes=1, model_id="m", created=datetime.now(UTC),
            complexity=0.5, consistency=1.0, reasons=(AdditionReason.TAKEN,), latency_ms=1.0,
        ),
        "flawless",
    ),
    "a ranking": (Matches([MATCH]), "fpir"),
    "a ranking of nobody": (Matches(), "fpir"),
    "one of a ranking": (MATCH, "fpir"),
    "a trial": (
        Trial(subject="alice", known=True, score=1.0, threshold=0.5, refer_threshold=None),
        "alike",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", YES)
def test_yes(name):
    assert YES[name]


@pytest.mark.parametrize("name", NO)
def test_no(name):
    assert not NO[name]


@pytest.mark.parametrize("name", NEITHER)
def test_neither_says_what_to_ask_instead(name):
    value, attribute = NEITHER[name]
    with pytest.raises(TypeError, match=re.escape(attribute)):
        bool(value)
