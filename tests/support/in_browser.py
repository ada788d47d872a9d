"""The kiosk's page, served by a thread, in a real Chromium."""

import contextlib
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from running_daemon import eventually

from sigverify.policy import Policy
from sigverify.verifier import Verifier

CODE = "24681357"
SCREENS = [(800, 480), (1024, 600), (1920, 1080)]
PHONE = (390, 844)
SMALL_PHONE = (360, 640)
SIDEWAYS = [(640, 360), (667, 375), (844, 390)]
TABLET = (768, 1024)
DRAW = Path(__file__).with_name("draw.js").read_text()


class Running:
    """A page that is served by a thread, and can be stopped and started at the same address."""

    def __init__(self, verifier, **settings):
        """Serve a verifier, or what `Verifier.open` opens at a path."""
        from firmware_bridge.kiosk.settings import Settings

        self.settings = Settings(**{"code": CODE} | settings)
        given = isinstance(verifier, Verifier)
        self.verifier = verifier if given else Verifier.open(verifier, policy=Policy.kiosk())
        self.port = 0
        self.start()

    def start(self):
        from firmware_bridge.kiosk.server import address, bind, listen, make_server

        self.listening = bind("127.0.0.1", self.port)
        listen(self.listening)
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
        # A name that is not this machine's, as other machines' browsers would use one.
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP kiosk.example 127.0.0.1"]
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@contextlib.contextmanager
def opener(browser, kiosk):
    """Yield a function that opens the page on a screen of that size; scripts must not fail on it.

    Its service worker, which fetches all files once more, runs where a test allows service workers. A test
    that leaves something on a page, other than what the page keeps, says `alone`.
    """
    pages, failures = [], []

    def note(error):
        failures.append(str(error))

    def opened(size=SCREENS[0], *, language="", alone=False, **options):
        kind = None if alone or "service_workers" in options else repr(sorted(options.items()))
        page = _a_page(browser, kind, options)
        pages.append((kind, page))
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.on("pageerror", note)
        page.goto(kiosk.url + (f"?lang={language}" if language else ""))
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for kind, page in pages:
        if kind is None or page.is_closed():
            page.context.close()
        else:
            page.remove_listener("pageerror", note)
            page.unroute_all()
            page.goto("about:blank")
            _at_rest.setdefault(browser, {}).setdefault(kind, []).append(page)
    assert failures == [], failures


def _a_page(browser, kind, options):
    """A page in a context with such options: a new one, or one that a test is done with, in half of the time.

    What a page keeps, browsers keep by origin, and the kiosk of each test has a port of its own.
    """
    if at_rest := _at_rest.get(browser, {}).get(kind):
        return at_rest.pop()
    return browser.new_context(**{"service_workers": "block"} | options).new_page()


_at_rest = weakref.WeakKeyDictionary()
"""By browser and kind, the pages that no test has at the moment."""


def until(page, condition):
    """Wait for a JavaScript expression to hold.

    It is asked from outside again and again: Playwright's own wait_for_function evaluates it in the
    page from the second time on, which the page's Content-Security-Policy forbids.
    """
    eventually(lambda: page.evaluate(condition), seconds=30)


def strokes_on(pad, its):
    """Return the signature's strokes as points of the window, four fifths of the pad large."""
    scale = 0.8 * min(pad["width"] / np.ptp(its.x), pad["height"] / np.ptp(its.y))
    x = pad["x"] + pad["width"] / 2 + scale * (its.x - (its.x.min() + its.x.max()) / 2)
    y = pad["y"] + pad["height"] / 2 + scale * (its.y - (its.y.min() + its.y.max()) / 2)
    rows = np.column_stack([x, y, its.time_ms, its.pressure])
    starts = np.flatnonzero(~its.ink)
    return [stroke.tolist() for stroke in np.split(rows, starts) if len(stroke) > 1]


def sign(page, its):
    """Write a signature on the pad as a pen would."""
    page.evaluate(DRAW, strokes_on(page.locator("#pad").bounding_box(), its))


def scribble(page):
    """Write a line on the pad, where it does not matter what."""
    pad = page.locator("#pad").bounding_box()
    line = [[pad["x"] + 40 + 9 * step, pad["y"] + 40 + 7 * (step % 5), 8 * step, 0.5] for step in range(25)]
    page.evaluate(DRAW, [line])


def send(page, kind=""):
    """Press the button; return what is then said, once it says something of that kind."""
    page.click("#go")
    page.wait_for_selector(f"#outcome.{kind}" if kind else "#outcome:not([class=''])")
    return page.inner_text("#said"), page.inner_text("#detail")


def sign_in(page, code=CODE):
    page.click("#operator")
    page.fill("#code", code)
    page.click("#codego")
    page.wait_for_selector("body.operating")
