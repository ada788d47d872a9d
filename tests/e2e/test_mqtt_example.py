"""The bridge to MQTT in `examples/`, with a broker and a daemon."""

import contextlib
import json
import queue
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from builders import signature
from running_daemon import RunningDaemon, eventually

from firmware_bridge.client.blocking import Client
from firmware_bridge.transport.listeners import UnixListener
from sigverify.formats.signature_pad import encode

BRIDGE = Path(__file__).resolve().parents[2] / "examples" / "mqtt" / "bridge.py"
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@pytest.fixture
def broker(tmp_path):
    """Start a broker; yield its port."""
    if MOSQUITTO is None:
        pytest.skip("no MQTT broker here (Debian: apt install mosquitto)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = tmp_path / "broker.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([MOSQUITTO, "-c", settings], stderr=subprocess.DEVNULL)
    eventually(lambda: _answers(port))
    yield port
    process.terminate()
    process.wait(10)


def _answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
def bridge(broker, tmp_path):
    """Run the example beside a daemon that knows alice, and a broker that kept an old request."""
    publish = pytest.importorskip("paho.mqtt.publish", reason="no MQTT client: pip install paho-mqtt")
    path = tmp_path / "socket"
    with RunningDaemon([UnixListener(path)]):
        with Client(path) as client:
            client.enroll("alice", [signature(0, repetition) for repetition in range(5)])
        kept = json.dumps(request("0", signature(0, 7)))
        publish.single("sigverify/7/verify", kept, qos=1, retain=True, port=broker)
        command = [sys.executable, BRIDGE, path, "--port", str(broker)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert "connected" in process.stderr.readline()
        drained = threading.Thread(target=process.stderr.read)  # a full pipe would stop it
        drained.start()
        yield
        process.terminate()
        process.wait(10)
        drained.join()
        process.stderr.close()


@pytest.fixture
def pad(broker, bridge):  # noqa: ARG001 - it has to run
    """Return a function that publishes as pad 7, and waits for an answer where one is due."""
    from paho.mqtt import client as mqtt

    its = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    answers, subscribed = queue.Queue(), threading.Event()
    its.on_subscribe = lambda *_: subscribed.set()
    its.on_message = lambda _client, _data, message: answers.put(json.loads(message.payload))
    its.connect("127.0.0.1", broker)
    its.subscribe("sigverify/7/answer", qos=1)
    its.loop_start()
    assert subscribed.wait(10)

    def ask(content, *, topic="sigverify/7/verify", answered=True):
        payload = content if isinstance(content, bytes) else json.dumps(content)
        its.publish(topic, payload, qos=1).wait_for_publish(10)
        return answers.get(timeout=20) if answered else None

    yield ask
    assert answers.empty()
    its.disconnect()
    its.loop_stop()


def request(name, its, user="alice"):
    return {"request": name, "user": user, "strokes": json.loads(encode(its))}


def test_a_pad_asks_and_is_answered(pad):
    asked = request("1", signature(0, 6))
    accepted = pad(asked)
    assert accepted == {
        "request": "1", "accepted": True, "outcome": "accept", "reason": "alike", "retry_after_s": 0.0
    }  # fmt: skip
    assert pad(asked) == accepted, "delivered twice, answered alike"
    assert pad({**asked, "request": "2"})["reason"] == "replay", "the same capture under another number"
    assert pad(request("3", signature(3, 6)))["outcome"] == "reject"


def test_what_cannot_be_decided_is_said(pad):
    assert pad(b"{") == {"request": None, "status": 11, "error": "a request is JSON"}
    assert "no others" in pad({**request("1", signature(0)), "fmr": 1.0})["error"]
    assert "1 to 128" in pad({**request("1", signature(0)), "user": 7})["error"]
    assert "at most" in pad(b" " * 1_000_001)["error"]
    wrong = pad({"request": "4", "user": "alice", "strokes": [[{"x": "left"}]]})
    assert (wrong["request"], wrong["status"]) == ("4", 11)
    assert pad(request("5", signature(0), user="nobody"))["status"] == 41


def test_an_old_message_and_another_topic_are_passed_over(pad):
    pad(request("1", signature(0, 7)), topic="sigverify/7/x/verify", answered=False)
    pad(request("2", signature(0, 7)), topic="sigverify/7\u00fc/verify", answered=False)
    assert pad(request("3", signature(0, 7)))["accepted"], "the one that the broker kept was not asked about"
