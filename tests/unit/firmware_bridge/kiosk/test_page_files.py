import re
from importlib.resources import files

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
    for code in ("app.js", "api.js", "live.js", "pad.js", "worker.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text(code))


def test_the_worker_keeps_every_file_but_itself():
    kept = set(re.findall(r'"(/[^"]*)"', text("worker.js").partition("const FILES = ")[2].partition(";")[0]))
    assert kept == set(PATHS) - {"/worker.js"}


def test_what_the_script_looks_for_is_in_the_page():
    ids = set(re.findall(r'id="(\w+)"', text("index.html")))
    assert set(re.findall(r'\$\("(\w+)"\)', text("app.js"))) <= ids
    labelled = re.findall(r'(?:for|aria-labelledby|aria-describedby|list)="(\w+)"', text("index.html"))
    assert set(labelled) <= ids


def test_every_operation_that_the_page_uses_exists():
    from firmware_bridge.kiosk.operations import OPERATIONS

    known = {(each.method, each.path.split("{")[0].rstrip("/")) for each in OPERATIONS}
    used = re.findall(r'call\("(\w+)", [`"](/api/\w+)', text("app.js") + text("api.js"))
    assert used
    assert set(used) <= known
