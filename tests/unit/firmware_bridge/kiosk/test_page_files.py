import re
from importlib.resources import files

import pytest

from firmware_bridge.kiosk.page_files import PATHS
from firmware_bridge.kiosk.refusal import Refusal
from firmware_bridge.kiosk.texts import ENGLISH, ERRORS, NAMES, script
from firmware_bridge.kiosk.texts import PAGE as PAGE_TEXTS
from sigverify import errors
from sigverify.decision import Outcome, Reason
from sigverify.words import LANGUAGES

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


SCRIPTS = [each.name for each in PAGE.iterdir() if each.name.endswith(".js") and each.name != "texts.js"]


def test_the_texts_are_those_of_python():
    assert text("texts.js") == script(), "make golden writes it anew"


def test_every_text_is_said_in_every_language_with_the_same_values():
    for table in PAGE_TEXTS.values():
        assert {key: set(re.findall(r"{(\w+)}", words)) for key, words in table.items()} == {
            key: set(re.findall(r"{(\w+)}", words)) for key, words in ENGLISH.items()
        }
    assert {language: set(table) for language, table in ERRORS.items()} == {
        language: set(ERRORS["en"]) for language in LANGUAGES
    }
    assert set(PAGE_TEXTS) == set(NAMES) == set(LANGUAGES)


def test_the_page_says_every_text_and_no_other():
    page, code = text("index.html"), "".join(map(text, SCRIPTS))
    named = set(re.findall(r'data-(?:text|label|hint)="(\w+)"', page))
    named |= set(re.findall(r'\b(?:text|leave)\("(\w+)"', code))
    asked = {key for key in ENGLISH if f'"{key}"' in code or f"{{ {key}" in code or f", {key} }}" in code}
    keys = {key for key in ENGLISH if key.startswith("key_") and key[4:] in text("keyboard.js")}
    outcomes = {outcome.value for outcome in Outcome}
    assert named <= set(ENGLISH), "a text that there is not"
    assert named | asked | keys | outcomes == set(ENGLISH), "a text that is said nowhere"


def test_no_words_stand_in_the_page_itself():
    """What is in the markup is English for a browser that runs no script, and named."""
    for words in re.findall(r">([^<>]*[a-z]{2}[^<>]*)<", text("index.html").partition("<body>")[2]):
        assert words.strip() in ENGLISH.values(), words
    for tag in re.findall(r"<(\w+)((?:[^<>]*?)data-text=\"\w+\"[^<>]*)>([^<>]*)<", text("index.html")):
        [key] = re.findall(r'data-text="(\w+)"', tag[1])
        assert tag[2] == ENGLISH[key]
    labels = r'(?:aria-label|placeholder)="([^"]*)"\s+data-(?:label|hint)="(\w+)"'
    for label, key in re.findall(labels, text("index.html")):
        assert label == ENGLISH[key]
    for name in SCRIPTS:
        code = re.sub(r"//[^\n]*", "", text(name))
        for words in re.findall(r'"([^"\n]*)"', code) + re.findall(r"`([^`]*)`", code):
            written = re.sub(r"\$\{[^}]*\}", "", words)
            selector = written.startswith(("#", ".", "["))
            assert selector or not re.search(r"[A-Za-z]{2} [a-z]{2}", written), (
                f"{name} says {words!r} itself"
            )


def test_the_page_decides_by_tokens():
    code = text("words.js")
    by_score = set(re.findall(r"(\w+): \"", code.partition("BY_SCORE = {")[2].partition("}")[0]))
    assert by_score == {Reason.ALIKE, Reason.UNLIKE, Reason.UNSURE}, "what depends on the score"
    assert not re.search(r"startsWith|\.message\b|includes\(\"", code)
    assert ".message" not in text("app.js")
    compared = set(re.findall(r'reason === "(\w+)"', text("app.js")))
    assert compared
    assert compared <= {refusal.value for refusal in Refusal}
    for table in ERRORS.values():
        assert set(table) <= set(dir(errors))


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
