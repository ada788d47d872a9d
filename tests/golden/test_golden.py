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
from sigverify.store import SqliteStore
from sigverify.store.check import check

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("regenerate", HERE / "regenerate.py")
regenerate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(regenerate)

TOLERANCE = 2e-5
"""Admits another order of summation in float32; a change of the arithmetic shows in the third digit."""


@pytest.mark.parametrize("name", sorted(json.loads((HERE / "numbers.json").read_text())))
def test_numbers_are_as_they_were(name):
    expected = json.loads((HERE / "numbers.json").read_text())[name]
    np.testing.assert_allclose(regenerate.numbers()[name], expected, atol=TOLERANCE)


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
    assert np.abs(kept.references.series.astype(int) - now.references.series).max() <= 1


def test_the_protocol_is_as_it_was():
    now = json.loads(json.dumps(regenerate.protocol()))
    assert now == json.loads((HERE / "protocol.json").read_text())


def test_a_model_of_this_version_still_reads():
    data = (HERE / "model.sigmodel").read_bytes()
    assert Model.from_bytes(data) == regenerate.model()
    assert regenerate.model().to_bytes() == data


@pytest.mark.parametrize("read_only", [True, False])
def test_a_store_of_the_version_before_modalities_still_opens(tmp_path, read_only):
    path = shutil.copy(HERE / "store-v3.db", tmp_path / "store.db")
    key, model = Key(bytes(range(32))), Model.read(HERE / "model.sigmodel")
    # Its templates are of a model for features of version 1, which give the same numbers for such captures.
    model.__dict__["id"] = "511b6cf6e26c4709"
    matcher = arithmetic_matcher(model)
    with Verifier(SqliteStore(path, key=key, read_only=read_only), matcher) as verifier:
        assert verifier.users() == ("alice", "bob")
        assert verifier.groups("alice") == ("staff",)
        assert verifier.score("alice", signature(0, 9)) > 0.9 > verifier.score("alice", signature(1, 9))
        assert [match.user_id for match in verifier.identify(signature(1, 9), fpir=0.01)] == ["bob"]
        assert verifier.audit.verify().intact
        assert len(list(verifier.audit.entries())) == 7
        assert check(verifier.store).sound
        if not read_only:
            assert verifier.verify("alice", signature(0, 9)).accepted
            assert not verifier.verify("alice", signature(1, 9)).accepted
            # What was shown before the migration is remembered after it.
            assert verifier.verify("alice", signature(0, 8)).reason is Reason.REPLAY
            assert check(verifier.store).sound
            assert verifier.audit.verify().intact
