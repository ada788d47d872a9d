"""The kiosk's page and the pages of reports, by the rules of axe-core (WCAG 2.2, A and AA)."""

from importlib.resources import files

import pytest
from builders import signature
from in_browser import SCREENS, Running, browser, opener, send, sign, sign_in

from sigverify.corpora.check import check_corpus
from sigverify.evaluation.page.corpus import render_check

__all__ = ["browser"]

SIZES = [SCREENS[0], (768, 1024), (360, 640)]
"""A kiosk, a tablet, and the smallest of phones."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def axe():
    pytest.importorskip("axe_playwright_python", reason="no axe: pip install 'sigverify[dev]'")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.fixture
def opened(browser, tmp_path):
    kiosk = Running(tmp_path / "kiosk.db")
    with opener(browser, kiosk) as its:
        yield its
    kiosk.close()


def violations(page, axe):
    """Return what the rules find: each rule with the elements that break it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    assert len(found["passes"]) > 10, "the rules did not run"
    return [
        (each["id"], each["help"], [node["html"] for node in each["nodes"]]) for each in found["violations"]
    ]


@pytest.mark.parametrize("size", SIZES)
def test_every_view_of_the_kiosk(opened, axe, size):
    page = opened(size)
    assert violations(page, axe) == []
    page.fill("#user", "nobody")
    sign(page, signature(0))
    send(page, "reject")
    assert violations(page, axe) == []
    page.click("#operator")
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    sign_in(page)
    views = [(view, kind) for view in ("verify", "enroll", "identify") for kind in ("pen", "image")]
    for view, kind in [*views, ("people", None)]:
        page.click(f"[data-view={view}]")
        if kind is not None:
            page.click(f"[data-kind={kind}]")
        assert violations(page, axe) == [], (view, kind)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_corpus(browser, axe, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.set_content(render_check(check_corpus("synthetic:writers=3,genuine=4,skilled=2")))
    assert violations(page, axe) == []
    page.close()
