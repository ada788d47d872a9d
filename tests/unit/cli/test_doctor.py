import pytest
from builders import template

from sigverify.model_file import Model
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore


@pytest.fixture
def key(tmp_path):
    Key.generate().to_file(tmp_path / "keys" / "store.key")
    return tmp_path / "keys" / "store.key"


def test_a_machine_that_is_well(run, answer):
    code, content = answer("doctor")
    assert (code, content["bad"]) == (0, [])
    assert {"name", "state", "found", "todo"} == set(content["findings"][0])
    code, printed = run("doctor")
    assert code == 0
    for each in content["findings"]:
        assert any(line.startswith(each["name"]) for line in printed.splitlines()), each


def test_a_store(answer, tmp_path, key):
    with SqliteStore(tmp_path / "store.db", key=Key.from_file(key)) as store:
        store.put(template("alice", 2, model_id=Model.read("base").id))
    before = sorted(tmp_path.iterdir())
    code, content = answer("doctor", "--store", tmp_path / "store.db", "--key", key)
    [finding] = [each for each in content["findings"] if each["name"] == "store"]
    assert (code, finding["state"]) == (0, "ok")
    assert finding["found"].startswith("people: 1 by pen")
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_wrong_ends_it_with_4(run, answer, tmp_path, key):
    wrong = ("doctor", "--store", tmp_path / "none.db", "--key", key, "--image-model", "none")
    code, content = answer(*wrong)
    assert (code, content["bad"]) == (4, ["store"])
    code, printed = run(*wrong)
    assert code == 4
    assert "→ Check the name" in printed
    assert not (tmp_path / "none.db").exists()
