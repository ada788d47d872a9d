"""The firmware examples run: the C kiosk on libsigverify, the Python kiosk on a real daemon."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import signature

from firmware_bridge.libsigverify.build import INCLUDE, build
from sigverify.errors import Busy, RuntimeUnavailable
from sigverify.formats import plain_csv
from sigverify.runtime.native.embedder import litert_library

REPOSITORY = Path(__file__).resolve().parents[2]
FIRMWARE = REPOSITORY / "examples" / "firmware"
MODEL = REPOSITORY / "sigverify" / "models" / "base.sigmodel"
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def captures(tmp_path):
    """Captures of two people, 8 each, as files of names like ann-1.csv."""
    for writer, name in ((0, "ann"), (5, "ben")):
        for number in range(8):
            path = tmp_path / f"{name}-{number + 1}.csv"
            path.write_bytes(plain_csv.encode(signature(writer, number)))
    return tmp_path


# ---------------------------------------------------------------------------------------------- in C


@pytest.fixture(scope="module")
def c_kiosk(tmp_path_factory):
    """The C kiosk, compiled against the shared library as a device's would be."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    folder = tmp_path_factory.mktemp("c_kiosk")
    build(folder / "libsigverify.so")
    command = ["cc", "-std=c99", *STRICT, f"-I{INCLUDE}", "-o", folder / "kiosk", FIRMWARE / "kiosk.c"]
    subprocess.run([*command, f"-L{folder}", "-lsigverify", f"-Wl,-rpath,{folder}"], check=True)
    return folder / "kiosk"


@pytest.fixture
def run_c(c_kiosk, captures):
    """Return a function that runs the C kiosk on lines of input."""
    try:
        library = litert_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))

    def run(*lines, files=None, model=MODEL):
        references = files or [f"ann-{number}.csv" for number in range(1, 6)]
        return subprocess.run(
            [c_kiosk, model, library, "ann", *references],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            check=False,
            cwd=captures,
            env=ENVIRONMENT,
        )

    return run


def test_the_c_kiosk_tells_the_person_from_another(run_c):
    done = run_c("ann-6.csv", "ben-1.csv", "ann-1.csv", "nothing.csv", "ann-7.csv")
    assert done.returncode == 0, done.stderr
    enrolled, answers = done.stdout.splitlines()[:5], done.stdout.splitlines()[5:]
    assert enrolled == [f"signature {number}: taken" for number in range(1, 6)]
    assert answers[:3] == ["accepted: alike", "rejected: unlike", "rejected: a copy"]
    assert answers[3].startswith("no capture: ")
    assert answers[4] == "accepted: alike"


def test_the_c_kiosk_shuts_after_five_failed_tries(run_c):
    done = run_c(*(f"ben-{number}.csv" for number in range(1, 6)), "ann-6.csv")
    assert done.stdout.splitlines()[5:] == ["rejected: unlike"] * 5 + ["locked: wait"]


def test_the_c_kiosk_refuses_mixed_hands_and_says_which(run_c):
    done = run_c("ann-6.csv", files=["ann-1.csv", "ben-1.csv", "ann-2.csv", "ann-3.csv", "ann-4.csv"])
    assert done.returncode == 50
    assert "signature 2: unlike the others" in done.stdout
    assert "accepted" not in done.stdout


@pytest.mark.parametrize("content", [b"", b"no model", MODEL.read_bytes()[:-100]])
def test_the_c_kiosk_does_not_start_without_a_whole_model(run_c, tmp_path, content):
    (tmp_path / "broken").write_bytes(content)
    done = run_c("ann-6.csv", model="broken")
    assert done.returncode in (20, 21)
    assert not done.stdout
    assert done.stderr.startswith("kiosk: ")


@pytest.mark.parametrize("rows", ["", "1,2\n", "1,2,z,1\n", "1,2,3,1,5\n", "1,2", "1,2,3," + "1" * 2000])
@pytest.mark.parametrize("header", ["a,b\n", "x,y,time_ms,pen_down\n"])
def test_the_c_kiosk_passes_over_files_that_are_no_capture(run_c, captures, header, rows):
    (captures / "odd.csv").write_text(header + rows)
    done = run_c("odd.csv", "ann-6.csv")
    assert done.stdout.splitlines()[5].startswith(("no capture: ", "failed: "))
    assert done.stdout.splitlines()[6] == "accepted: alike"


# ------------------------------------------------------------------------------------------ in Python


@pytest.fixture
def start(captures):
    """Return a function that starts a program among the captures, ended with the test."""
    processes = []

    def start(*arguments, **options):
        process = subprocess.Popen([sys.executable, *arguments], cwd=captures, env=ENVIRONMENT, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def serve(start, captures):
    """Return a function that starts the daemon; its log goes to a file."""

    def serve():
        log = (captures / "log").open("ab")
        with log:
            options = ["--store", "kiosk.db", "--create", "--socket", "kiosk.socket"]
            return start("-m", "sigverify.cli", "serve", *options, stdout=log, stderr=log)

    return serve


class Conversation:
    """The Python kiosk, asked line by line."""

    def __init__(self, process):
        self._process = process

    def ask(self, line, *, until):
        """Give an order; return what it prints, up to the line that begins so."""
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        said = []
        for each in self._process.stdout:
            said.append(each.rstrip("\n"))
            if each.startswith(until):
                return said
        raise AssertionError(said)


def test_the_python_kiosk_through_a_day_and_a_power_cut(serve, start):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    kiosk = Conversation(start(FIRMWARE / "kiosk.py", "kiosk.socket", **pipes))
    daemon = serve()  # after the kiosk: which is persistent
    enrolled = kiosk.ask("enroll ann ann-[1-5].csv", until="enrolled, 5 references")
    assert enrolled[-6:-1] == [f"signature {number}: taken" for number in range(1, 6)]
    assert kiosk.ask("verify ann ann-6.csv", until="accepted")[-1] == "accepted: opens"
    assert "below the threshold" in kiosk.ask("verify ann ben-1.csv", until="rejected")[-1]
    assert "copy" in kiosk.ask("verify ann ann-6.csv", until="rejected")[-1]
    assert "(status 41)" in kiosk.ask("verify nobody ann-6.csv", until="sorry")[-1]
    kiosk.ask("what", until="say: ")

    daemon.kill()
    daemon.wait()
    serve()
    *waited, answer = kiosk.ask("verify ann ann-7.csv", until="accepted")
    assert set(waited) == {"waiting: Disconnected"}
    assert answer == "accepted: opens"
    kiosk.ask("enroll ben ben-1.csv ann-7.csv", until="not enrolled")
    assert "(status 41)" in kiosk.ask("verify ben ben-2.csv", until="sorry")[-1]


@pytest.fixture
def kiosk_module(monkeypatch):
    """The Python kiosk as a module, which does not sleep."""
    spec = importlib.util.spec_from_file_location("firmware_kiosk", FIRMWARE / "kiosk.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    naps = []
    monkeypatch.setattr(module, "time", type("Clock", (), {"sleep": staticmethod(naps.append)}))
    return module, naps


def busy(times):
    """Return what raises Busy that often, then answers."""
    answers = iter([Busy("full")] * times + ["done"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Busy):
            raise answer
        return answer

    return ask


def test_the_python_kiosk_waits_longer_each_time_while_the_daemon_is_busy(kiosk_module, capsys):
    module, naps = kiosk_module
    assert module.patiently(busy(3)) == "done"
    assert naps == [0.2, 0.4, 0.8]
    assert capsys.readouterr().out.split("\n")[:3] == ["waiting: Busy"] * 3


def test_the_python_kiosk_gives_up_in_the_end(kiosk_module):
    module, naps = kiosk_module
    with pytest.raises(Busy):
        module.patiently(busy(module.TRIES))
    assert len(naps) == module.TRIES - 1


# --------------------------------------------------------------------------- what an image is made of


def test_the_buildroot_tree_names_what_is_there():
    tree = FIRMWARE / "buildroot"
    package = (tree / "package" / "libsigverify" / "libsigverify.mk").read_text()
    root = (tree / re.search(r"_PATH\)/(\S+?)\)", package)[1]).resolve()
    assert root == REPOSITORY
    assert (root / re.search(r"_SUBDIR = (\S+)", package)[1] / "CMakeLists.txt").is_file()
    assert (root / re.search(r"\$\(@D\)/(\S+)", package)[1]).read_bytes() == MODEL.read_bytes()
    assert (root / re.search(r"_LICENSE_FILES = (\S+)", package)[1]).is_file()
    sourced = re.search(r'SIGVERIFY_PATH/(\S+)"', (tree / "Config.in").read_text())[1]
    assert "config BR2_PACKAGE_LIBSIGVERIFY\n" in (tree / sourced).read_text()


BUILDROOT = """
BR2_EXTERNAL_SIGVERIFY_PATH = {tree}
TARGET_DIR = {target}
INSTALL = install
cmake-package = $(info a CMake package)
include $(BR2_EXTERNAL_SIGVERIFY_PATH)/external.mk

{site}/installed:
\ttest -f $(LIBSIGVERIFY_SITE)/$(LIBSIGVERIFY_SUBDIR)/CMakeLists.txt
\t$(foreach hook,$(LIBSIGVERIFY_POST_INSTALL_TARGET_HOOKS),$(call $(hook)))
"""
"""What of Buildroot the package asks for, but for building it."""


def test_make_reads_the_buildroot_package_which_installs_the_model(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("no make here (Debian: apt install make)")
    (tmp_path / "site").symlink_to(REPOSITORY)  # $(@D), where Buildroot has its copy of the source
    places = {"tree": FIRMWARE / "buildroot", "target": tmp_path / "target", "site": tmp_path / "site"}
    (tmp_path / "Makefile").write_text(BUILDROOT.format(**places))
    command = ["make", "--warn-undefined-variables", f"{tmp_path}/site/installed"]
    done = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    assert "a CMake package" in done.stdout
    assert not done.stderr
    assert (tmp_path / "target/usr/share/sigverify/base.sigmodel").read_bytes() == MODEL.read_bytes()


def test_the_yocto_recipe_names_what_is_there():
    (path,) = (FIRMWARE / "yocto").glob("*.bb")
    recipe = path.read_text()
    for relative in re.findall(r"\$\{S\}/([\w./]+)", recipe):
        assert (REPOSITORY / relative).exists(), relative
    content = (REPOSITORY / "LICENSE").read_bytes()
    assert f"md5={hashlib.md5(content, usedforsecurity=False).hexdigest()}" in recipe
