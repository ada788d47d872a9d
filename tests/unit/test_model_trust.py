import pytest
from builders import model

from sigverify.audit import AuditLog, Event
from sigverify.errors import UntrustedModel
from sigverify.model_trust import KIND, admit
from sigverify.protection.signing import ModelSigner, Trust, sign, signature_path
from sigverify.store import MEMORY, SqliteStore

MODEL = model(name="kiosk")


@pytest.fixture
def store():
    with SqliteStore(MEMORY) as opened:
        yield opened


@pytest.fixture
def signer():
    return ModelSigner.generate()


@pytest.fixture
def trust(signer):
    return Trust(public_keys=(signer.public_key,))


@pytest.fixture
def path(tmp_path):
    MODEL.write(tmp_path / "kiosk.sigmodel")
    return tmp_path / "kiosk.sigmodel"


def events(store):
    return [entry.event for entry in AuditLog(store).entries()]


def release(path, signer, version):
    sign(MODEL, signer, version=version).write(signature_path(path))


def test_a_signed_model_is_admitted_and_noted_once(store, path, signer, trust):
    release(path, signer, 2)
    for source in (path, str(path)):
        assert admit(store, MODEL, source, trust).version == 2
    assert events(store) == [Event.MODEL_TRUSTED]


def test_rollback_is_refused_although_rightly_signed(store, path, signer, trust):
    release(path, signer, 2)
    admit(store, MODEL, path, trust)
    release(path, signer, 1)
    with pytest.raises(UntrustedModel, match="expected version 2 or newer"):
        admit(store, MODEL, path, trust)
    release(path, signer, 3)
    admit(store, MODEL, path, trust)
    assert store.read_record(KIND, "kiosk") == b"3"
    assert events(store) == [Event.MODEL_TRUSTED, Event.MODEL_REFUSED, Event.MODEL_TRUSTED]


def test_a_refused_version_is_not_remembered(store, path, trust):
    release(path, ModelSigner.generate(), 9)
    with pytest.raises(UntrustedModel, match="unknown key"):
        admit(store, MODEL, path, trust)
    assert store.read_record(KIND, "kiosk") is None


def test_unsigned_models_are_refused(store, path, trust):
    with pytest.raises(UntrustedModel, match="no signature that can be read"):
        admit(store, MODEL, path, trust)
    with pytest.raises(UntrustedModel, match="in memory"):
        admit(store, MODEL, MODEL, trust)
    with pytest.raises(UntrustedModel, match="sigverify model sign base"):
        admit(store, MODEL, "base", trust)
    assert events(store) == [Event.MODEL_REFUSED] * 3


def test_the_refusal_stands_where_it_cannot_be_written_down(tmp_path, path, trust):
    SqliteStore(tmp_path / "store.db").close()
    with (
        SqliteStore(tmp_path / "store.db", read_only=True) as store,
        pytest.raises(UntrustedModel, match="no signature"),
    ):
        admit(store, MODEL, path, trust)
