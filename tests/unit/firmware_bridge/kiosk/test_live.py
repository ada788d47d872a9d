import json

import pytest
from builders import signature

SHOWN = "sixteen characters and more"
URL = "ws://127.0.0.1:8080/api/live"


@pytest.fixture
def disconnect():
    return pytest.importorskip("starlette.websockets").WebSocketDisconnect


def points(strokes):
    return [stroke["points"] for stroke in strokes]


def greeted(connection, **hello):
    connection.send_json({"type": "hello"} | hello)
    return connection.receive_json()


def test_quality_stroke_by_stroke(visitor, strokes):
    sent = points(strokes(signature(0)))
    with visitor.websocket_connect(URL) as live:
        assert greeted(live) == {"type": "ready"}
        answers = []
        for stroke in sent:
            live.send_json({"type": "stroke", "points": stroke})
            answers.append(live.receive_json())
        live.send_json({"type": "clear"})
        assert live.receive_json() == {"type": "cleared"}
        live.send_json({"type": "stroke", "points": sent[0][:3]})
        dot = live.receive_json()
    assert [answer["strokes"] for answer in answers] == list(range(1, len(sent) + 1))
    assert answers[-1]["samples"] == sum(map(len, sent))
    assert answers[-1]["flaw"] is None
    assert answers[-1]["complexity"] > answers[0]["complexity"] > 0
    assert (dot["samples"], dot["flaw"]) == (3, "too_short")


def test_it_agrees_with_what_the_sdk_says_of_the_whole(visitor, strokes):
    from sigverify.modality.pen.assessment import assess

    its = signature(3)
    with visitor.websocket_connect(URL) as live:
        greeted(live)
        for stroke in points(strokes(its)):
            live.send_json({"type": "stroke", "points": stroke})
            answer = live.receive_json()
    assert answer["complexity"] == round(assess(its).complexity, 3)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        '{"type": "dance"}',
        '{"type": 1}',
        '{"type": "stroke"}',
        '{"type": "stroke", "points": 1}',
        '{"type": "stroke", "points": [1]}',
        '{"type": "stroke", "points": [{"x": 1e999, "y": 0, "time": 0}]}',
        '{"type": "clear", "more": 1}',
        "[" * 100_000,
    ],
)
def test_what_is_no_message_is_said_and_forgiven(visitor, strokes, message):
    first = points(strokes(signature(0)))[0]
    with visitor.websocket_connect(URL) as live:
        greeted(live)
        live.send_json({"type": "stroke", "points": first})
        before = live.receive_json()
        live.send_text(message)
        said = live.receive_json()
        live.send_json({"type": "stroke", "points": []})
        after = live.receive_json()
    assert said["type"] == "error"
    assert said["message"]
    assert after["samples"] == before["samples"]


def test_points_sent_as_text_are_told_so(visitor):
    with visitor.websocket_connect(URL) as live:
        greeted(live)
        live.send_json({"type": "stroke", "points": '[{"x": 48151, "y": 2, "time": 0}]'})
        said = live.receive_json()["message"]
        live.send_json({"type": "stroke", "points": [{"x": 1, "y": 2, "timestamp": 0}]})
        other = live.receive_json()["message"]
    assert "points is text" in said
    assert "the list itself" in said
    assert "48151" not in said
    assert "stroke 1, point 1: not a point" in other


def test_a_signature_without_end(visitor):
    point = {"x": 0, "y": 0, "time": 0}
    with visitor.websocket_connect(URL) as live:
        greeted(live)
        live.send_json({"type": "stroke", "points": [point] * 20_000})
        assert live.receive_json()["type"] == "quality"
        live.send_json({"type": "stroke", "points": [point]})
        assert "too long" in live.receive_json()["message"]


def test_what_else_a_client_sends_is_not_kept(strokes):
    from firmware_bridge.kiosk.live import Draft

    draft = Draft()
    for stroke in points(strokes(signature(0))):
        whole = [point | {"tilt": 7, "ballast": "x" * 1000} for point in stroke]
        draft.take(json.dumps({"type": "stroke", "points": whole}))
        draft.take('{"type": "stroke", "points": []}')
    sent = points(strokes(signature(0)))
    assert [len(stroke) for stroke in draft._strokes] == [len(stroke) for stroke in sent]
    names = {name for stroke in draft._strokes for point in stroke for name in point}
    assert names == {"x", "y", "time"}


def test_the_token_comes_first(page, disconnect):
    client = page(token=SHOWN)
    with client.websocket_connect(URL) as live:
        assert greeted(live, token=SHOWN) == {"type": "ready"}
    for hello in ({}, {"token": "wrong"}, {"token": None}, {"token": "\ud800"}):
        with client.websocket_connect(URL) as live, pytest.raises(disconnect) as ended:
            greeted(live, **hello)
        assert ended.value.code == 1008


def test_bytes_end_the_connection(visitor, disconnect):
    with visitor.websocket_connect(URL) as live:
        greeted(live)
        live.send_bytes(b"\0")
        with pytest.raises(disconnect):
            live.receive_json()


def test_other_pages_get_no_connection(visitor, disconnect):
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(disconnect), visitor.websocket_connect(URL, headers=headers):
            pass


def test_silence_ends_the_connection(visitor, disconnect, monkeypatch):
    from firmware_bridge.kiosk import live as module

    monkeypatch.setattr(module, "HELLO_S", 0.05)
    with visitor.websocket_connect(URL) as live, pytest.raises(disconnect):
        live.receive_json()
