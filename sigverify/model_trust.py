"""`admit`: let a model run only where the device's `Trust` and memory say so."""

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

from sigverify.audit import AuditLog, Event
from sigverify.errors import StoreError, UntrustedModel
from sigverify.model_file import SUFFIX, Model, shipped_models
from sigverify.protection.signing import ModelSignature, Trust, signature_path
from sigverify.store import Store

KIND: Final = "model-version"
"""The records that remember, for each model's name, the highest version this store has run."""

_log = logging.getLogger(__name__)


def admit(store: Store, model: Model, source: str | Path | Model, trust: Trust) -> ModelSignature:
    """Check the signature of a model before any of it is run, and remember its version against rollback.

    Args:
        store: which remembers, and whose audit log is told of a refusal and of every new version.
        model: as it was read: what is checked is what will run.
        source: where it was read from; its signature is looked for beside it.
        trust: whose word counts.

    Raises:
        UntrustedModel: unsigned, signed by somebody else, altered, or older than one seen before.
        StoreError: the store cannot be read, or a new version cannot be remembered.
    """
    name = model.manifest.name
    seen = _version(store.read_record(KIND, name))
    try:
        signature = _signature_beside(source)
        trust.check(model, signature, seen=seen)
    except UntrustedModel:
        _tell_refusal(store, model)
        raise
    if signature.version > seen:
        _remember(store, model, signature.version)
    return signature


def _signature_beside(source: str | Path | Model) -> ModelSignature:
    if isinstance(source, Model):
        raise UntrustedModel("a model in memory has no signature", hint="Hand in the path of its file")
    if isinstance(source, str) and source in shipped_models():
        raise UntrustedModel(
            f"the model {source!r} that ships is not signed by you",
            hint=f"Sign a copy (sigverify model sign {source} --out {source}{SUFFIX}) and name that file",
        )
    return ModelSignature.read(signature_path(os.fspath(source)))


def _remember(store: Store, model: Model, version: int) -> None:
    """Raise what is remembered; another process may have raised it further meanwhile."""
    name = model.manifest.name
    with store.transaction(local=True) as records:
        if version > _version(records.get(KIND, name)):
            records.put(KIND, name, str(version).encode())
            AuditLog(store).append(records, Event.MODEL_TRUSTED, model_id=model.id, version=version)


def _tell_refusal(store: Store, model: Model) -> None:
    """Note a refusal; where the store cannot be written, the refusal itself still stands."""
    with contextlib.suppress(StoreError), store.transaction(local=True) as records:
        AuditLog(store).append(records, Event.MODEL_REFUSED, model_id=model.id)
    _log.warning("refused model %s", model.id)


def _version(record: bytes | None) -> int:
    return 0 if record is None else int(record)
