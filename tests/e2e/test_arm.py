"""The SDK from wheels on 64-bit ARM, emulated: the same numbers as here (`make test-arm`)."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from sigverify.experiments.samples import write_samples

PYTHON = os.environ.get("SIGVERIFY_ARM_PYTHON")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="no emulated ARM: `make test-arm` makes one (qemu-user-static)"
)

DECIDE = """
import json, sys
from pathlib import Path
from sigverify import Key, Matcher, Model, Policy, Verifier, read_signature
from sigverify.speed.benchmark import digest
from sigverify.speed.board import Board

folder, store = Path(sys.argv[1]), sys.argv[2]
matcher, decided = Matcher.open(Model.read("base"), runtime="litert"), {}
key = Key.from_file(folder / "store.key")
with Verifier.open(store, key=key, runtime="litert", policy=Policy.unguarded(), create=False) as verifier:
    for file in sorted(folder.glob("*.csv")):
        capture = read_signature(file)
        decision = verifier.verify("bob", capture)
        decided[file.stem] = [decision.outcome, decision.score, digest(matcher.embed(capture))]
print(json.dumps({"decided": decided, "architecture": Board.here().architecture}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Invented signatures, and a store that was made on ARM by the command line."""
    folder = tmp_path_factory.mktemp("arm")
    write_samples(folder)
    here(sys.executable, "-m", "sigverify.cli", "store", "keygen", folder / "store.key")
    references = [folder / f"bob-{number}.csv" for number in range(1, 6)]
    key = ("--key", folder / "store.key")
    said = here(
        PYTHON,
        "-m",
        "sigverify.cli",
        "enroll",
        "--store",
        folder / "k.db",
        "--user",
        "bob",
        *key,
        *references,
        "--json",
    )
    assert json.loads(said)["references"] == len(references)
    return folder


def here(*command):
    """What a process prints."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "SIGVERIFY_NATIVE": "off"}
    return subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, env=env, text=True).stdout


def test_decisions_there_are_those_of_here(folder):
    shutil.copy(folder / "k.db", folder / "copy.db")
    there, ours = (
        json.loads(here(python, "-c", DECIDE, folder, folder / store))
        for python, store in ((PYTHON, "k.db"), (sys.executable, "copy.db"))
    )
    assert there["architecture"] == "aarch64"
    assert there["decided"].keys() == ours["decided"].keys()
    assert [outcome for outcome, _, _ in ours["decided"].values()].count("accept") >= 1
    for name, (outcome, score, digest) in ours["decided"].items():
        outcome_there, score_there, digest_there = there["decided"][name]
        assert outcome_there == outcome, name
        assert digest_there == digest, name
        if score is not None:
            assert score_there == pytest.approx(score, abs=1e-6), name  # the last bits of a sum in float32
