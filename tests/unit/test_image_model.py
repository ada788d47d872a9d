"""`Verifier.open` with a model of pictures beside that of strokes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builders import model, signature
from toy_images import image_model, picture, running_model

import sigverify
from sigverify.audit import Event
from sigverify.errors import ConfigError, ModelError, UntrustedModel
from sigverify.image_model import DEFAULT
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.protection.signing import ModelSigner, Trust, sign, signature_path
from sigverify.store import MEMORY
from sigverify.verifier import Verifier

ROOT = Path(sigverify.__file__).parents[1]


@pytest.fixture
def path(tmp_path):
    running_model().write(tmp_path / "pictures.sigmodel")
    return tmp_path / "pictures.sigmodel"


def test_both_models_from_files(path):
    with Verifier.open(MEMORY, image_model=path, runtime="litert", policy=Policy.unguarded()) as verifier:
        assert verifier.modalities == ("pen", "image")
        verifier.enroll("alice", [*(signature(0, n) for n in range(3)), *(picture(0, n) for n in range(3))])
        assert verifier.verify("alice", (signature(0, 7), picture(0, 7)), fmr=0.1).accepted
        assert verifier.model.manifest.name == "base"


def test_a_model_of_pictures_alone(path):
    for others in ({}, {"image_model": None}, {"image_model": DEFAULT}):
        with Verifier.open(MEMORY, model=path, runtime="litert", **others) as verifier:
            assert verifier.modalities == ("image",)
            verifier.enroll("alice", [picture(0, n) for n in range(3)])
            assert verifier.verify("alice", picture(0, 7), fmr=0.1).accepted
    with pytest.raises(ConfigError, match="two models of pictures"):
        Verifier.open(MEMORY, model=path, image_model=path)


def test_no_pictures():
    with Verifier.open(MEMORY, image_model=None) as verifier:
        assert verifier.modalities == ("pen",)
        with pytest.raises(ConfigError, match="expected pen; received image"):
            verifier.identify(picture(0))


@pytest.mark.parametrize("wrong", ["base", model(), Model.read("base")], ids=["a name", "a model", "base"])
def test_a_model_of_strokes_takes_no_pictures(wrong):
    with pytest.raises(
        ConfigError, match=r"no model of pictures; expected one of modality image.*modality pen"
    ):
        Verifier.open(MEMORY, image_model=wrong)


def test_a_chosen_model_that_is_not_there_shows_at_once(tmp_path):
    with pytest.raises(ModelError, match="no such model"):
        Verifier.open(MEMORY, image_model=tmp_path / "absent.sigmodel")


def test_trust_is_demanded_of_both(tmp_path, path):
    signer = ModelSigner.generate()
    trust = Trust(public_keys=(signer.public_key,))
    strokes = tmp_path / "strokes.sigmodel"
    Model.read("base").write(strokes)
    sign(Model.read("base"), signer, version=1).write(signature_path(strokes))
    with pytest.raises(UntrustedModel, match="no signature"):
        Verifier.open(MEMORY, model=strokes, image_model=path, trust=trust)
    with Verifier.open(MEMORY, model=strokes, trust=trust) as verifier:  # strokes are fine without pictures
        verifier.enroll("alice", [signature(0, n) for n in range(3)], quality="record")
        with pytest.raises(ModelError):  # the one that ships is not signed by this key
            verifier.identify(picture(0))
    sign(running_model(), signer, version=1).write(signature_path(path))
    with Verifier.open(MEMORY, model=strokes, image_model=path, trust=trust, runtime="litert") as verifier:
        assert verifier.identify(picture(0)) == []
        events = [entry.event for entry in verifier.audit.entries()]
        assert events == [Event.MODEL_TRUSTED, Event.MODEL_TRUSTED]


STROKES_ALONE = """
import json, sys
sys.path.insert(0, "tests/support")
from builders import signature
from sigverify import Verifier
with Verifier.open(":memory:", runtime="litert") as verifier:
    verifier.enroll("alice", [signature(0, n) for n in range(3)], quality="record")
    verifier.verify("alice", signature(0, 7))
    verifier.identify(signature(0, 8), fpir=0.1)
    verifier.enrollment("bob").add(signature(1, 0))
    verifier.prepare()
print(json.dumps([name for name in sys.modules if name.split(".")[0] == "PIL" or "modality.image" in name]))
"""


def test_strokes_alone_cost_no_more_than_before():
    """No model of pictures is read, no second network run, and Pillow not imported."""
    done = subprocess.run(
        [sys.executable, "-c", STROKES_ALONE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_network_of_pictures_is_loaded_with_the_first_one():
    with Verifier.open(MEMORY, image_model=image_model(), runtime="litert") as verifier:  # no network in it
        verifier.enroll("alice", [signature(0, n) for n in range(3)], quality="record")
        with pytest.raises(ModelError, match="network"):
            verifier.identify(picture(0))
