"""Whatever is sent, the answer is as described, never a crash: the test client raises those."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")

from firmware_bridge.kiosk.live import Draft
from firmware_bridge.kiosk.operations import OPERATIONS
from sigverify.errors import SigverifyError

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=5))
POINTS = st.dictionaries(st.sampled_from(["x", "y", "time", "pressure", "z"]), NUMBERS)
STROKES = st.lists(
    st.one_of(st.lists(POINTS), st.builds(lambda points: {"points": points}, st.lists(POINTS)))
)
ANYTHING = st.recursive(
    NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=12
)
NAMES = ("user_id", "strokes", "image", "modality", "code", "replace", "type", "points")
BODIES = st.dictionaries(st.sampled_from(NAMES), st.one_of(STROKES, ANYTHING, st.text()), max_size=3)


@SHARED
@given(operation=st.sampled_from(OPERATIONS), body=st.one_of(BODIES, ANYTHING), query=st.text(max_size=20))
def test_any_json_at_any_operation(operator, operation, body, query):
    if operation.name == "sign_out":
        return
    answer = operator.request(
        operation.method,
        operation.path.format(enrollment="x"),
        content=json.dumps(body),
        params={"user_id": query} if operation.query else None,
    )
    assert answer.status_code in (200, 403, 404, 409, 422, 429), answer.text
    if answer.status_code != 200:
        assert set(answer.json()) == {"error", "status", "reason", "capability", "message", "retry_after_s"}


@SHARED
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
def test_any_bytes_at_any_operation(operator, operation, body):
    if operation.name != "sign_out":
        answer = operator.request(operation.method, operation.path.format(enrollment="x"), content=body)
        assert answer.status_code in (200, 404, 422), answer.text


@given(messages=st.lists(st.one_of(st.text(), BODIES.map(json.dumps), ANYTHING.map(json.dumps)), max_size=5))
def test_any_messages_on_the_live_connection(messages):
    draft = Draft()
    for message in messages:
        with contextlib.suppress(SigverifyError):
            assert draft.take(message)["type"] in ("quality", "cleared")
