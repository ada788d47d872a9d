"""The sheet of the kiosk's page, alone in node: what ends a stroke, and what is never ink."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import firmware_bridge.kiosk

PAD = Path(firmware_bridge.kiosk.__file__).parent / "page" / "pad.js"
STAGE = """
import { Pad } from "./pad.mjs";
const told = {};
const listen = (kind, act) => (told[kind] = act);
globalThis.addEventListener = listen;
globalThis.document = { addEventListener: listen };
globalThis.window = { devicePixelRatio: 1 };
globalThis.ResizeObserver = class { observe() {} };
const context = new Proxy({}, {
  get: (target, key) => target[key] ?? (() => {}),
  set: (target, key, value) => ((target[key] = value), true),
});
const pad = new Pad({
  getContext: () => context, addEventListener: listen, setPointerCapture() {},
  clientWidth: 400, clientHeight: 200,
  getBoundingClientRect: () => ({ left: 0, top: 0, width: 400, height: 200 }),
});
let clock = 5000;
const event = (kind, more = {}) => told[kind]({
  pointerId: 7, pointerType: "pen", isPrimary: true, button: kind === "pointerdown" ? 0 : -1,
  buttons: kind === "pointerup" ? 0 : 1, clientX: 20, clientY: 30, pressure: 0.4, timeStamp: (clock += 9),
  preventDefault() {}, ...more,
});
const write = (more, count = 6) => {
  for (let n = 0; n < count; n++) event("pointermove", { clientX: 20 + 3 * n, clientY: 30 + n, ...more });
};
"""


@pytest.fixture
def play(tmp_path):
    """Return a function that runs events on a new sheet; how many samples each stroke has then."""
    if shutil.which("node") is None:
        pytest.skip("no node here (Debian: apt install nodejs)")

    def play(script):
        shutil.copy(PAD, tmp_path / "pad.mjs")
        end = "console.log(JSON.stringify(pad.strokes.map((stroke) => stroke.length)));"
        (tmp_path / "play.mjs").write_text(STAGE + script + end)
        done = subprocess.run(
            ["node", "play.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return play


LOST = {
    "a move without buttons": "write({ buttons: 0, pressure: 0 });",
    "a new pen": "event('pointerdown', { pointerId: 8 }); event('pointerup', { pointerId: 8 });",
    "the same pen anew": "event('pointerdown'); event('pointerup');",
    "lost capture": "event('lostpointercapture'); write();",
    "another window": "told.blur(); write();",
    "another tab": "told.visibilitychange(); write();",
}


@pytest.mark.parametrize("sign", LOST)
def test_a_stroke_ends_by_any_sign_and_the_next_one_works(play, sign):
    ended = play(f"event('pointerdown'); write(); {LOST[sign]} clock += 400;")
    assert ended[0] == 7, "what came after the end is no ink"
    after = play(
        f"event('pointerdown'); write(); {LOST[sign]} clock += 400;"
        "event('pointerdown', { pointerId: 9 }); write({ pointerId: 9 });"
        "event('pointerup', { pointerId: 9 });"
    )
    assert after[len(ended) :] == [7]


def test_what_a_gesture_took_away_is_no_writing(play):
    assert play("event('pointerdown'); write(); event('pointercancel'); write();") == []


def test_hover_between_two_reports_is_no_ink(play):
    assert play("""
    event("pointerdown");
    const at = (clientX, buttons) =>
      ({ pointerType: "pen", clientX, clientY: 5, buttons, timeStamp: (clock += 2) });
    event("pointermove", { getCoalescedEvents: () => [at(30, 1), at(33, 0), at(36, 1)] });
    event("pointerup");
    """) == [3]


def test_a_second_finger_changes_nothing(play):
    finger = "{ pointerType: 'touch', pointerId: %d, isPrimary: %s }"
    first, second = finger % (1, "true"), finger % (2, "false")
    assert play(f"""
    event("pointerdown", {first});
    event("pointerdown", {second});
    write({{ ...{first} }});
    event("pointerup", {second});
    write({{ ...{first}, clientY: 99 }});
    event("pointerup", {first});
    """) == [13]
