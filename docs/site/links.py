"""Links of documents, as they are in the repository, and as they have to be on the site.

A document links to files of the repository. On the site a document is a page, another file a copy of itself
under `source/`; a folder is nothing that a site could show, so its name stays without a link.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = "docs/"
OTHERS: Final[Mapping[str, str]] = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "sigverify/models/base.md": "models/base.md",
    "sigverify/models/base-image.md": "models/base-image.md",
}
"""Documents outside of docs/ that are pages too."""
SOURCE: Final = "source/"
"""Where copies of other files lie that a page links to."""

_CODE: Final = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?P<text>\[[^\]]*\]|\[!\[[^\]]*\]\([^)\s]*\)\])\((?P<target>[^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)


def slug(heading: str, separator: str = "-") -> str:
    """Return the anchor of a heading, as hosts of repositories make it.

    >>> slug("Searching: 1:N, and `nobody`")
    'searching-1n-and-nobody'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings; of equal ones the second has -1 behind it.

    >>> sorted(anchors("# One" + chr(10) + "## [Two](two.md)" + chr(10) + "## One"))
    ['one', 'one-1', 'two']
    """
    found: set[str] = set()
    for heading in _HEADING.findall(_CODE.sub("", text)):
        name = slug(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading))
        number, unique = 0, name
        while unique in found:
            number += 1
            unique = f"{name}-{number}"
        found.add(unique)
    return found


def targets(text: str) -> Iterator[str]:
    """Yield what a document links to and shows, outside of code, but not addresses."""
    for part in _CODE.split(text)[::2]:
        for match in re.finditer(r"\]\(([^)\s]+)\)", part):
            if not re.match(r"[a-z]+:", match[1]):
                yield match[1]


def resolved(document: str, target: str) -> tuple[str, str]:
    """Return the path in the repository that a link of a document leads to, and the anchor.

    >>> resolved("docs/store.md", "../README.md#more"), resolved("docs/store.md", "#keys")
    (('README.md', 'more'), ('docs/store.md', 'keys'))
    """
    file, _, anchor = target.partition("#")
    return (
        posixpath.normpath(posixpath.join(posixpath.dirname(document), file)) if file else document,
        anchor,
    )


def place(path: str) -> str:
    """Return where a file of the repository lies on the site; "" for a folder.

    >>> place("docs/store.md"), place("README.md"), place("examples/gate.py"), place("examples")
    ('store.md', 'readme.md', 'source/examples/gate.py', '')
    """
    if (ROOT / path).is_dir():
        return ""
    if path in OTHERS:
        return OTHERS[path]
    if path.startswith(DOCS) and not path.endswith(".py"):
        return path.removeprefix(DOCS)
    # A document that is no page is shown as it is written.
    return SOURCE + path + (".txt" if path.endswith(".md") else "")


def rewritten(document: str, text: str) -> str:
    """Return a document with the links that it needs on the site."""
    page = place(document)

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return match[0]
        path, anchor = resolved(document, target)
        there = place(path)
        if not there:
            return match["text"][1:-1]
        relative = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{match['text']}({relative}{'#' if anchor else ''}{anchor})"

    parts = _CODE.split(text)
    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)
