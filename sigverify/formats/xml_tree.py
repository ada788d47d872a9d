"""`parse_xml`: XML of strangers, read within bounds: no entities, little depth, not too many elements."""

from typing import TYPE_CHECKING, Final

from sigverify.errors import FormatError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_DEPTH: Final = 64
"""Elements within each other; ink has under ten."""
MAX_ELEMENTS: Final = 100_000
"""Elements in all: every stroke is one, and a signature has under 100,000 samples."""
MAX_ATTRIBUTES: Final = 5 * MAX_ELEMENTS
"""Equals signs in the text: the parser takes seconds for an element of a million attributes."""


def parse_xml(data: bytes, title: str) -> "Element":
    """Return the root element; `title` is what an error calls the content.

    Nothing is fetched. Text in UTF-8 is read as that, whatever its declaration says: the reader decoded it.

    Raises:
        FormatError: not well-formed, with entities of its own, or beyond the bounds.
    """
    if data.count(b"=") > MAX_ATTRIBUTES:
        raise _too_much(title)
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    parser = DefusedXMLParser(target=_bounded_builder(title), encoding=_encoding(data))
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ParseError as error:
        line, column = error.position
        raise FormatError(f"line {line}, column {column}: not well-formed XML", expected=title) from None
    except DefusedXmlException:
        raise FormatError(
            "the XML defines entities, which are never expanded", expected=f"{title} without them"
        ) from None
    except (LookupError, ValueError):
        raise FormatError("an encoding that is not known", expected=f"{title} in UTF-8") from None
    return root


def local_name(element: "Element") -> str:
    """Return the name of an element without its namespace.

    >>> from xml.etree.ElementTree import Element
    >>> local_name(Element("{http://www.w3.org/2003/InkML}trace"))
    'trace'
    """
    return element.tag.rpartition("}")[2]


def _too_much(title: str) -> FormatError:
    return FormatError(
        "more XML than ink has",
        expected=f"{title} of at most {MAX_ELEMENTS} elements, {MAX_DEPTH} within each other",
    )


def _encoding(data: bytes) -> str | None:
    try:
        data.decode()
    except UnicodeDecodeError:
        return None  # what the declaration says
    return "utf-8"


def _bounded_builder(title: str) -> object:
    """Build the class on first use: the module is loaded with the SDK, XML only with a file of it."""
    from xml.etree.ElementTree import Element, TreeBuilder

    class Bounded(TreeBuilder):
        """Counts while the tree is built, so that it never outgrows the bounds."""

        def __init__(self) -> None:
            super().__init__()
            self.depth = self.count = 0

        def start(self, tag: str, attrs: dict[str, str], /) -> Element:
            self.depth += 1
            self.count += 1
            if self.depth > MAX_DEPTH or self.count > MAX_ELEMENTS:
                raise _too_much(title)
            return super().start(tag, attrs)

        def end(self, tag: str, /) -> Element:
            self.depth -= 1
            return super().end(tag)

    return Bounded()
