"""Pictures of signatures on the kiosk's page, in a real Chromium: chosen, turned, cut out, sent."""

import io
import re

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from in_browser import CODE, PHONE, SCREENS, SIDEWAYS, Running, browser, opener, send, sign_in, until
from PIL import Image, ImageDraw
from toy_images import drawn, image_matcher

from sigverify.decision import Reason
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.policy import Policy
from sigverify.store import SqliteStore
from sigverify.verifier import Verifier

__all__ = ["browser"]

WIDE = (1600, 1200)
PLACE = (420, 500, 1320, 950)
"""Where on a form the signature is: left, top, right, bottom."""


@pytest.fixture
def kiosk(tmp_path):
    verifier = Verifier(
        SqliteStore(tmp_path / "kiosk.db"),
        arithmetic_matcher(),
        others={"image": image_matcher},
        policy=Policy.kiosk(),
    )
    running = Running(verifier)
    yield running
    running.close()


@pytest.fixture
def opened(browser, kiosk):
    with opener(browser, kiosk) as its:
        yield its


def form(writer, repetition=0):
    """A photograph of a printed form with a signature on it, in a light that is not even."""
    page = Image.new("L", WIDE, 225)
    ink = drawn(signature(writer, repetition), size=(900, 450), width=9)
    page.paste(ink.point(lambda level: min(level, 225)), PLACE[:2])
    pen = ImageDraw.Draw(page)
    for line, top in enumerate(range(100, 420, 50)):
        pen.rectangle([150, top, 900 + 60 * line, top + 14], fill=90)
    noise = np.random.default_rng(repetition).normal(0, 3, WIDE[::-1])
    lit = np.asarray(page) * np.linspace(1, 0.75, WIDE[0]) + noise
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def choose(page, picture, name="form.jpg"):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    page.set_input_files("#file", {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()})
    page.wait_for_selector("#tools:not([hidden])")


def on_screen(page, x, y, size=WIDE):
    """Where a point of a picture of that size is in the window."""
    box = page.locator("#photo").bounding_box()
    scale = min(box["width"] / size[0], box["height"] / size[1])
    left = box["x"] + (box["width"] - scale * size[0]) / 2
    return left + scale * x, box["y"] + (box["height"] - scale * size[1]) / 2 + scale * y


def drag(page, start, *further, size=WIDE):
    page.mouse.move(*on_screen(page, *start, size=size))
    page.mouse.down()
    for each in further:
        page.mouse.move(*on_screen(page, *each, size=size))
    page.mouse.up()


def cut_out(page, margin=20):
    left, top, right, bottom = PLACE
    drag(page, (left - margin, top - margin), (700, 700), (right + margin, bottom + margin))


def part(page):
    """What is cut out, as the page says it: width, height, left, top, in percent."""
    words = page.get_attribute("#photo", "aria-label")
    return [int(word) for word in words.replace(",", "").split() if word.isdigit()]


@pytest.fixture
def operating(opened):
    """Return a function that opens the page for an operator who shows pictures."""

    def operating(*arguments, **options):
        page = opened(*arguments, **options)
        sign_in(page)
        page.click("[data-kind=image]")
        return page

    return operating


@pytest.fixture
def received(monkeypatch):
    """The pictures that reach the SDK."""
    from firmware_bridge.kiosk import operations

    seen = []

    def received(grey):
        seen.append(SignatureImage(grey))
        return seen[-1]

    monkeypatch.setattr(operations, "SignatureImage", received)
    return seen


@pytest.mark.slow
def test_enrol_accept_reject_identify(operating, kiosk):
    page = operating()
    page.click("[data-view=enroll]")
    page.fill("#user", "alice")
    for repetition in range(5):
        choose(page, form(3, repetition))
        cut_out(page)
        page.click("#go")
        words = f"{4 - repetition} more" if repetition < 4 else "is enrolled"
        page.locator("#outcome", has_text=words).wait_for()
    assert kiosk.verifier.users("image") == ("alice",)
    page.click("[data-view=verify]")
    page.fill("#user", "alice")
    choose(page, form(3, 9))
    cut_out(page)
    assert "Accepted" in send(page, "accept")[0]
    assert page.is_visible("#meter")
    assert page.is_disabled("#go")
    page.click("#clear")
    choose(page, form(8, 1))
    cut_out(page)
    assert "Not accepted" in send(page, "reject")[0]
    page.click("[data-view=identify]")
    choose(page, form(3, 10))
    cut_out(page)
    assert "alice" in send(page, "accept")[0]


@pytest.mark.slow
def test_what_is_cut_out_is_what_is_sent(operating, received):
    page = operating()
    page.fill("#user", "nobody")
    choose(page, form(3))
    cut_out(page)
    send(page)
    [its] = received
    height, width = its.grey.shape
    wanted = np.asarray(form(3).crop((400, 480, 1340, 970)))
    assert abs(width / height - wanted.shape[1] / wanted.shape[0]) < 0.03
    across, down = (np.linspace(0, size - 1, 200).astype(int) for size in (wanted.shape[1], wanted.shape[0]))
    of_its = its.grey[np.ix_((down * height) // wanted.shape[0], (across * width) // wanted.shape[1])]
    assert np.corrcoef(wanted[np.ix_(down, across)].ravel(), of_its.ravel())[0, 1] > 0.7


@pytest.mark.slow
def test_it_is_turned_by_quarters_and_the_part_with_it(operating, received):
    page = operating()
    page.fill("#user", "nobody")
    choose(page, form(3).rotate(90, expand=True))
    turned = WIDE[::-1]
    # Counter-clockwise by 90 degrees (x, y) is at (y, width - x).
    drag(page, (480, 1600 - 1340), (700, 700), (970, 1600 - 400), size=turned)
    before = part(page)
    page.click("#turn")
    after = part(page)
    assert after[:2] == before[1::-1]
    cut = page.evaluate("getComputedStyle(document.getElementById('photo')).cursor")
    assert cut == "crosshair"
    send(page)
    height, width = received[0].grey.shape
    assert abs(width / height - 940 / 490) < 0.05
    for _ in range(4):
        page.click("#turn")
    assert part(page) == after


@pytest.mark.slow
def test_the_part_is_moved_and_stretched(operating):
    page = operating(SCREENS[1])
    choose(page, form(3))
    assert part(page) == [100, 100, 0, 0]
    assert page.is_disabled("#whole")
    drag(page, (400, 300), (800, 600), (1200, 900))
    assert part(page) == [50, 50, 25, 25]
    drag(page, (800, 600), (960, 720))  # by its middle
    assert part(page) == [50, 50, 35, 35]
    drag(page, (1360, 1020), (1200, 900))  # by its corner
    assert part(page) == [40, 40, 35, 35]
    drag(page, (560, 660), (240, 660))  # by its left edge
    assert part(page)[::2] == [60, 15]
    drag(page, (100, 100), (900, 500))  # anew
    assert part(page) == [50, 33, 6, 8]
    drag(page, (900, 500), (3000, 3000))  # over the edge of the sheet
    left, top = part(page)[2:]
    assert (part(page)[0] + left, part(page)[1] + top) == (100, 100)
    page.click("#whole")
    assert part(page) == [100, 100, 0, 0]


@pytest.mark.slow
def test_by_keyboard(operating):
    page = operating()
    choose(page, form(3))
    assert page.evaluate("document.activeElement.id") == "photo"
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    assert part(page) == [60, 60, 0, 0]
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    assert part(page) == [60, 60, 10, 10]
    for _ in range(99):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowUp")
    assert part(page) == [60, 4, 40, 10]
    page.keyboard.press("Escape")
    assert page.is_visible("#choose")
    assert page.is_disabled("#go")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_no_picture_and_what_has_no_ink(operating, language):
    page = operating(language=language)
    page.fill("#user", "alice")
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.wait_for_selector("#outcome.refer")
    assert page.inner_text("#detail")
    assert page.is_visible("#choose")
    choose(page, Image.new("L", (400, 200), 255))
    assert send(page)[0]
    page.click("#clear")
    choose(page, form(3))
    assert page.is_enabled("#go")


@pytest.mark.slow
def test_a_picture_that_is_large(operating, received):
    """What is sent is bounded, whatever a camera makes; the part keeps the detail that is of use."""
    page = operating()
    page.fill("#user", "nobody")
    rng = np.random.default_rng(0)
    choose(page, Image.fromarray(rng.integers(0, 256, (3000, 4000, 3), np.uint8)))
    send(page)
    assert max(received[0].grey.shape) <= 1280


@pytest.mark.slow
def test_a_visitor_is_offered_no_pictures(opened):
    page = opened()
    assert page.is_hidden("#kinds")
    sign_in(page)
    assert page.is_visible("#kinds")
    page.click("[data-kind=image]")
    assert page.is_hidden("#pad")
    page.click("#operator")  # signs out
    page.wait_for_selector("#kinds", state="hidden")
    assert page.is_visible("#pad")


@pytest.mark.slow
def test_another_kind_or_view_leaves_nothing_behind(operating, kiosk):
    page = operating()
    page.click("[data-view=enroll]")
    page.fill("#user", "alice")
    choose(page, form(3))
    cut_out(page)
    send(page, "accept")
    page.click("[data-kind=pen]")  # leaves the enrollment
    assert page.locator("#steps .done").count() == 0
    page.click("[data-kind=image]")
    assert page.is_visible("#choose")
    choose(page, form(3))
    page.click("[data-view=identify]")
    assert page.is_visible("#choose")
    assert kiosk.verifier.users() == ()


@pytest.mark.slow
def test_clear_before_a_slow_answer(operating):
    page = operating()
    page.fill("#user", "nobody")
    choose(page, form(3))
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/verify", hold)
    page.click("#go")
    page.wait_for_selector("#said:text-is('One moment…')")
    page.click("#clear")
    choose(page, form(4))
    with page.expect_response("**/api/verify"):
        held.pop().continue_()
    page.wait_for_selector("#go:enabled")
    assert page.inner_text("#said") == "Cut out the signature."


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_nobody_is_asked_to_sign_a_picture(operating, language):
    page = operating(language=language)
    page.click("[data-view=enroll]")
    page.fill("#user", "alice")
    for kind in ("accept", "refer"):
        choose(page, form(3))
        cut_out(page)
        _, detail = send(page, kind)
    assert (
        detail
        == {
            "en": "That was a copy of an earlier one. 4 more to go.",
            "de": "Das war eine Kopie einer früheren. Noch 4.",
        }[language]
    )


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("reason", list(Reason))
def test_nobody_is_told_to_sign_again_who_shows_pictures(operating, language, reason):
    page = operating(language=language)
    page.fill("#user", "alice")
    answer = {
        "outcome": "reject", "accepted": False, "reason": reason, "score": None, "threshold": None,
        "flaw": None, "unlike": [], "missing": [], "retry_after_s": 0,
    }  # fmt: skip
    page.route("**/api/verify", lambda route: route.fulfill(json=answer))
    choose(page, form(3))
    _, detail = send(page, "reject")
    assert not re.search(r"sign (again|anew|as)|unterschreiben Sie", detail), detail
    if reason in (Reason.REPLAY, Reason.POOR, Reason.UNLIKE):
        assert {"en": "another picture", "de": "anderes Bild"}[language] in detail
    assert page.evaluate("outcome.scrollHeight <= outcome.clientHeight + 1"), "all of it is seen"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("size", [*SCREENS, PHONE, (820, 1180), SIDEWAYS[0]])
def test_everything_fits(operating, size, language):
    page = operating(size, language=language, has_touch=True)
    choose(page, form(3))
    assert page.evaluate("[document.body.scrollWidth, document.body.scrollHeight]") <= list(size)
    for control in page.locator("#tools button").all():
        box = control.bounding_box()
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    photo, tools = (page.locator(each).bounding_box() for each in ("#photo", "#tools"))
    assert min(photo["width"], photo["height"]) >= 120
    beside = tools["x"] + tools["width"] <= photo["x"] + 1
    assert beside or tools["y"] + tools["height"] <= photo["y"] + 1
    page.click("#clear")
    until(page, "document.getElementById('shoot').getClientRects().length > 0")


@pytest.mark.slow
def test_a_device_without_a_model_for_pictures(browser, tmp_path):
    verifier = Verifier(SqliteStore(tmp_path / "kiosk.db"), arithmetic_matcher(), policy=Policy.kiosk())
    running = Running(verifier)
    try:
        with opener(browser, running) as opened:
            page = opened()
            sign_in(page, CODE)
            assert page.is_hidden("#kinds")
    finally:
        running.close()
