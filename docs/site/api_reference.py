"""The reference of the Python interface, as Markdown: what `sigverify` makes public, from its docstrings."""

from typing import Final

HEAD: Final = """\
# Python API

What `import sigverify` offers; everything else may change without notice. Errors are at the end.

"""
FIRST: Final = (
    "Verifier",
    "Signature",
    "SignatureImage",
    "Decision",
    "read_signature",
    "read_capture",
    "similarity",
)
"""What a program begins with; the others follow by name."""


def api_reference() -> str:
    """Return a page with a directive for each public name."""
    from sigverify import _HOMES  # the one list of public names

    names = [*FIRST, *sorted(name for name in _HOMES if name not in FIRST and name != "SigverifyError")]
    members = [_members(f"{_HOMES[name]}.{name}") for name in names]
    return HEAD + "\n".join(members) + "\n## Errors\n\n" + _members("sigverify.errors", heading=3)


def _members(path: str, *, heading: int = 2) -> str:
    shown = "true" if heading == 2 else "false"
    return (
        f"::: {path}\n    options:\n      heading_level: {heading}\n      show_root_heading: {shown}\n"
        "      show_if_no_docstring: false\n"
    )
