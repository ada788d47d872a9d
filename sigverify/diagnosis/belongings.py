"""`Belongings`: the key, the models and the store of one device, looked at and never changed."""

import os
from pathlib import Path
from typing import Final

from sigverify.diagnosis.finding import Finding, State
from sigverify.errors import KeyUnavailable, ModelError, SigverifyError
from sigverify.matching.scoring import Impostor
from sigverify.model_file import Model
from sigverify.protection.keys import Key, default_path
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.store import SqliteStore, is_server
from sigverify.store.sqlite_database import SCHEMA_VERSION

PICTURES: Final = "image"
"""The modality that a model of pictures is of."""


class Belongings:
    """The key, the models and the store that a command would use; what one check reads, the next uses."""

    def __init__(
        self, *, store: str | Path | None, key: str | None, model: str, image_model: str | None
    ) -> None:
        """Take where they are; see `diagnose`. Nothing is read yet."""
        self._store = store
        self._source = key
        self._names = model, image_model
        self._key: Key | None = None
        self._models: dict[str, Model] = {}

    @property
    def folder(self) -> Path:
        """Where the store lies, or would; without one the user's state; the nearest folder that is there."""
        if self._store is not None and not is_server(self._store):
            wanted = Path(self._store).absolute().parent
        else:
            wanted = default_path().parent
        return next(each for each in (wanted, *wanted.parents) if each.is_dir())

    @property
    def has_file(self) -> bool:
        """Whether a store in a file was named."""
        return self._store is not None and not is_server(self._store)

    def key(self) -> Finding:
        """Read the key where it is; none is made."""
        path = self._key_file()
        if self._source is None and path is not None and not os.path.lexists(path):
            return self._no_key(path)
        try:
            self._key = Key.default(create=False) if self._source is None else Key.from_source(self._source)
        except KeyUnavailable as error:
            return Finding(
                name="key",
                state=State.BAD,
                found=str(error),
                todo="Name the key that the store was made with (--key), which only you may read or replace",
            )
        if path is None:
            return Finding(name="key", state=State.OK, found=f"from {self._source}")
        return self._kept_well(path)

    def model(self) -> Finding:
        """Read the model, whose hash tells whether it is whole."""
        return self._read("model", self._names[0])

    def image_model(self) -> Finding:
        """Read the model of pictures, if there is to be one. The other model is looked at before."""
        name = self._names[1]
        if PICTURES in self._models:
            return Finding(name="image model", state=State.OK, found="none: the model itself takes pictures")
        if name is None:
            return Finding(name="image model", state=State.OK, found="none: no pictures are taken")
        finding = self._read("image model", name)
        if finding.state is not State.BAD and PICTURES not in self._models:
            return Finding(
                name="image model",
                state=State.BAD,
                found=f"{finding.found}: no model of pictures",
                todo="Pass it as --model; --image-model none takes no pictures",
            )
        return finding

    def pens(self, source: str | None) -> Finding:
        """Read the keys of pens that sign captures, if there are to be some."""
        if source is None:
            return Finding(name="pens", state=State.OK, found="captures need not be signed (--capture-keys)")
        try:
            keys = CaptureKeys.from_source(source)
        except KeyUnavailable as error:
            return Finding(
                name="pens",
                state=State.BAD,
                found=str(error),
                todo="Keep them in a file that only you may read or replace: sigverify pens list FILE",
            )
        good = sum(keys.devices.values())
        found = f"{good} may sign, {len(keys.devices) - good} revoked; captures of no other are taken"
        if good:
            return Finding(name="pens", state=State.OK, found=found)
        return Finding(
            name="pens", state=State.BAD, found=found, todo="Give one a key: sigverify pens add FILE PEN"
        )

    def store(self) -> Finding:
        """Open the store read-only with the key. Key and models are looked at before."""
        if self._store is None:
            return Finding(name="store", state=State.OK, found="none was named (--store)")
        if is_server(self._store):
            return Finding(
                name="store",
                state=State.WARN,
                found="on a server, which is not asked: opening it could change it",
                todo="Look at it by: sigverify store check --store ADDRESS",
            )
        if not Path(self._store).is_file():
            return Finding(
                name="store",
                state=State.BAD,
                found=f"no store at {self._store}",
                todo="Check the name, or enroll somebody, which makes one",
            )
        if self._key is None:
            return Finding(
                name="store",
                state=State.BAD,
                found="cannot be opened without its key",
                todo="Name the key that it was made with (--key)",
            )
        try:
            with SqliteStore(self._store, key=self._key, create=False, read_only=True, still=True) as opened:
                return self._inside(opened)
        except SigverifyError as error:
            return Finding(
                name="store",
                state=State.BAD,
                found=str(error),
                todo="Name the key it was made with; where it is damaged, sigverify store check, or a backup",
            )

    def _key_file(self) -> Path | None:
        """Return the file that the key is read from; None: from elsewhere."""
        if self._source is None:
            return default_path()
        kind, _, name = self._source.partition(":")
        return None if kind in ("env", "fd") and name else Path(self._source)

    def _no_key(self, path: Path) -> Finding:
        if self.has_file and Path(str(self._store)).exists():
            return Finding(
                name="key",
                state=State.BAD,
                found=f"none at {path}, and there is a store",
                todo="Name the key that the store was made with (--key), or put it back",
            )
        return Finding(
            name="key",
            state=State.WARN,
            found=f"none yet at {path}; the first enrollment makes it",
            todo="Nothing to try out; in earnest make one elsewhere: sigverify store keygen FILE",
        )

    def _kept_well(self, path: Path) -> Finding:
        """Say whether a key that can be read lies where it should."""
        folder = path.absolute().parent
        if self.has_file and folder.resolve() == self.folder.resolve():
            return Finding(
                name="key",
                state=State.WARN,
                found=f"{path}, beside the store",
                todo="Keep it elsewhere: whoever takes the folder has both; see docs/store.md",
            )
        return Finding(name="key", state=State.OK, found=f"{path}, only its owner may read it")

    def _read(self, what: str, name: str) -> Finding:
        try:
            model = Model.read(name)
        except ModelError as error:
            return Finding(
                name=what,
                state=State.BAD,
                found=str(error),
                todo="Copy the file again from where it was made, or name one that ships (base, base-image)",
            )
        manifest = model.manifest
        self._models[manifest.modality] = model
        scoring = manifest.scoring
        kinds = [kind for kind in Impostor if all(kind in row.thresholds for row in scoring.rows.values())]
        found = (
            f"{manifest.name} {model.id}, {manifest.modality}, {manifest.precision}, whole; cues "
            f"{', '.join(cue.name for cue in manifest.cues)}; thresholds {', '.join(kinds) or 'none'}"
        )
        if scoring.calibrated and len(kinds) == len(Impostor):
            return Finding(name=what, state=State.OK, found=found)
        return Finding(
            name=what,
            state=State.WARN,
            found=found if scoring.calibrated else f"{found}, never fitted",
            todo="Fit its thresholds (sigverify convert, --calibrate-on): until then rates mean little",
        )

    def _inside(self, store: SqliteStore) -> Finding:
        """Say who is in an open store, and whether the models fit."""
        with store.database.guard("read"):
            version = store.database.pragma("user_version")
        bound = store.models()
        people = ", ".join(f"{store.count(kind)} by {kind}" for kind in sorted(bound))
        models = ", ".join(f"{kind} {model}" for kind, model in sorted(bound.items()))
        found = f"people: {people or 'none'}; models: {models or 'none'}; version {version}"
        for kind, model_id in sorted(bound.items()):
            chosen = self._models.get(kind)
            if chosen is None:
                return Finding(
                    name="store",
                    state=State.WARN,
                    found=f"{found}; no model chosen for {kind}",
                    todo="Name the model that they were enrolled with (--model, --image-model)",
                )
            if chosen.id != model_id:
                return Finding(
                    name="store",
                    state=State.BAD,
                    found=f"{found}; enrolled with another model of {kind} than {chosen.id}",
                    todo="Name the model that they were enrolled with, or enroll them anew with this one",
                )
        if version != SCHEMA_VERSION:
            return Finding(
                name="store",
                state=State.WARN,
                found=f"{found}, where today's is {SCHEMA_VERSION}",
                todo="Back it up: it is migrated when it is next opened for writing",
            )
        mode = Path(str(self._store)).stat().st_mode & 0o777
        if os.name == "posix" and mode & 0o077:  # a release before made them so, or somebody did by hand
            return Finding(
                name="store",
                state=State.WARN,
                found=f"{found}; others may read or change the file (mode {mode:04o})",
                todo=f"chmod 600 {self._store}",
            )
        return Finding(name="store", state=State.OK, found=found)
