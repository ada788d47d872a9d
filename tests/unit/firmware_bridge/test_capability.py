import pytest

from firmware_bridge.capability import (
    ALL,
    BY_DEFAULT,
    DAEMON,
    Capability,
    Grant,
    read_capabilities,
    read_grants,
)
from firmware_bridge.kiosk.settings import Settings
from sigverify.errors import ConfigError


def read(source):
    return f"hidden in {source}"


def test_a_grant_is_a_name_capabilities_and_where_the_secret_is():
    pen, desk = read_grants(["pen:verify,enroll:env:PEN", "desk:users:/run/a:b"], read)
    assert (pen.name, pen.secret) == ("pen", "hidden in env:PEN")
    assert pen.may == {Capability.VERIFY, Capability.ENROLL}
    assert desk.secret == read("/run/a:b")
    assert "hidden" not in repr(pen)


@pytest.mark.parametrize(
    "texts",
    [
        [""], ["pen"], ["pen:verify"], ["pen:verify:"], [":verify:file"], ["pen::file"], ["pen:sing:file"],
        ["pen:verify,:file"], ["pen:unlock:file"], ["x" * 65 + ":verify:file"], ["a\nb:verify:file"],
        ["pen:verify:a", "pen:users:b"],
    ],
)  # fmt: skip
def test_what_is_none(texts):
    with pytest.raises(ConfigError) as error:
        read_grants(texts, read, DAEMON)
    assert "hidden" not in str(error.value)


def test_capabilities_by_name():
    assert read_capabilities(["verify", "forget"]) == {Capability.VERIFY, Capability.FORGET}
    with pytest.raises(ConfigError, match="some of verify"):
        read_capabilities(["everything"])


def test_nothing_that_changes_what_others_enrolled_is_given_without_a_word():
    assert not BY_DEFAULT & {Capability.REPLACE, Capability.FORGET, Capability.UNLOCK}
    assert BY_DEFAULT < DAEMON < ALL


def grant(secret, name="a"):
    return Grant(name=name, secret=secret, may=ALL)


@pytest.mark.parametrize(
    "settings",
    [
        {"operators": (grant("short"),)},
        {"clients": (grant("too short"),)},
        {"clients": (grant("no header can: Ä" * 2),)},
        {"code": "123456", "operators": (grant("123456"),)},
        {"clients": (grant("0123456789" * 2), grant("0123456789" * 2, "b"))},
        {"host": "192.0.2.1", "operators": (grant("123456"),)},
    ],
)
def test_secrets_that_protect_nothing(settings):
    with pytest.raises(ConfigError):
        Settings(**settings)
