"""The command line from the outside: a quick demo makes a model, and every other command uses it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders import signature as scrawl
from builders import to_csv
from toy_images import drawn, running_model
from warm_python import OF_COMMANDS, warm_python

from sigverify.corpora.synthetic import SyntheticConfig, synthesize

COMMANDS = (
    "enroll",
    "verify",
    "identify",
    "users",
    "forget",
    "unlock",
    "kiosk",
    "serve",
    "info",
    "plot",
    "train",
    "evaluate",
    "compare",
    "reproduce",
    "convert",
    "demo",
    "formats",
    "import",
)

SLOW_TO_BEGIN = ("convert", "demo", "evaluate", "report", "train")
"""Commands that import TensorFlow or scikit-learn; their help does not."""


def run(*arguments, python=None, **environment):
    """Run the command as a user does; stdout, stderr and the exit code."""
    env = {
        **os.environ,
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "LC_ALL": "C",
    } | environment
    imported = () if arguments[0] in SLOW_TO_BEGIN and len(arguments) > 2 else OF_COMMANDS
    command = [*(python or warm_python(*imported)), "-m", "sigverify.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def answer(*arguments, code=0):
    """Run with --json; the object printed."""
    done = run(*arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


EASY = ("--impostor", "random", "--fmr", "0.1")
"""What a model of the quick demo can do."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, answer("demo", "--quick", "--out", out)


@pytest.fixture(scope="module")
def model(demo):
    return demo[0] / "demo.sigmodel"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths of six genuine signatures of two writers."""
    folder = tmp_path_factory.mktemp("signatures")
    corpus = synthesize(SyntheticConfig(writers=2, genuine=6, skilled=0, seed=11))
    return [
        [
            to_csv(folder / f"{writer}-{sample.number}.csv", sample.capture)
            for sample in corpus.genuine(writer)
        ]
        for writer in corpus.writers
    ]


@pytest.fixture
def store(tmp_path, model, files):
    path = tmp_path / "kiosk.db"
    answer("enroll", "--store", path, "--user", "alice", "--model", model, *files[0][:5])
    return path


@pytest.mark.slow
def test_demo_goes_the_whole_path(demo):
    out, outcome = demo
    assert {"skilled", "random"} == set(outcome["eer"]["demo"]) == set(outcome["eer"]["base"])
    assert outcome["network_bytes"] < outcome["network_bytes_float32"]
    tried = {each["kind"]: each["tried"] for each in outcome["strokes"]}
    assert tried == {"same_sitting": 12, "other_day": 42, "skilled": 48, "random": 30}
    for each in outcome["strokes"] + outcome["pictures"]:
        assert all(0 <= accepted <= each["tried"] for accepted in each["accepted"].values())
    assert all(Path(path).exists() for path in outcome["files"].values())
    assert {path.name for path in out.parent.iterdir()} == {"out"}
    again = run("demo", "--quick", "--out", out)
    assert again.returncode == 4
    assert "an earlier demo" in again.stderr
    assert "--force" in again.stderr


@pytest.mark.slow
def test_demo_and_its_report_tell_the_same(demo):
    """One protocol, one set of thresholds: every decision is counted as it was made."""
    out, outcome = demo
    assert outcome["differing"] == 0
    reports = {
        each["provenance"]["model_name"]: each
        for each in json.loads((out / "report" / "report.json").read_text())["reports"]
    }
    assert {each["protocol"] for each in reports.values()} == {"enrolled"}
    found = {each["kind"]: each["accepted"] for each in outcome["strokes"]}
    tried = {each["kind"]: each["tried"] for each in outcome["strokes"]}
    for name in ("demo", "base"):
        [condition] = reports[name]["conditions"]
        point = next(each for each in condition["profiles"] if each["profile"] == "balanced")
        refused = sum(tried[kind] - found[kind][name] for kind in ("same_sitting", "other_day"))
        assert point["genuine_refused"]["found"] * condition["genuine_trials"] == pytest.approx(refused)
        for kind in ("skilled", "random"):
            accepted = point["accepted"][kind]["found"] * tried[kind]
            assert accepted == pytest.approx(found[kind][name])


@pytest.mark.slow
def test_the_commands_that_demo_prints_run(demo):
    _, outcome = demo
    for command in ("verify", "evaluate"):
        name, *words = outcome[command].split()
        assert name == "sigverify"
        done = run(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_convert_evaluate_and_compare_what_was_trained(demo, tmp_path):
    trained = demo[0] / "training"
    files = ("--out", tmp_path / "m.sigmodel", "--c-array", tmp_path / "m.c")
    converted = answer("convert", trained, "--int8", "--no-cohort", *files, "--name", "mine")
    assert f"sigverify model {converted['id']}" in (tmp_path / "m.c").read_text()
    arena = converted["c_array"]["arena_bytes"]
    assert (arena is None) == bool(converted["c_array"]["not_measured"])
    assert converted["precision"] == "int8"
    assert converted["name"] == "mine"
    assert converted["bytes"] == (tmp_path / "m.sigmodel").stat().st_size
    out = tmp_path / "report"
    what = (tmp_path / "m.sigmodel", "--baseline", "dtw", "--history", trained, "--out", out)
    how = (
        "--corpus",
        "synthetic:writers=4,genuine=4,skilled=2,seed=9",
        "--references",
        "1,3",
        "--draws",
        "2",
    )
    evaluated = answer("evaluate", *what, *how)
    assert len(evaluated["reports"]) == 2
    assert Path(evaluated["page"]).is_file()
    assert json.loads((out / "report.json").read_text())
    alone = tmp_path / "baseline"
    assert answer("evaluate", "--baseline", "dtw", "--out", alone, *how)["reports"]
    compared = answer("report", "compare", out, alone)
    assert {each["first"] for each in compared["comparisons"]} == {"mine (int8)", "DTW baseline"}
    assert compared["not_compared"] == []
    assert "One comparison in twenty" in run("report", "compare", out, alone).stdout


@pytest.mark.slow
def test_enroll_verify_identify_forget(store, model, files):
    options = ("--store", store, "--model", model)
    assert answer("users", "--store", store) == {"user_ids": ["alice"]}
    accepted = answer("verify", *options, "--user", "alice", *EASY, files[0][5])
    assert accepted["accepted"] is True
    assert (accepted["outcome"], accepted["unlike"]) == ("accept", [])
    assert accepted["score"] >= accepted["threshold"]
    rejected = answer("verify", *options, "--user", "alice", "--impostor", "random", files[1][5], code=3)
    assert rejected["accepted"] is False
    assert rejected["unlike"]
    copy = answer("verify", *options, "--user", "alice", files[0][5], code=3)
    assert (copy["outcome"], copy["reason"]) == ("reject", "replay")
    hidden = answer("verify", *options, "--user", "nobody", "--untrusted", files[1][4], code=3)
    assert (hidden["score"], hidden["reason"]) == (None, "unlike")
    answer("verify", *options, "--user", "alice", *EASY, "--no-replay-check", files[0][5])
    matches = answer("identify", *options, files[0][5])["matches"]
    assert matches[0]["user_id"] == "alice"
    assert answer("info", store)["users"] == 1
    assert answer("forget", "--store", store, "--user", "alice") == {
        "forgotten": "alice",
        "erasure": "done",
    }
    assert answer("users", "--store", store) == {"user_ids": []}


@pytest.mark.slow
def test_text_for_people(store, model, files):
    done = run("verify", "--store", store, "--model", model, "--user", "alice", *EASY, files[0][5])
    assert done.stdout.startswith("accepted: the score reaches the threshold (score ")
    assert done.stderr == ""
    german = run(
        "verify", "--store", store, "--model", model, "--user", "alice", files[1][5], LC_ALL="de_DE.UTF-8"
    )
    assert german.stdout.startswith("abgelehnt: der Wert liegt unter der Schwelle (Wert ")
    assert "abweichend: " in german.stdout
    assert run("unlock", "--store", store, "--user", "alice").returncode == 0
    assert run("users", "--store", store).stdout == "alice\n"
    assert "int8" in run("info", model).stdout
    for _ in range(5):
        done = run("verify", "--store", store, "--model", model, "--user", "alice", files[1][5])
    assert done.returncode == 3
    assert "next try in" in done.stdout
    locked = ("verify", "--store", store, "--model", model, "--user", "alice", files[0][5])
    assert "too many failed tries" in run(*locked).stdout
    assert run("unlock", "--store", store, "--user", "alice").stdout == "Unlocked alice.\n"
    assert "too many failed tries" not in run(*locked).stdout


@pytest.mark.slow
def test_our_own_errors_end_with_4(store, model, files, tmp_path):
    options = ("--store", store, "--model", model)
    done = run("verify", *options, "--user", "bob", files[0][5])
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: 'bob' is not enrolled")
    said = answer("verify", *options, "--user", "bob", files[0][5], code=4)
    assert (said["error"], said["status"]) == ("UnknownUser", 41)
    assert answer("enroll", *options, "--user", "alice", files[0][0], code=4)["error"] == "AlreadyEnrolled"
    assert answer("enroll", *options, "--user", "alice", "--replace", *files[0][:2])["references"] == 2
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    unread = answer("verify", *options, "--user", "alice", tmp_path / "letter.txt", code=4)
    assert unread["error"] == "UnknownFormat"
    damaged = tmp_path / "damaged.sigmodel"
    damaged.write_bytes(model.read_bytes()[:-1])
    assert answer("info", damaged, code=4)["error"] == "MalformedModel"
    assert answer("info", "no-such-model", code=4)["error"] == "ModelError"


def test_a_missing_store_is_not_made(tmp_path):
    said = answer("users", "--store", tmp_path / "missing.db", code=4)
    assert said["error"] == "StoreError"
    assert not list(tmp_path.iterdir())


def test_info_and_plot_of_a_signature(files, tmp_path):
    said = answer("info", files[0][0])
    assert (said["kind"], said["format"], said["pressure"]) == ("signature", "csv", True)
    picture = tmp_path / "x.png"
    assert answer("plot", files[0][0], "--out", picture)["picture"] == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert answer("plot", files[0][0], "--out", tmp_path / "x.gif", code=4)["error"] == "ConfigError"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures, seven of each of three writers, and a model for them."""
    folder = tmp_path_factory.mktemp("pictures")
    for writer in range(3):
        for number in range(7):
            drawn(scrawl(writer, number)).save(folder / f"{writer}-{number}.png")
    running_model().write(folder / "toy.sigmodel")
    return folder


def test_enroll_verify_identify_by_pictures(pictures, tmp_path):
    store = ("--store", tmp_path / "kiosk.db", "--image-model", pictures / "toy.sigmodel")
    for place, name in enumerate(("alice", "bob", "carol")):
        files = sorted(pictures.glob(f"{place}-*.png"))[:5]
        receipt = answer("enroll", *store, "--user", name, *files, "--quality", "record")
        assert receipt["references"] == 5
    mine, *others = (sorted(pictures.glob(f"{place}-*.png"))[5] for place in range(3))
    accepted = answer("verify", *store, "--user", "alice", mine, "--fmr", "0.1")
    assert accepted["outcome"] == "accept"
    for other in others:
        rejected = answer("verify", *store, "--user", "alice", other, code=3)
        assert rejected["score"] < accepted["score"]
    found = answer("identify", *store, mine)["matches"]
    assert found[0]["user_id"] == "alice"
    assert len(found) == 3
    words = run("verify", *store, "--user", "alice", mine)
    assert (words.returncode, words.stdout[:9]) == (3, "rejected:")  # a copy: it was shown before
    unknown = answer("verify", *store, "--user", "alice", mine, "--image-model", "none", code=4)
    assert unknown["error"] == "ConfigError"


@pytest.mark.parametrize(
    "arguments",
    [["verify"], ["no-such-command"], ["users", "--store"], ["serve", "-s", "x.db", "--baud", "0"]],
)
def test_wrong_usage_ends_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plot", "missing.csv", "--out", "x.png"],
        ["plot", ".", "--out", "x.png"],
        ["store", "restore", "--store", "x.db", "missing.db"],
        ["kiosk", "--store", "x.db", "--tls-cert", "missing.pem"],
        ["pens", "list", "missing.keys"],
        ["info", "missing.csv"],
        ["users", "--store", "missing.db"],
    ],
)
def test_what_is_not_there_or_no_file_ends_with_4_whoever_finds_it(arguments):
    done = run(*arguments)
    assert done.returncode == 4
    assert done.stderr.startswith("error: ")
    assert "--help" not in done.stderr


CRASH = """
import sys
from sigverify.cli.app import main
from sigverify.store import SqliteStore
store = sys.argv[1]
SqliteStore(store).close()
SqliteStore.users = lambda _: 1 / 0
sys.argv = ["sigverify", "users", "--store", store]
main()
"""


def test_a_crash_never_reads_as_a_decision(tmp_path):
    command = [sys.executable, "-c", CRASH, tmp_path / "kiosk.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


def test_help_lists_every_command_quickly():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = run("--help", python=[sys.executable])
        times.append(time.perf_counter() - start)
    assert all(command in done.stdout for command in COMMANDS)
    # 0.14 s on a quiet machine; the bound leaves room for a busy one.
    assert min(times) < 1.0


def test_version():
    assert run("--version").stdout.startswith("sigverify ")
