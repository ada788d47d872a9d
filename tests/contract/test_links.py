"""Every link from a document to a file or heading of the repository leads somewhere."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in (found.relative_to(ROOT) for found in ROOT.rglob("*.md"))
    if not path.parts[0].startswith((".venv", ".pytest", "build"))
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<picture>[^)\s]+)\)")


FOLDERS = "(?:sigverify|converter|firmware_bridge|tests|benchmarks|docs)"

ANCHORS = runpy.run_path(str(ROOT / "docs" / "site" / "links.py"))["anchors"]
"""The same that the site has."""


def anchors(path):
    return ANCHORS(path.read_text("utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document):
    dead = []
    for match in LINK.finditer((ROOT / document).read_text("utf-8")):
        target = match["target"] or match["picture"]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / document).parent / file if file else ROOT / document
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            dead.append(target)
    assert not dead


def test_files_named_in_documents_are_there():
    """`sigverify/…` in backticks is a path of the repository."""
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if tracked.returncode:
        pytest.skip("no git here: an unpacked release")
    known = set(tracked.stdout.split())
    folders = {str(parent) for name in known for parent in Path(name).parents}
    dead = []
    for document in DOCUMENTS:
        if document.name == "CHANGELOG.md":
            continue
        text = (ROOT / document).read_text("utf-8")
        named = re.findall(rf"`({FOLDERS}/[\w./-]*)`", text)
        dead += [
            f"{document}: {name}"
            for name in named
            if "NAME" not in name and name.rstrip("/") not in known | folders and not (ROOT / name).exists()
        ]
    assert not dead
