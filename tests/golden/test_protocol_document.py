"""docs/protocol.md says what the code does: kinds, fields, types, defaults, limits."""

import dataclasses
import re
from pathlib import Path

import phase_tables
import pytest

from firmware_bridge.daemon import service
from firmware_bridge.protocol import captures, fields, framing, messages, picture, strokes
from firmware_bridge.protocol import daemon_connection as connection
from firmware_bridge.protocol.messages import KINDS
from sigverify.signed import challenges

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "protocol.md").read_text()
ROWS = {
    int(kind): (name, body)
    for kind, name, body in re.findall(r"^\| (\d+) \| ([a-z_]+) \| ?(.*?) ?\|", TEXT, re.MULTILINE)
}
TYPES = {
    "int": "uint",
    "float": "number",
    "bool": "bool",
    "str": "text",
    "bytes": "bytes",
    "tuple[str, ...]": "[text]",
    "tuple[float, ...]": "[number]",
    "tuple[bool, ...]": "[bool]",
}


def described(kind):
    """A message's fields as the document writes them."""
    parts = []
    for each in dataclasses.fields(kind):
        hint = each.type.__name__ if isinstance(each.type, type) and each.type in PLAIN else str(each.type)
        optional = each.default is not dataclasses.MISSING
        shown = f" ({str(each.default).lower()})" if optional and default_counts(each.default) else ""
        parts.append(f"{each.name}{'?' * optional} {TYPES[hint.partition(' | ')[0]]}{shown}")
    return ", ".join(parts)


def default_counts(default):
    return default is not None and default not in ("", ())


PLAIN = (int, float, bool, str, bytes)


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.name)
def test_the_table_has_every_message_with_its_fields(kind):
    name, body = ROWS[kind.value]
    assert name == kind.name.lower()
    assert body.replace("(0)", "(0.0)") == described(KINDS[kind]).replace("(0)", "(0.0)")


def test_the_table_has_no_other():
    assert set(ROWS) == set(KINDS)


@pytest.mark.parametrize(
    "sentence",
    [
        f"the daemon {framing.MAX_PAYLOAD:,} bytes",
        f"client at least {framing.MIN_PAYLOAD:,}",
        f"of 8,192 bytes has {framing.longest_frame(8192) + 1:,}",
        f"until {connection.MAX_FAULTS} came in a row",
        f"a list has at most {fields.MAX_ITEMS} items",
        f"{fields.MAX_TEXT:,} bytes of UTF-8",
        f"{captures.MAX_CAPTURES} captures and {strokes.MAX_SAMPLES:,} samples",
        f"how many bytes the whole file has: 1 to {picture.MAX_IMAGE_BYTES:,}",
        f"have at most {picture.MAX_IMAGE_BYTES:,} bytes",
        f"all clients of the daemon {picture.MAX_BYTES_OF_ALL:,}",
        f"the next 1 to {picture.PIECE_BYTES:,} bytes",
        f"and {service.MAX_PIXELS:,} pixels at most",
        f"one of the {connection.WINDOW} newest answered",
        f"gives {challenges.NONCE_BYTES} of them, good for one capture of this line",
        f"for `life_s` seconds ({challenges.LIFE_S:g}), until the next hello. {challenges.MOST} may wait",
        f"highest version spoken ({messages.VERSION})",
    ],
)
def test_limits(sentence):
    assert sentence in " ".join(TEXT.split())


def test_the_phases_are_those_of_the_code():
    assert phase_tables.updated(TEXT) == TEXT, "run: python tests/support/phase_tables.py"
    assert f"later {connection.MAX_FAULTS + 1} pieces in a row" in " ".join(TEXT.split())
