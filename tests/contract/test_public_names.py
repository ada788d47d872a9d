import importlib
import typing
from pathlib import Path

import pytest
from public_stub import public_stub

import sigverify
from sigverify import errors


@pytest.mark.parametrize("name", sigverify.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(sigverify, name)
    assert name in dir(sigverify)
    assert value.__doc__


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="no attribute 'Verfier'"):
        _ = sigverify.Verfier


def test_type_checkers_see_the_same_names_from_the_same_places():
    assert Path(sigverify.__file__).with_suffix(".pyi").read_text() == public_stub()
    for name, home in sigverify._HOMES.items():
        value = getattr(importlib.import_module(home), name)
        assert value is getattr(sigverify, name)
        assert value.__module__.startswith(home), "listed where it is defined, or re-exported"


def test_errors_have_numbers_of_their_own():
    tree = [errors.SigverifyError]
    for each in tree:
        tree.extend(each.__subclasses__())
    ours = {each.__name__: each.status for each in tree if each.__module__ == errors.__name__}
    assert len(set(ours.values())) == len(ours)
    assert ours == STATUSES


STATUSES = {
    "SigverifyError": 1,
    "InvalidSignature": 10,
    "FormatError": 11,
    "UnknownFormat": 12,
    "UntrustedCapture": 13,
    "ModelError": 20,
    "MalformedModel": 21,
    "IncompatibleModel": 22,
    "UntrustedModel": 23,
    "RuntimeUnavailable": 30,
    "MissingExtra": 31,
    "StoreError": 40,
    "UnknownUser": 41,
    "AlreadyEnrolled": 42,
    "MalformedTemplate": 43,
    "KeyUnavailable": 44,
    "WrongKey": 45,
    "DamagedStore": 46,
    "StoreUnreachable": 47,
    "StaleCache": 48,
    "UntrustedTemplate": 49,
    "EnrollmentError": 50,
    "ConfigError": 60,
    "CorpusError": 61,
    "SplitLeak": 62,
    "TrainingError": 63,
    "ConversionError": 64,
    "BridgeError": 70,
    "ProtocolError": 71,
    "Misuse": 72,
    "Disconnected": 73,
    "NotAllowed": 74,
    "Busy": 75,
}
"""Part of the wire protocol and of the C interface: a number is never reused."""


def test_the_tree_in_the_docstring_is_the_tree():
    for name, status in STATUSES.items():
        assert any(
            line.split()[:3].count(str(status)) or f" {status} " in f"{line} "
            for line in errors.__doc__.splitlines()
            if name in line
        ), name


def test_types_ship():
    assert (Path(sigverify.__file__).parent / "py.typed").is_file()
    assert typing.get_type_hints(sigverify.Verifier.verify)["return"] is sigverify.Decision
