"""`FencedExamples`: examples in docstrings (`>>> …`) become blocks of code on the site."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^|(?<=\n))([ \t]*)(>>> .*(?:\n(?![ \t]*\n).*)*)")


def fenced(text: str) -> str:
    """Put a fence around each paragraph that begins with a prompt."""
    plain = re.sub(r" +# doctest: \+\w+$", "", text, flags=re.MULTILINE)
    return _EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", plain)


class FencedExamples(griffe.Extension):
    """Changes docstrings as they are read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
