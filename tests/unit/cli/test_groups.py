"""Groups and open-set search from the outside."""

import json
import os
import subprocess

import pytest
from builders import template, to_csv
from warm_python import OF_COMMANDS, warm_python

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.store import SqliteStore


def run(*arguments):
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    command = [*warm_python(*OF_COMMANDS), "-m", "sigverify.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path / "its.db") as its:
        its.put(template("alice"))
    return tmp_path / "its.db"


def test_join_show_and_leave(store):
    joined = run("groups", "join", "-s", store, "-u", "alice", "staff", "--json")
    assert json.loads(joined.stdout) == {"user_id": "alice", "groups": ["staff"]}, joined.stderr
    assert run("groups", "show", "-s", store, "-u", "alice").stdout == "alice: staff\n"
    left = run("groups", "leave", "-s", store, "-u", "alice", "staff")
    assert left.stdout == "alice is in no group.\n"
    unknown = run("groups", "join", "-s", store, "-u", "bob", "staff", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["status"]) == (4, 41)


@pytest.mark.slow
def test_identify_among_a_group_and_nobody(tmp_path):
    """Seven processes, with the model that ships."""
    corpus = synthesize(SyntheticConfig(writers=3, genuine=6, skilled=0, seed=11))
    files = {}
    for sample in corpus.samples:
        path = to_csv(tmp_path / f"{len(files)}-{sample.number}.csv", sample.capture)
        files.setdefault(sample.writer, []).append(path)
    (alice, *hers), (bob, *his), (_, *strangers) = ([name, *paths] for name, paths in files.items())
    db = tmp_path / "its.db"
    for name, paths in ((alice, hers), (bob, his)):
        assert run("enroll", "-s", db, "-u", name, *paths[:5]).returncode == 0
    assert run("groups", "join", "-s", db, "-u", bob, "staff").returncode == 0
    found = run("identify", "-s", db, hers[5], "--fpir", "0.01", "--json")
    assert [match["user_id"] for match in json.loads(found.stdout)["matches"]] == [alice]
    staff = run("identify", "-s", db, hers[5], "--among", "staff", "--json")
    assert [match["user_id"] for match in json.loads(staff.stdout)["matches"]] == [bob]
    for probe, options in ((strangers[5], ()), (hers[5], ("--among", "staff"))):
        nobody = run("identify", "-s", db, probe, "--fpir", "0.01", *options)
        assert (nobody.returncode, nobody.stdout) == (3, "Nobody.\n"), nobody.stdout
