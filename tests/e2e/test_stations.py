"""Enrollment stations from the outside: one that signs, and devices that use nothing else."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def answer(tmp_path):
    """Return a function that runs a command there: the exit code, and the object that it printed."""

    def answer(*arguments):
        command = [sys.executable, "-m", "sigverify.cli", *map(str, arguments), "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    return answer


def test_a_station_enrolls_and_others_use_it(answer, tmp_path):
    answer("samples", "--out", "s")
    alice, bob = ([f"s/{name}-{number}.csv" for number in range(1, 6)] for name in ("alice", "bob"))
    made = answer("station", "new-key", "station.key", "--name", "counter 2")[1]
    (tmp_path / "stations.txt").write_text(f"# whose\n{made['line']}\n")
    store, trusted = ("--store", "a.db"), ("--stations", "stations.txt")
    signing = (*trusted, "--station-key", "station.key")
    assert answer("enroll", *store, *signing, "--user", "alice", *alice)[0] == 0
    assert answer("verify", *store, *trusted, "--user", "alice", "s/alice-6.csv")[0] == 0
    code, said = answer("enroll", *store, *trusted, "--user", "bob", *bob)
    assert (code, said["error"], said["status"]) == (4, "UntrustedTemplate", 49)
    # Somebody who has the store and its key enrolls by themselves: nobody with the list takes it.
    assert answer("enroll", *store, "--user", "bob", *bob)[0] == 0
    code, said = answer("verify", *store, *trusted, "--user", "bob", "s/bob-6.csv")
    assert (code, said["error"]) == (4, "UntrustedTemplate")
    code, said = answer("identify", *store, *trusted, "s/bob-6.csv")
    assert [match["user_id"] for match in said["matches"]] == ["alice"]
    code, said = answer("store", "check", *store, *trusted)
    assert (code, [each["row"] for each in said["findings"]]) == (4, ["bob"])
