"""sigverify_client.h says what Python says: numbers of statuses, kinds, limits."""

import re
from pathlib import Path

from c_header import enum, in_c

from firmware_bridge import c_client
from firmware_bridge.protocol import fields, framing, messages, picture
from firmware_bridge.protocol.messages import Kind
from firmware_bridge.protocol.phase import CLIENT
from sigverify.errors import BY_STATUS
from sigverify.protection.keys import KEY_BYTES
from sigverify.signed.challenges import NONCE_BYTES
from sigverify.signed.signed_capture import MAC_BYTES

TEXT = (Path(c_client.__path__[0]) / "sigverify_client.h").read_text()


def test_statuses_are_those_of_the_error_tree():
    of_python = {in_c(kind.__name__): status for status, kind in BY_STATUS.items()}
    assert enum(TEXT, "svc_status", "SVC") == {"OK": 0, **of_python}


def test_kinds():
    of_python = {"FAILURE" if kind is Kind.ERROR else kind.name: int(kind) for kind in Kind}
    assert enum(TEXT, "svc_kind", "SVC") == of_python


def test_phases_are_those_of_a_client():
    of_python = {phase.name: int(phase) for phase in set(CLIENT.values())}
    assert enum(TEXT, "svc_phase", "SVC_PHASE") == of_python


def test_limits():
    sizes = {key: int(value) for key, value in re.findall(r"#define SVC_(\w+) (\d+)", TEXT)}
    assert sizes["VERSION"] == messages.VERSION
    assert sizes["MAX_PAYLOAD"] == framing.MIN_PAYLOAD
    assert sizes["MOST_BYTES"] == picture.PIECE_BYTES
    assert (sizes["MAX_TEXT"], sizes["MAX_ITEMS"]) == (fields.MAX_TEXT, fields.MAX_ITEMS)
    assert sizes["TOKEN_SIZE"] == sizes["KEY_SIZE"] == KEY_BYTES
    assert (sizes["NONCE_SIZE"], sizes["MAC_SIZE"]) == (NONCE_BYTES, MAC_BYTES)
