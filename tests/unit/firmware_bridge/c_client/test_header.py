"""sigverify_client.h says what Python says: numbers of statuses, kinds, limits."""

import re
from pathlib import Path

from firmware_bridge import c_client, fields, framing, messages
from firmware_bridge.messages import Kind
from sigverify.errors import BY_STATUS
from sigverify.protection.keys import KEY_BYTES

TEXT = (Path(c_client.__path__[0]) / "sigverify_client.h").read_text()


def enum(name):
    body = re.search(rf"typedef enum {name} {{(.*?)}}", TEXT, re.DOTALL).group(1)
    return {key: int(value) for key, value in re.findall(r"SVC_(\w+) = (\d+)", body)}


def in_c(name):
    return "ERROR" if name == "SigverifyError" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def test_statuses_are_those_of_the_error_tree():
    of_python = {in_c(kind.__name__): status for status, kind in BY_STATUS.items()}
    assert enum("svc_status") == {"OK": 0, **of_python}


def test_kinds():
    of_python = {"FAILURE" if kind is Kind.ERROR else kind.name: int(kind) for kind in Kind}
    assert enum("svc_kind") == of_python


def test_limits():
    sizes = {key: int(value) for key, value in re.findall(r"#define SVC_(\w+) (\d+)", TEXT)}
    assert sizes["VERSION"] == messages.VERSION
    assert sizes["MAX_PAYLOAD"] == framing.MIN_PAYLOAD
    assert (sizes["MAX_TEXT"], sizes["MAX_ITEMS"]) == (fields.MAX_TEXT, fields.MAX_ITEMS)
    assert sizes["TOKEN_SIZE"] == KEY_BYTES
