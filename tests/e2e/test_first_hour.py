"""A new user's first hour: examples/first_hour.sh with an installed wheel, away from the source."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sigverify.formats import FORMATS

ROOT = Path(__file__).resolve().parents[2]
STEP = re.compile(r"^== (.+)$", re.MULTILINE)
WHERE = """
import converter, firmware_bridge, sigverify
print(*(package.__file__ for package in (converter, firmware_bridge, sigverify)), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The `bin` of an environment with a wheel of this source, and the libraries of this one beside it."""
    if not shutil.which("sh"):
        pytest.skip("no shell here")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", folder / "wheel", ROOT], check=True, timeout=120)
    (built,) = (folder / "wheel").iterdir()
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=120)
    its = [*pip, "--python", venv / "bin" / "python", "install", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*its, built], check=True, timeout=120)
    (packages,) = venv.glob("lib/python*/site-packages")
    # Behind its own packages. The .pth files in a folder that is named so count for nothing: an editable
    # install of this source is not found.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin"


@pytest.fixture(scope="module")
def hour(installed, tmp_path_factory):
    """Run the script in an empty folder: what each step printed, the folder, and the home that it had."""
    place = tmp_path_factory.mktemp("hour")
    for name in ("work", "home", "examples"):
        (place / name).mkdir()
    shutil.copy(ROOT / "examples" / "first_hour.sh", place / "examples")
    shutil.copytree(ROOT / "examples" / "pads", place / "examples" / "pads")
    env = {
        "PATH": f"{installed}{os.pathsep}{os.defpath}",
        "HOME": str(place / "home"),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "200",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SIGVERIFY_NATIVE": os.environ["SIGVERIFY_NATIVE"],
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    where = subprocess.run(
        [installed / "python", "-c", WHERE],
        env=env,
        cwd=place / "work",
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(Path(line).is_relative_to(installed.parent) for line in where.stdout.splitlines())
    done = subprocess.run(
        ["sh", place / "examples" / "first_hour.sh"],
        cwd=place / "work",
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    (place / "said.txt").write_text(done.stdout, "utf-8")  # pytest keeps it for a while
    assert done.returncode == 0, done.stdout[-4000:]
    _, *parts = STEP.split(done.stdout)
    return dict(zip(parts[::2], parts[1::2], strict=True)), place


pytestmark = pytest.mark.slow


def test_every_step_says_what_it_did(hour):
    said, _ = hour
    for step, line in {
        "invent": r"^Wrote 420 signatures of 30 invented people to people",
        "check": r"^Nothing is wrong with it: 0 errors, .* The page: checked/check\.html$",
        "split": r"^Wrote split\.toml: 21 writers of synthetic-0 to train on, 9 held out",
        "evaluate base": r"^Measured: the 9 writers of 30 that the file names, on whom .* not trained$",
        "fine-tune": r"^Next: sigverify convert runs/own --int8 --out own\.sigmodel$",
        "calibrate": r"^Wrote fitted\.sigmodel\n(.*\n)+log odds of every try +[+-]\d\.\d\d, 95 % interval"
        r"(.*\n)+fitted to +30 people of synthetic-0, by 240 genuine",
        "convert": r"^scores fitted on +synthetic-0: 112 signatures",
        "enroll": r"^Enrolled in kiosk\.db\nuser +bob *\nreferences +5",
        "verify": r"^accepted: .*\nrejected: ",
        "compare": r"^(accepted|rejected): .*\n(.*\n)+.*together\.png",
    }.items():
        assert re.search(line, said[step], re.MULTILINE), f"{step}\n{said[step]}"
    assert "Traceback" not in "".join(said.values())
    assert "Warning" not in "".join(said.values())


def test_nobody_is_measured_who_was_trained_on(hour):
    said, _ = hour
    assert re.search(r"^Measured: the 9 writers of 30 that the file names", said["convert"], re.MULTILINE)


def test_a_file_of_every_format_is_described(hour):
    said, _ = hour
    files = {step: text for step, text in said.items() if step.startswith(("format ", "pad "))}
    described = {re.search(r"^format +(\w+) *$", text, re.MULTILINE)[1] for text in files.values()}
    assert described == set(FORMATS)
    for step, text in files.items():
        assert re.search(r"^samples +\d+ *$", text, re.MULTILINE), step
        assert "cannot be read" not in text, step
        assert ("when the samples were taken" in text) == (step in ("pad jsignature.txt", "pad topaz.txt"))
    assert all(f" {name} " in said["formats"] for name in FORMATS)


def test_what_is_left(hour):
    _, place = hour
    work = place / "work"
    for name in (
        "checked/check.html",
        "report/report.html",
        "runs/own/model.keras",
        "together.png",
        "kiosk.db",
    ):
        assert (work / name).stat().st_size > 1000, name
    assert not [path for path in work.rglob("*") if path.name.startswith(".")]


def test_nothing_leads_back_to_the_source(hour):
    said, place = hour
    assert str(ROOT) not in "".join(said.values())
    for path in (place / "work", place / "home"):
        assert not [
            file for file in path.rglob("*") if file.is_file() and os.fsencode(ROOT) in file.read_bytes()
        ]
