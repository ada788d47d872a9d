"""Verify signatures that pads send over MQTT: a bridge between a broker and the daemon on this device.

    pip install 'sigverify[bridge]' paho-mqtt
    sigverify serve --socket kiosk.socket --untrusted &
    python examples/mqtt/bridge.py kiosk.socket --broker 127.0.0.1

A pad publishes to `sigverify/PAD/verify`

    {"request": "7f3a", "user": "alice",
     "strokes": [[{"x": 1, "y": 2, "time": 0, "pressure": 0.5}, ...], ...]}

and reads from `sigverify/PAD/answer`

    {"request": "7f3a", "accepted": true, "outcome": "accept", "reason": "alike", "retry_after_s": 0.0}

or, where nothing was decided, `request`, `status` and `error`, which says what is wrong; the numbers are
those of `sigverify/errors.py`. `strokes` are what signature_pad and the kiosk's page send.

Who may read the topics reads signatures, and who may write them makes decisions: let the broker know each
pad by its own login, allow each its own topics only, and use TLS (--tls, and a password for --user in
SIGVERIFY_MQTT_PASSWORD).
"""

import argparse
import json
import logging
import os
import re
from collections import OrderedDict

from paho.mqtt.client import CallbackAPIVersion
from paho.mqtt.client import Client as Broker

from firmware_bridge.client.blocking import Client as Daemon
from sigverify.errors import FormatError, SigverifyError
from sigverify.formats.signature_pad import from_groups

TOPIC = re.compile(r"sigverify/([A-Za-z0-9_.-]{1,64})/verify")
MOST_BYTES = 1_000_000  # of one message: ten times a long signature
REMEMBERED = 1000  # answers kept, for messages that come twice

log = logging.getLogger("sigverify.mqtt")


class Bridge:
    """Answers each request once, however often it is delivered."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.answered: OrderedDict[tuple[str, str], str] = OrderedDict()

    def on_connect(self, broker, _userdata, _flags, reason, _properties):
        """Listen to all pads, again after each new connection."""
        log.info("connected: %s", reason)
        if not reason.is_failure:
            broker.subscribe("sigverify/+/verify", qos=1)

    def on_message(self, broker, _userdata, message):
        """Answer one request. What was kept by the broker is of no pad that is waiting."""
        pad = TOPIC.fullmatch(message.topic)
        if pad is None or message.retain:
            log.warning("passed over: %r", message.topic)
            return
        answer = self.answer(pad[1], message.payload)
        broker.publish(f"sigverify/{pad[1]}/answer", answer, qos=1)

    def answer(self, pad: str, payload: bytes) -> str:
        """Return the answer to a message; to one that was answered before, the same."""
        try:
            asked = parse(payload)
        except ValueError as error:
            return json.dumps({"request": None, "status": FormatError.status, "error": str(error)})
        key, request = (pad, asked["request"]), {"request": asked["request"]}
        if key in self.answered:
            return self.answered[key]
        try:
            decision = self.daemon.verify(asked["user"], from_groups(asked["strokes"]))
        except SigverifyError as error:
            log.warning("not decided: %s", error)
            return json.dumps(request | {"status": error.status, "error": str(error)})
        said = decision.to_dict()
        shown = {name: said[name] for name in ("accepted", "outcome", "reason", "retry_after_s")}
        # With QoS 1 a broker may deliver twice: asked again, the daemon would take it for a copy.
        self.answered[key] = json.dumps(request | shown)
        while len(self.answered) > REMEMBERED:
            self.answered.popitem(last=False)
        return self.answered[key]


def parse(payload: bytes) -> dict:
    """Return a request whose fields are what they should be.

    Raises:
        ValueError: it is none.
    """
    if len(payload) > MOST_BYTES:
        raise ValueError(f"a request has at most {MOST_BYTES} bytes")
    try:
        asked = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError("a request is JSON") from None
    if not isinstance(asked, dict) or set(asked) != {"request", "user", "strokes"}:
        raise ValueError("a request has the fields request, user and strokes, and no others")
    for name in ("request", "user"):
        if not isinstance(asked[name], str) or not 0 < len(asked[name]) <= 128:
            raise ValueError(f"{name} is a text of 1 to 128 characters")
    return asked


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("daemon", help="the daemon's address: a socket, tcp:HOST:PORT or tls:HOST:PORT")
    parser.add_argument("--broker", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user", help="the login at the broker; its password is SIGVERIFY_MQTT_PASSWORD")
    parser.add_argument("--tls", action="store_true", help="trust the system's authorities, and no others")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    with Daemon(given.daemon, name="mqtt") as daemon:
        bridge = Bridge(daemon)
        broker = Broker(CallbackAPIVersion.VERSION2, client_id="sigverify-bridge")
        if given.user is not None:
            broker.username_pw_set(given.user, os.environ["SIGVERIFY_MQTT_PASSWORD"])
        if given.tls:
            broker.tls_set()
        broker.on_connect, broker.on_message = bridge.on_connect, bridge.on_message
        broker.connect(given.broker, given.port)
        broker.loop_forever()


if __name__ == "__main__":
    main()
