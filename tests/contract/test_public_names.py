import ast
import importlib
import typing
from pathlib import Path

import pytest

import sigverify
from sigverify import errors

PUBLIC = {
    "Addition",
    "AdditionReason",
    "Aspect",
    "AuditLog",
    "Decision",
    "Enrollment",
    "EnrollmentReceipt",
    "Impostor",
    "IndexKind",
    "Key",
    "Manifest",
    "Match",
    "Model",
    "Outcome",
    "Policy",
    "Reason",
    "Runtime",
    "Schedule",
    "Signature",
    "SigverifyError",
    "SqliteStore",
    "Store",
    "Template",
    "Trust",
    "Verifier",
    "__version__",
    "errors",
    "read_signature",
}


def test_the_public_names_are_these():
    assert set(sigverify.__all__) == PUBLIC
    assert sigverify.__all__ == sorted(sigverify.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_documented(name):
    value = getattr(sigverify, name)
    assert name in dir(sigverify)
    assert value.__doc__


def test_no_other_name_is():
    with pytest.raises(AttributeError, match="no attribute 'Verfier'"):
        _ = sigverify.Verfier


def test_type_checkers_see_the_same_names_from_the_same_places():
    tree = ast.parse(Path(sigverify.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.name: node.module for node in imports for alias in node.names}
    assert imported == {name: f"sigverify.{home}" for name, home in sigverify._HOMES.items()}
    for name, home in imported.items():
        assert getattr(importlib.import_module(home), name) is getattr(sigverify, name)


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
