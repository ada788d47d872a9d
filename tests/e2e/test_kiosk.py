"""The kiosk's page in a real Chromium, by pen, mouse and finger."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from builders import signature

from sigverify.policy import Policy
from sigverify.signature import Signature
from sigverify.verifier import Verifier

CODE = "24681357"
DRAW = (Path(__file__).parents[1] / "support" / "draw.js").read_text()
SCREENS = [(800, 480), (1280, 800)]


class Running:
    """A page that is served by a thread, and can be stopped and started at the same address."""

    def __init__(self, store, **settings):
        from firmware_bridge.kiosk.settings import Settings

        self.settings = Settings(code=CODE, **settings)
        self.verifier = Verifier.open(store, policy=Policy.kiosk())
        self.port = 0
        self.start()

    def start(self):
        from firmware_bridge.kiosk.server import address, listen, make_server

        self.listening = listen("127.0.0.1", self.port)
        self.port = self.listening.getsockname()[1]
        self.url = address(self.listening, self.settings)
        self.server = make_server(self.verifier, self.settings)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})
        self.thread.start()

    def stop(self):
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()
        self.listening.close()

    def close(self):
        self.stop()
        self.verifier.close()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'sigverify[dev]'")
    pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'sigverify[kiosk]'")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium here: install one (Debian: chromium) to test the kiosk's page")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def kiosk(tmp_path):
    running = Running(tmp_path / "kiosk.db")
    yield running
    running.close()


@pytest.fixture
def opened(browser, kiosk):
    """Return a function that opens the page on a screen of that size; scripts must not fail on it."""
    contexts, failures = [], []

    def opened(size=SCREENS[0], **options):
        context = browser.new_context(viewport=dict(zip(("width", "height"), size, strict=True)), **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(kiosk.url)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert failures == []


def strokes_on(pad, its):
    """Return the signature's strokes as points of the window, four fifths of the pad large."""
    scale = 0.8 * min(pad["width"] / np.ptp(its.x), pad["height"] / np.ptp(its.y))
    x = pad["x"] + pad["width"] / 2 + scale * (its.x - (its.x.min() + its.x.max()) / 2)
    y = pad["y"] + pad["height"] / 2 + scale * (its.y - (its.y.min() + its.y.max()) / 2)
    rows = np.column_stack([x, y, its.time_ms, its.pressure])
    starts = np.flatnonzero(~its.ink)
    return [stroke.tolist() for stroke in np.split(rows, starts) if len(stroke) > 1]


def sign(page, its):
    page.evaluate(DRAW, strokes_on(page.locator("#pad").bounding_box(), its))


def send(page, kind=""):
    """Press the button; return what is then said, once it says something of that kind."""
    page.click("#go")
    page.wait_for_selector(f"#outcome.{kind}" if kind else "#outcome:not([class=''])")
    return page.inner_text("#said"), page.inner_text("#detail")


def sign_in(page, code=CODE):
    page.click("#operator")
    for digit in code:
        page.click(f"#keys button:text-is('{digit}')")
    page.click("#codeform button[type=submit]")
    page.wait_for_selector("body.operating")


def enrol(page, name, writer, count=5):
    page.click("[data-view=enrol]")
    page.fill("#user", name)
    for repetition in range(count):
        sign(page, signature(writer, repetition))
        page.click("#go")
        done = repetition + 1
        words = f"{count - done} more" if done < count else "is enrolled"
        page.wait_for_function(
            "words => document.getElementById('outcome').innerText.includes(words)", arg=words
        )


def traced(its):
    """The ink of a signature, drawn by somebody who has it before him: evenly, slowly, with a tremor."""
    rng = np.random.default_rng(0)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(its.x), np.diff(its.y)))])
    time_ms = 4500 * way / way[-1] + np.arange(len(way)) * 1e-3
    tremor = rng.normal(scale=0.012 * np.ptp(its.x), size=(2, len(way)))
    pressure = 0.6 + 0.02 * rng.normal(size=len(way))
    return Signature(its.x + tremor[0], its.y + tremor[1], time_ms, pressure, its.ink)


@pytest.mark.slow
def test_enrol_accept_reject_identify_forget(opened, kiosk):
    page = opened()
    sign_in(page)
    enrol(page, "alice", 3)
    assert kiosk.verifier.users() == ("alice",)

    page.click("[data-view=verify]")
    page.fill("#user", "alice")
    sign(page, signature(3, 9))
    said, detail = send(page, "accept")
    assert "Accepted" in said
    assert "score 0.9" in detail
    assert page.is_visible("#legend")
    assert page.is_visible("#meter")

    sign(page, traced(signature(3, 10)))  # on a sheet that shows an answer: it makes room
    assert page.inner_text("#said") == "Enter your name and sign."
    assert page.is_hidden("#legend")
    said, detail = send(page, "reject")
    assert "Not accepted" in said
    assert "unlike: " in detail

    page.click("[data-view=identify]")
    sign(page, signature(3, 11))
    assert send(page)[0] == "alice"
    sign(page, signature(8, 1))
    assert send(page)[0] == "Nobody enrolled here."

    page.click("[data-view=people]")
    page.get_by_role("button", name="Forget alice").click()
    page.get_by_role("button", name="Forget", exact=True).click()
    page.wait_for_selector("#list .none")
    assert kiosk.verifier.users() == ()


@pytest.mark.slow
def test_what_reaches_the_sdk_is_what_was_written(opened, monkeypatch):
    from firmware_bridge.kiosk import operations

    seen = []
    monkeypatch.setattr(
        operations, "from_groups", lambda groups: seen.append(groups) or operations.Signature(*[range(9)] * 3)
    )
    page = opened()
    page.fill("#user", "alice")
    its = signature(3, 0)
    sign(page, its)
    send(page)
    pad = page.locator("#pad").bounding_box()
    wanted = strokes_on(pad, its)
    assert [len(stroke["points"]) for stroke in seen[0]] == [len(stroke) for stroke in wanted]
    for stroke, drawn in zip(seen[0], wanted, strict=True):
        got = np.array(
            [[point[name] for name in ("x", "y", "time", "pressure")] for point in stroke["points"]]
        )
        true = np.array(drawn) - [pad["x"], pad["y"], 0, 0]
        assert np.abs(got[:, :2] - true[:, :2]).max() < 0.01
        assert np.abs(np.diff(got[:, 2]) - np.diff(true[:, 2])).max() < 0.01
        assert np.abs(got[:, 3] - true[:, 3]).max() < 0.002


@pytest.mark.slow
def test_a_visitor_sees_no_score_and_no_names(opened):
    page = opened()
    assert page.locator("[data-view=enrol]").is_hidden()
    page.fill("#user", "nobody")
    sign(page, signature(1))
    assert send(page, "reject")[1] == "The score is below the threshold."
    assert page.is_hidden("#meter")


@pytest.mark.slow
def test_a_page_with_a_token(browser, tmp_path):
    running = Running(tmp_path / "kiosk.db", token="a token: 100 % secret + more")  # noqa: S106
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"{running.url}&user=nobody")
        page.wait_for_selector("body[data-ready]")
        assert page.url == running.url.partition("#")[0]
        page.reload()
        page.wait_for_selector("body[data-ready]")
        page.fill("#user", "nobody")
        sign(page, signature(0))
        send(page, "reject")
        stranger = browser.new_context().new_page()
        stranger.goto(page.url)
        stranger.wait_for_selector("body[data-ready]")
        assert stranger.inner_text("#said") == "This page needs its token."
        stranger.context.close()
    finally:
        context.close()
        running.close()


@pytest.mark.slow
def test_a_wrong_code_and_signing_out(opened):
    page = opened()
    page.click("#operator")
    page.fill("#code", "111111")
    page.keyboard.press("Enter")
    page.wait_for_selector("#codesaid:not(:empty)")
    assert page.inner_text("#codesaid") == "This is not the operator's code."
    page.keyboard.press("Escape")
    sign_in(page)
    page.click("[data-view=people]")
    page.click("#operator")
    page.wait_for_selector("body:not(.operating)")
    assert page.is_hidden("#people")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("body.operating").count() == 0


@pytest.mark.slow
def test_an_enrolment_says_what_is_wrong(opened, kiosk):
    page = opened()
    sign_in(page)
    page.click("[data-view=enrol]")
    page.fill("#user", "alice")
    sign(page, signature(0, 0))
    send(page, "accept")
    sign(page, signature(0, 0))
    said, detail = send(page, "refer")
    assert (said, detail) == (
        "Please sign again.",
        "That was a copy of an earlier one: sign anew. 4 more to go.",
    )
    page.click("[data-view=verify]")  # leaves it
    assert kiosk.verifier.users() == ()


@pytest.mark.slow
def test_it_reloads_while_the_device_is_away(opened, kiosk):
    page = opened()
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    kiosk.stop()
    page.reload()
    page.wait_for_selector("#link:not([hidden])")
    assert "does not answer" in page.inner_text("#said")
    page.fill("#user", "alice")
    sign(page, signature(0))
    assert "was not sent" in send(page, "refer")[1]
    kiosk.start()
    page.wait_for_selector("#link", state="hidden")
    assert send(page, "reject")[0] == "✗ Not accepted"


@pytest.mark.slow
def test_a_restart_of_the_device_ends_the_operators_session(opened, kiosk):
    page = opened()
    sign_in(page)
    page.click("[data-view=people]")
    kiosk.stop()
    kiosk.start()
    page.wait_for_selector("body:not(.operating)")
    assert page.is_hidden("#people")


@pytest.mark.slow
@pytest.mark.parametrize("size", SCREENS)
def test_everything_fits_and_can_be_pressed(opened, size):
    page = opened(size)
    sign_in(page)
    for view in ("verify", "enrol", "identify", "people"):
        page.click(f"[data-view={view}]")
        scrolled = page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]")
        assert scrolled <= list(size)
        for control in page.locator("button:visible, input:visible:not([type=checkbox])").all():
            box = control.bounding_box()
            assert box["height"] >= 44, control
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size[0]
            assert box["y"] + box["height"] <= size[1]
    page.click("[data-view=verify]")
    before = page.locator("#pad").bounding_box()
    page.fill("#user", "a" * 128)
    sign(page, signature(0))
    send(page, "refer")
    assert page.locator("#pad").bounding_box() == before, "the sheet must keep its size under the ink"


@pytest.mark.slow
def test_keyboard_and_names_for_screen_readers(opened):
    page = opened()
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(12):
        reached.add(page.evaluate("document.activeElement.textContent || document.activeElement.id"))
        page.keyboard.press("Tab")
    assert {"Verify", "Operator", "user", "Clear"} <= reached
    pad = page.get_by_role("img", name="Signature pad, empty")
    assert pad.is_visible()
    page.get_by_role("textbox", name="Name").or_(page.get_by_role("combobox", name="Name")).fill("nobody")
    sign(page, signature(0))
    assert page.get_by_role("img", name="Signature pad, 2 strokes").is_visible()
    page.keyboard.press("Escape")
    assert pad.is_visible()
    assert page.get_by_role("button", name="Verify").last.is_disabled()
    sign(page, signature(0))
    page.focus("#user")
    page.keyboard.press("Enter")
    page.wait_for_selector("#outcome.reject")
    assert page.locator("#outcome[role=status][aria-live=polite]").count() == 1


@pytest.mark.slow
def test_a_mouse_a_finger_and_the_palm_beside_a_pen(opened):
    page = opened(device_scale_factor=2, has_touch=True)
    pad = page.locator("#pad").bounding_box()
    ratio = page.evaluate(
        "(() => { const pad = document.getElementById('pad'); return pad.width / pad.clientWidth })()"
    )
    assert abs(ratio - 2) < 0.01
    page.mouse.move(pad["x"] + 50, pad["y"] + 50)
    page.mouse.down()
    page.mouse.move(pad["x"] + 350, pad["y"] + 150, steps=20)
    page.mouse.up()
    assert page.get_by_role("img", name="Signature pad, 1 stroke").is_visible()
    page.touchscreen.tap(pad["x"] + 100, pad["y"] + 200)
    assert page.get_by_role("img", name="Signature pad, 2 strokes").is_visible()
    devtools = page.context.new_cdp_session(page)
    pen = {"x": pad["x"] + 80, "y": pad["y"] + 80, "pointerType": "pen", "button": "left", "force": 0.4}
    devtools.send("Input.dispatchMouseEvent", pen | {"type": "mousePressed", "clickCount": 1})
    devtools.send("Input.dispatchMouseEvent", pen | {"type": "mouseMoved", "x": pad["x"] + 180})
    page.touchscreen.tap(pad["x"] + 300, pad["y"] + 200)
    devtools.send("Input.dispatchMouseEvent", pen | {"type": "mouseReleased", "x": pad["x"] + 180})
    page.touchscreen.tap(pad["x"] + 300, pad["y"] + 200)
    assert page.get_by_role("img", name="Signature pad, 3 strokes").is_visible()


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'sigverify[kiosk]'")
    command = [
        sys.executable,
        "-m",
        "sigverify.cli",
        "kiosk",
        "--store",
        tmp_path / "kiosk.db",
        "--port",
        "0",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True, env=env)
    try:
        lines = iter(process.stdout.readline, "")
        printed = ""
        for line in lines:
            printed += line
            if line == "}\n":
                break
        said = json.loads(printed)
        assert len(said["operator_code"]) == 8
        with urllib.request.urlopen(f"{said['url']}api/health", timeout=10) as answer:  # noqa: S310
            assert json.load(answer) == {"healthy": True}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_what_the_command_refuses(tmp_path):
    pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'sigverify[kiosk]'")
    command = [sys.executable, "-m", "sigverify.cli", "kiosk", "--store", tmp_path / "kiosk.db", "--json"]
    for arguments, says in ((["--host", "0.0.0.0"], "token"), (["--code", "12"], "too short")):  # noqa: S104
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 4
        assert says in json.loads(done.stdout)["message"]
    assert not (tmp_path / "kiosk.db").exists()
