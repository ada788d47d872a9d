import os
from dataclasses import replace

import pytest
from builders import model, template
from old_stores import KEY as OLD_KEY
from old_stores import old_file

from sigverify.diagnosis import State
from sigverify.diagnosis.belongings import Belongings
from sigverify.model_file import Model
from sigverify.protection.keys import Key, default_path
from sigverify.store import SqliteStore

BASE = Model.read("base")


@pytest.fixture
def key(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    Key.generate().to_file(tmp_path / "keys" / "store.key")
    return tmp_path / "keys" / "store.key"


@pytest.fixture
def path(tmp_path, key):
    with SqliteStore(tmp_path / "store.db", key=Key.from_file(key)) as store:
        for user in ("alice", "bob"):
            store.put(template(user, 2, model_id=BASE.id))
    return tmp_path / "store.db"


@pytest.fixture
def no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def belongings(**given):
    defaults = {"store": None, "key": None, "model": "base", "image_model": None}
    return Belongings(**defaults | {name: str(value) for name, value in given.items()})


def look(own):
    """Look at everything in the order of `diagnose`, and return what was found by name."""
    return {each.name: each for each in (own.model(), own.image_model(), own.key(), own.store())}


def test_all_is_well(path, key):
    found = look(belongings(store=path, key=key, image_model="base-image"))
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(found, State.OK)
    assert {each.todo for each in found.values()} == {""}
    assert found["store"].found == f"people: 2 by pen; models: pen {BASE.id}; version 5"
    assert f"base {BASE.id}, pen, int8, whole" in found["model"].found
    assert "thresholds skilled, random" in found["model"].found


def test_nothing_is_changed(path, key):
    before = {each: each.stat() for each in path.parent.rglob("*") if each.is_file()}
    look(belongings(store=path, key=key))
    after = {each: each.stat() for each in path.parent.rglob("*") if each.is_file()}
    assert {name: each.st_mtime_ns for name, each in after.items()} == {
        name: each.st_mtime_ns for name, each in before.items()
    }


@pytest.mark.skipif(os.name != "posix", reason="modes of files are of POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602])
def test_a_store_that_others_may_read_or_change(path, key, mode):
    path.chmod(mode)
    finding = look(belongings(store=path, key=key))["store"]
    assert finding.state is State.WARN
    assert f"mode {mode:04o}" in finding.found
    assert "chmod 600" in finding.todo


def test_a_store_that_is_open_elsewhere(path, key):
    with SqliteStore(path, key=Key.from_file(key)) as store:
        store.put(template("carol", 2, model_id=BASE.id))
        assert "people: 3 by pen" in look(belongings(store=path, key=key))["store"].found


def test_no_key_is_made(no_home, path):
    own = belongings()
    assert own.key().state is State.WARN
    assert "none yet" in own.key().found
    own = belongings(store=path)
    assert own.key().state is State.BAD
    assert own.store().state is State.BAD
    assert not no_home.exists()
    assert own.folder == path.parent
    assert belongings().folder == no_home.parent


@pytest.mark.usefixtures("no_home")
def test_the_users_own_key():
    Key.default()
    finding = belongings().key()
    assert finding.state is State.OK
    assert str(default_path()) in finding.found


def test_a_key_that_others_may_read(key):
    key.chmod(0o644)
    finding = belongings(key=key).key()
    assert finding.state is State.BAD
    assert "received mode 0644" in finding.found


def test_a_key_whose_folder_others_may_write_to(key):
    key.parent.chmod(0o777)
    finding = belongings(key=key).key()
    assert finding.state is State.BAD
    assert "others could put another file in place of the key" in finding.found
    assert "mode 0777" in finding.found
    key.parent.chmod(0o1777)
    assert belongings(key=key).key().state is State.OK


def test_a_key_beside_the_store(path, key):
    beside = path.with_name("its.key")
    os.link(key, beside)
    finding = belongings(store=path, key=beside).key()
    assert finding.state is State.WARN
    assert "beside the store" in finding.found


def test_a_key_from_elsewhere(monkeypatch):
    monkeypatch.setenv("ITS_KEY", "00ff" * 16)
    assert belongings(key="env:ITS_KEY").key().found == "from env:ITS_KEY"
    assert belongings(key="env:NO_KEY").key().state is State.BAD


@pytest.mark.parametrize(
    ("damage", "said"), [(b"", "empty"), (b"no store at all" * 99, "not a database")], ids=["empty", "other"]
)
def test_a_file_that_is_no_store(path, key, damage, said):
    path.write_bytes(damage)
    finding = look(belongings(store=path, key=key))["store"]
    assert finding.state is State.BAD
    assert said in finding.found
    assert path.read_bytes() == damage


def test_a_store_that_is_not_there(tmp_path, key):
    finding = look(belongings(store=tmp_path / "none.db", key=key))["store"]
    assert finding.state is State.BAD
    assert not (tmp_path / "none.db").exists()
    assert belongings(store=tmp_path / "no" / "folder" / "none.db").folder == tmp_path


def test_another_key(path, tmp_path):
    Key.generate().to_file(tmp_path / "keys" / "other.key")
    finding = look(belongings(store=path, key=tmp_path / "keys" / "other.key"))["store"]
    assert finding.state is State.BAD
    assert "key" in finding.found


def test_a_store_of_another_model(path, key, tmp_path):
    replace(BASE, manifest=replace(BASE.manifest, name="other")).write(tmp_path / "other.sigmodel")
    finding = look(belongings(store=path, key=key, model=tmp_path / "other.sigmodel"))["store"]
    assert finding.state is State.BAD
    assert "another model of pen" in finding.found


def test_a_store_of_a_kind_without_a_model(path, key):
    with SqliteStore(path, key=Key.from_file(key)) as store:
        store.put(template("alice", 2, modality="image", model_id="f" * 16))
    finding = look(belongings(store=path, key=key))["store"]
    assert finding.state is State.WARN
    assert "no model chosen for image" in finding.found


def test_a_store_of_the_version_before(tmp_path):
    OLD_KEY.to_file(tmp_path / "old.key")
    old_file(tmp_path / "old.db", people=0)
    own = belongings(store=tmp_path / "old.db", key=tmp_path / "old.key")
    finding = look(own)["store"]
    assert finding.state is State.WARN
    assert "version 3, where today's is 5" in finding.found


def test_a_server_is_not_asked():
    own = belongings(store="postgresql://nowhere.invalid/x")
    assert own.store().state is State.WARN
    assert not own.has_file


def test_models_that_cannot_be_used(tmp_path):
    broken = tmp_path / "broken.sigmodel"
    broken.write_bytes(BASE.to_bytes()[:-1] + b"x")
    finding = belongings(model=broken).model()
    assert finding.state is State.BAD
    assert "does not match its hash" in finding.found
    assert belongings(model="bsae").model().state is State.BAD


def test_a_model_that_was_never_fitted(tmp_path):
    model().write(tmp_path / "toy.sigmodel")
    finding = belongings(model=tmp_path / "toy.sigmodel").model()
    assert finding.state is State.WARN
    assert "never fitted" in finding.found


def test_models_of_pictures():
    alone = belongings(model="base-image", image_model="base-image")
    assert "image" in alone.model().found
    assert "the model itself" in alone.image_model().found
    none = look(belongings())["image model"]
    assert (none.state, none.found) == (State.OK, "none: no pictures are taken")
    strokes = look(belongings(image_model="base"))["image model"]
    assert strokes.state is State.BAD
    assert "no model of pictures" in strokes.found
