"""The client for Node.js asks a kiosk; its table and its types are those of the interface."""

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from builders import signature
from in_browser import CODE, Running
from PIL import Image

from firmware_bridge import node_client
from firmware_bridge.kiosk.openapi import OPERATIONS
from firmware_bridge.node_client.declare import FILE, declarations
from sigverify import __version__
from sigverify.formats.signature_pad import encode

CLIENT = Path(node_client.__path__[0]) / "sigverify.js"
SUPPORT = Path(__file__).parents[3] / "support"
ASK = SUPPORT / "ask.mjs"
MISUSE = SUPPORT / "misuse.mjs"


@pytest.fixture(scope="module")
def node():
    """Node.js, of a version that has `fetch`."""
    its = shutil.which("node")
    if its is None or int(subprocess.check_output([its, "--version"], text=True)[1:].split(".")[0]) < 18:
        pytest.skip("no Node.js of version 18 or newer here")
    return its


@pytest.fixture(scope="module")
def found(node, tmp_path_factory):
    """What the client found."""
    folder = tmp_path_factory.mktemp("kiosk")
    file = io.BytesIO()
    Image.new("L", (300, 120), 255).save(file, "PNG")
    content = {
        "own": [json.loads(encode(signature(0, repetition))) for repetition in range(8)],
        "other": [json.loads(encode(signature(4, 0)))],
        "picture": base64.b64encode(file.getvalue()).decode(),
    }
    shown = folder / "shown.json"
    shown.write_text(json.dumps(content))
    running = Running(folder / "kiosk.db")
    try:
        command = [node, ASK, CLIENT, running.url, CODE, shown]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    finally:
        running.close()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def said(node):
    """What the client says of arguments of another type, and what it sends."""
    done = subprocess.run([node, MISUSE, CLIENT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_arguments_of_another_type_are_refused_before_anything_is_sent(said):
    """An image in base64 was once sent as an empty one, without a word."""
    for case, its in said["wrong"].items():
        name = "capture" if case.endswith("is empty") else case.split()[0]
        assert (its["error"] or "").startswith(f"TypeError: {name}: expected "), case
        assert its["asked"] == [], case


def test_an_error_names_the_type_and_never_the_content(said):
    assert said["wrong"]["image in base64"]["error"].endswith("not base64; received String")
    assert said["wrong"]["capture missing"]["error"].endswith("received Undefined")


def test_bytes_of_any_kind_are_sent_in_base64(said):
    image = base64.b64encode(b"sigverify").decode()
    for name in ("array", "buffer", "whole", "elsewhere", "blob"):
        expected = {"user_id": "alice", "image": image}
        assert said["right"][name] == {"error": None, "asked": [["POST", "/api/verify", expected]]}
    assert said["right"]["both"]["asked"][0][2] == {"user_id": "alice", "strokes": [], "image": image}
    assert said["right"]["device"]["asked"] == [["POST", "/api/unlock", {}]]
    assert said["right"]["person"]["asked"] == [["DELETE", "/api/users?user_id=alice", None]]


def test_visitors_and_operators(found):
    assert (found["health"], found["visitor"], found["operator"]) == (True, False, True)
    assert found["forbidden"]["http"] == 403
    assert found["forbidden"]["reason"] == "operators_only"
    assert found["wrongCode"]["reason"] == "wrong_code"
    assert found["after"]["reason"] == "operators_only"


def test_an_enrollment_asks_again_and_leaves_nobody_by_half(found):
    assert found["receipt"]["references"] == 5
    assert found["refusals"] == ["copy"]
    assert found["givenUp"] == {"name": "TypeError", "unreachable": False}
    assert found["users"] == ["zoë & co"]
    assert found["left"] == []


def test_decisions(found):
    assert (found["accepted"]["outcome"], found["accepted"]["reason"]) == ("accept", "alike")
    assert found["rejected"]["outcome"] == "reject"
    assert found["matches"] == ["zoë & co"]
    assert found["alike"] == 2


def test_pictures_and_what_is_none(found):
    assert (found["picture"]["name"], found["picture"]["status"]) == ("UnknownUser", 41)
    assert found["noPicture"]["status"] == 12


def test_a_kiosk_that_is_not_there(found):
    assert found["nobody"] is False
    assert found["away"] == {"name": "Unreachable", "unreachable": True}


def test_it_has_every_operation():
    table = re.findall(r'^  (\w+): \["(\w+)", "([^"]+)"\],$', CLIENT.read_text(), re.MULTILINE)
    assert table == [(each.name, each.method, each.path) for each in OPERATIONS]


def test_its_types_are_those_of_the_interface():
    assert FILE.read_text("utf-8") == declarations(), "run python -m firmware_bridge.node_client.declare"


def test_its_version_is_that_of_the_package():
    assert json.loads(CLIENT.with_name("package.json").read_text())["version"] == __version__
