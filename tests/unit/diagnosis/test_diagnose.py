import json

import pytest

from sigverify.diagnosis import State, diagnose, machine
from sigverify.diagnosis.finding import look
from sigverify.errors import KeyUnavailable

NAMES = [
    "python", "runtime", "edge tpu", "native core", "model", "image model", "key", "store", "pens", "clock",
    "cpu governor", "heat", "entropy", "disk sync", "disk space", "locale", "extras",
]  # fmt: skip


def test_everything_is_looked_at_in_order():
    found = diagnose()
    assert [each.name for each in found] == NAMES
    assert [each for each in found if each.state is State.BAD] == []
    assert [each.name for each in found if each.state is not State.OK and not each.todo] == []
    assert json.loads(json.dumps([each.to_dict() for each in found]))[0]["state"] == "ok"


def test_a_check_that_fails_is_a_finding(monkeypatch):
    def broken():
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(machine, "heat", broken)
    [heat] = [each for each in diagnose() if each.name == "heat"]
    assert heat.state is State.BAD
    assert heat.found == "cannot be looked at: RuntimeError: two lines"


def test_an_error_of_ours_says_what_to_do():
    def refuse():
        raise KeyUnavailable("this user has no home for a key", hint="Name a key (--key)")

    finding = look("key", refuse)
    assert (finding.name, finding.state) == ("key", State.BAD)
    assert finding.found == "this user has no home for a key. Name a key (--key)"


@pytest.mark.parametrize("store", ["no\0name", "", "/", ":memory:"])
def test_names_that_make_no_sense(store):
    found = {each.name: each for each in diagnose(store=store, key="fd:99", model="\0", image_model="..")}
    assert list(found) == NAMES
    assert {found[name].state for name in ("store", "key", "model", "image model")} == {State.BAD}
