import re
from importlib.resources import files

import pytest

from firmware_bridge.kiosk.page_files import PATHS

PAGE = files("firmware_bridge.kiosk") / "page"


def text(name):
    return (PAGE / name).read_text("utf-8")


def test_every_file_is_served(visitor):
    assert {name for name, _ in PATHS.values()} == {each.name for each in PAGE.iterdir()}
    for path, (name, kind) in PATHS.items():
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == kind
        assert answer.content == (PAGE / name).read_bytes()


def test_a_file_that_the_browser_has_is_not_sent_again(visitor):
    etag = visitor.get("/app.js").headers["ETag"]
    again = visitor.get("/app.js", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_comes_from_elsewhere_and_nothing_is_inline():
    page = text("index.html")
    assert not re.search(
        r"https?://", page + text("kiosk.css") + text("app.js") + text("manifest.webmanifest")
    )
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]* src=)", page)
    for code in (each.name for each in PAGE.iterdir() if each.name.endswith(".js")):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text(code))


def test_the_worker_keeps_every_file_but_itself():
    kept = set(re.findall(r'"(/[^"]*)"', text("worker.js").partition("const FILES = ")[2].partition(";")[0]))
    assert kept == set(PATHS) - {"/worker.js"}


def test_what_the_script_looks_for_is_in_the_page():
    ids = set(re.findall(r'id="(\w+)"', text("index.html")))
    assert set(re.findall(r'\$\("(\w+)"\)', text("app.js"))) <= ids
    assert set(re.findall(r'"(ask\w+)"', text("question.js"))) <= ids
    labeled = re.findall(r'(?:for|aria-labelledby|aria-describedby|list)="(\w+)"', text("index.html"))
    assert set(labeled) <= ids


def test_every_operation_that_the_page_uses_exists():
    from firmware_bridge.kiosk.operations import OPERATIONS

    known = {(each.method, each.path.split("{")[0].rstrip("/")) for each in OPERATIONS}
    used = re.findall(r'(?:call|ask)\("(\w+)", [`"](/api/\w+)', text("app.js") + text("api.js"))
    assert len(set(used)) >= 8
    assert set(used) <= known


def test_what_the_page_knows_of_the_sdks_words():
    from sigverify import errors
    from sigverify.decision import Outcome, Reason

    named = re.findall(
        r"^  (\w+): \[", text("words.js").partition("FAILURES = {")[2].partition("};")[0], re.MULTILINE
    )
    assert named
    assert {*named, "AlreadyEnrolled"} <= set(dir(errors))
    outcomes = {outcome.name.lower() for outcome in Outcome}
    for table in ("OUTCOMES", "PLAIN"):
        known = re.findall(r"(\w+): \"", text("words.js").partition(f"{table} = {{")[2].partition("}")[0])
        assert set(known) == outcomes
    by_score = {reason for reason in Reason if reason.value.startswith("the score")}
    assert by_score == {Reason.ALIKE, Reason.UNLIKE, Reason.UNSURE}, "the others are said as they are"


def luminance(color):
    """Relative luminance of `#rrggbb`, WCAG 2.2."""
    values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read(dark):
    css = text("kiosk.css")
    day, night = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    colors = dict(re.findall(r"--(\w+): (#\w{6})", day + night if dark else day))
    for words in ("text", "quiet", "good", "bad", "unsure"):
        assert contrast(colors[words], colors["desk"]) >= 4.5, words
    for words, behind in (("text", "box"), ("quiet", "box"), ("quiet", "faint"), ("text", "faint")):
        assert contrast(colors[words], colors[behind]) >= 4.5, words
    for edge in ("edge", "focus"):
        for behind in ("desk", "box"):
            assert contrast(colors[edge], colors[behind]) >= 3, edge
    assert contrast("#ffffff", colors["accent"]) >= 4.5
    on_paper = re.findall(r"#(?:prompt|legend) \{[^}]*?[ ;]color: (#\w{6})", css)
    assert len(on_paper) == 2
    for words in on_paper:
        assert contrast(words, colors["paper"]) >= 4.5, words
    for ink in re.findall(r'(?:INK|REFERENCE) = "(#\w{6})"', text("pad.js")):
        assert contrast(ink, colors["paper"]) >= 3, ink
