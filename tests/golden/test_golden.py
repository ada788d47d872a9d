"""What later versions must still compute and read; `make golden` writes the files anew."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from builders import arithmetic_matcher, signature

from sigverify import Key, Model, Template, Verifier
from sigverify.decision import Reason
from sigverify.errors import StoreError
from sigverify.store import SqliteStore
from sigverify.store.check import Part, check

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("regenerate", HERE / "regenerate.py")
regenerate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(regenerate)

ENROLL_AGAIN = "template of another version; expected 4; received 1. Enroll again"
TOLERANCE = 2e-5
"""Admits another order of summation in float32; a change of the arithmetic shows in the third digit."""


@pytest.mark.parametrize("name", sorted(json.loads((HERE / "numbers.json").read_text())))
def test_numbers_are_as_they_were(name):
    expected = json.loads((HERE / "numbers.json").read_text())[name]
    np.testing.assert_allclose(regenerate.numbers()[name], expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", regenerate.NAMES)
def test_what_is_seen_of_a_picture_is_the_same_to_the_bit(name):
    assert regenerate.pictures()[name] == json.loads((HERE / "pictures.json").read_text())[name]


@pytest.mark.parametrize("name", regenerate.NAMES)
def test_the_input_is_what_the_script_writes(name):
    assert (HERE / f"{name}.csv").read_text() == regenerate.to_csv(regenerate.scrawl(name))


def test_a_template_of_this_version_still_reads():
    data = (HERE / "template.bin").read_bytes()
    kept, now = Template.from_bytes(data), regenerate.template()
    assert (kept.user_id, kept.model_id, kept.created) == (now.user_id, now.model_id, now.created)
    assert kept.to_bytes() == data
    np.testing.assert_allclose(kept.spread, now.spread, atol=TOLERANCE)
    # A value that lies on the edge between two int8 steps may fall either way.
    for name in ("series", "detail"):
        one, other = (getattr(its.references, name).astype(int) for its in (kept, now))
        assert np.abs(one - other).max() <= 1


def test_the_protocol_is_as_it_was():
    now = json.loads(json.dumps(regenerate.protocol()))
    assert now == json.loads((HERE / "protocol.json").read_text())


def test_a_model_of_this_version_still_reads():
    data = (HERE / "model.sigmodel").read_bytes()
    assert Model.from_bytes(data) == regenerate.model()
    assert regenerate.model().to_bytes() == data


@pytest.fixture
def old_store(tmp_path):
    """Return a function that opens a copy of the store of the version before modalities.

    Its templates are of version 1, by a model for features of version 1.
    """
    path = shutil.copy(HERE / "store-v3.db", tmp_path / "store.db")
    model = Model.read(HERE / "model.sigmodel")
    model.__dict__["id"] = "511b6cf6e26c4709"

    def opened(*, read_only=False):
        store = SqliteStore(path, key=Key(bytes(range(32))), read_only=read_only)
        return Verifier(store, arithmetic_matcher(model))

    return opened


@pytest.mark.parametrize("read_only", [True, False])
def test_all_but_the_templates_of_an_old_store_still_reads(old_store, read_only):
    with old_store(read_only=read_only) as verifier:
        assert verifier.users() == ("alice", "bob")
        assert verifier.groups("alice") == ("staff",)
        assert verifier.audit.verify().intact
        assert len(list(verifier.audit.entries())) == 7
        health = check(verifier.store)
        assert (health.records, health.entries) == (5, 7)
        assert {(each.part, each.row) for each in health.findings} == {
            (Part.TEMPLATES, "alice"),
            (Part.TEMPLATES, "bob"),
        }
        assert all(ENROLL_AGAIN in each.detail for each in health.findings)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_template_of_another_version_says_so(old_store, read_only):
    with old_store(read_only=read_only) as verifier:
        for ask in (
            lambda: verifier.store.get("alice", "pen"),
            lambda: verifier.score("alice", signature(0, 9)),
            lambda: verifier.verify("alice", signature(0, 9)),
        ):
            with pytest.raises(StoreError, match=ENROLL_AGAIN) as caught:
                ask()
            assert "damaged" not in str(caught.value)


def test_whoever_has_one_enrolls_again_or_is_forgotten(old_store):
    with old_store() as verifier:
        verifier.forget("bob")
        assert verifier.users() == ("alice",)
        verifier.enroll("alice", [signature(0, number) for number in range(20, 25)], replace=True)
        assert verifier.groups("alice") == ("staff",)
        assert verifier.verify("alice", signature(0, 9)).accepted
        # What was shown before is remembered.
        assert verifier.verify("alice", signature(0, 8)).reason is Reason.REPLAY
        assert check(verifier.store).sound
        assert verifier.audit.verify().intact
