"""The Debian package in a Debian of its own, offline: installed, used, installed again, removed, purged."""

import json
import os
import re
import shutil
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from sigverify import __version__

PACKAGE = os.environ.get("SIGVERIFY_DEB")
ROOT = os.environ.get("SIGVERIFY_DEB_ROOT")
pytestmark = pytest.mark.skipif(
    not PACKAGE or not ROOT, reason="no package, or no Debian to install it into: `make test-deb` makes both"
)

UNITS = Path(__file__).parents[2] / "examples" / "systemd"
NOT_OURS = {"dpkg.log", "passwd-", "group-", "shadow-", "gshadow-", "status-old", "aux-cache", "ld.so.cache"}
"""Files that dpkg and adduser write about whatever they do."""


ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    "OMP_NUM_THREADS": "1",
}
ASK = """
import time
from pathlib import Path
from firmware_bridge.client import Client
while not Path("/run/sigverify/socket").exists():
    time.sleep(0.1)
with Client("/run/sigverify/socket") as client:
    print(client.users())
"""
IMPORT_ALL = """
import importlib, pkgutil, PIL.Image, numpy, firmware_bridge, sigverify.cli
PIL.Image.init()
for package in (firmware_bridge, sigverify.cli):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not each.name.endswith(("__main__", "declare")):
            importlib.import_module(each.name)
"""


class Debian:
    """A folder that holds a Debian; commands run in it as root, without a network."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return self.folder / name.lstrip("/")

    def run(self, *command, code=0):
        inside = ["unshare", "--net", "--mount", "--pid", "--fork", "chroot", self.folder]
        done = subprocess.run(
            [*inside, *command], capture_output=True, text=True, check=False, env=ENVIRONMENT
        )
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def owner(self, user):
        """The numbers of a user and its group there."""
        (line,) = (
            line for line in self.path("/etc/passwd").read_text().splitlines() if line.startswith(f"{user}:")
        )
        return tuple(map(int, line.split(":")[2:4]))

    def files(self):
        names = set()
        for part in ("etc", "usr", "lib", "var/lib"):
            for path in self.path(part).rglob("*"):
                if path.name not in NOT_OURS and "__pycache__" not in path.parts:
                    names.add(str(path.relative_to(self.folder)))
        return names


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    folder = tmp_path_factory.mktemp("debian") / "root"
    subprocess.run(["cp", "-a", ROOT, folder], check=True)
    shutil.copy(PACKAGE, folder / "root" / "sigverify.deb")
    yield Debian(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def before(debian):
    return debian.files()


@pytest.fixture(scope="module")
def installed(debian, before):
    """What dpkg says, offline."""
    assert before
    return debian.run("dpkg", "--install", "/root/sigverify.deb")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_installs_offline_and_says_what_it_made(installed):
    assert "made /etc/sigverify/store.key" in installed
    assert "nothing was started" in installed


@pytest.mark.usefixtures("installed")
def test_the_command_is_there(debian):
    assert debian.run("/usr/bin/sigverify", "--version") == f"sigverify {__version__}\n"


@pytest.mark.usefixtures("installed")
def test_the_doctor_finds_the_machine_ready(debian):
    said = json.loads(debian.run("sigverify", "doctor", "--json"))
    found = {each["name"]: each for each in said["findings"]}
    assert {name for name, each in found.items() if each["state"] == "bad"} == set()
    for name in ("runtime", "native core", "model", "image model"):
        assert found[name]["state"] == "ok", found[name]
    assert "/usr/lib/sigverify/" in found["native core"]["found"]
    assert "cli, bridge, kiosk" in found["extras"]["found"]


@pytest.mark.usefixtures("installed")
def test_folders_key_and_users_are_as_the_units_want_them(debian):
    for user in ("sigverify", "sigverify-browser"):
        folder = debian.path(f"/var/lib/{user}")
        number, _ = debian.owner(user)
        assert (mode(folder), folder.stat().st_uid) == (0o700, number)
        assert 0 < number < 1000
    key = debian.path("/etc/sigverify/store.key")
    assert (mode(key), key.stat().st_uid) == (0o600, 0)


@pytest.mark.usefixtures("installed")
def test_the_user_of_the_services_enrolls_and_verifies(debian):
    debian.run("sigverify", "samples", "--out", "/srv/samples")
    serve = "exec setpriv --reuid=sigverify --regid=sigverify --clear-groups sigverify"
    options = "--store /var/lib/sigverify/kiosk.db --user bob --json"
    for command, files, code in (
        ("enroll", "/srv/samples/bob-[1-5].csv", 0),
        ("verify", "/srv/samples/bob-6.csv", 0),
        ("verify", "/srv/samples/forged-bob-1.csv", 3),
    ):
        line = f"{serve} {command} {options} --key fd:0 {files} < /etc/sigverify/store.key"
        debian.run("sh", "-c", line, code=code)
    assert mode(debian.path("/var/lib/sigverify/kiosk.db")) == 0o600
    said = json.loads(
        debian.run("sigverify", "compare", "/srv/samples/alice-1.png", "/srv/samples/alice-2.png", "--json")
    )
    assert said["score"] > 0.5


@pytest.mark.usefixtures("installed")
def test_what_was_left_out_is_missed_by_nobody(debian):
    """Every module that is imported anywhere on a device; none of a workstation."""
    debian.run("/usr/lib/sigverify/bin/python3", "-I", "-c", IMPORT_ALL)


@pytest.mark.usefixtures("installed")
def test_nothing_is_compiled_anew_at_each_start(debian):
    packages = debian.path("/usr/lib/sigverify/lib")
    assert list(packages.rglob("sigverify/__pycache__/verifier.*.pyc"))


@pytest.mark.usefixtures("installed")
def test_the_units_are_those_that_are_tested(debian):
    ours = {path.name: path.read_text() for path in UNITS.glob("*.service")}
    there = debian.path("/lib/systemd/system").glob("sigverify*.service")
    assert {path.name: path.read_text() for path in there} == ours


@contextmanager
def started(debian, unit, *more):
    """Start a service as its unit does: that user, the key at standard input; without systemd's fences."""
    text = debian.path(f"/lib/systemd/system/{unit}").read_text()
    line = re.search(r"^ExecStart=(.*) \$\w+$", text, re.MULTILINE)[1]
    command = line.replace("%S", "/var/lib").replace("%t", "/run").split()
    user = ["setpriv", "--reuid=sigverify", "--regid=sigverify", "--clear-groups"]
    with (
        debian.path("/etc/sigverify/store.key").open("rb") as key,
        subprocess.Popen(
            ["chroot", debian.folder, *user, *command, *more],
            stdin=key,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        ) as running,
    ):
        try:
            yield running
        finally:
            running.terminate()
            assert running.wait(timeout=60) == 0


@pytest.mark.usefixtures("installed")
def test_the_daemon_answers_as_its_unit_starts_it(debian):
    folder = debian.path("/run/sigverify")
    folder.mkdir()
    shutil.chown(folder, *debian.owner("sigverify"))
    with started(debian, "sigverify.service"):
        ask = debian.run("/usr/lib/sigverify/bin/python3", "-I", "-c", ASK)
    assert ask == "('bob',)\n"


@pytest.mark.usefixtures("installed")
def test_the_page_is_served_as_its_unit_starts_it(debian):
    with started(debian, "sigverify-kiosk.service", "--port", "0", "--json") as running:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(running.stdout.readline())
            assert lines[-1], "it ended"
        url = json.loads("".join(lines))["url"]
        with urlopen(url, timeout=60) as page:  # noqa: S310  # http, to itself
            assert "<title>" in page.read().decode()


def test_lintian_finds_no_error():
    if shutil.which("lintian") is None:
        pytest.skip("no lintian here (Debian: apt install lintian)")
    command = ["lintian", "--fail-on", "error", "--tag-display-limit", "0", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("installed")
def test_installed_once_more_it_leaves_what_is_there(debian):
    key = debian.path("/etc/sigverify/store.key").read_bytes()
    store = debian.path("/var/lib/sigverify/kiosk.db").read_bytes()
    debian.path("/etc/sigverify/daemon.conf").write_text("SERVE_OPTIONS=--fmr strict\n")
    again = debian.run("dpkg", "--install", "/root/sigverify.deb")
    assert "made" not in again
    assert "nothing was started" not in again
    assert debian.path("/etc/sigverify/store.key").read_bytes() == key
    assert debian.path("/var/lib/sigverify/kiosk.db").read_bytes() == store
    assert "strict" in debian.path("/etc/sigverify/daemon.conf").read_text()


@pytest.mark.usefixtures("installed")
def test_a_store_whose_key_lies_elsewhere_gets_no_second_one(debian):
    key = debian.path("/etc/sigverify/store.key")
    kept = key.rename(debian.path("/root/store.key"))
    assert "made" not in debian.run("dpkg", "--install", "/root/sigverify.deb")
    assert not key.exists()
    kept.rename(key)


@pytest.mark.usefixtures("installed")
def test_removed_it_keeps_people_and_key_and_purged_nothing(debian, before):
    said = debian.run("dpkg", "--remove", "sigverify")
    assert "kept /var/lib/sigverify" in said
    assert not debian.path("/usr/bin/sigverify").exists()
    assert not debian.path("/usr/lib/sigverify").exists()
    for kept in ("/var/lib/sigverify/kiosk.db", "/etc/sigverify/store.key", "/etc/sigverify/daemon.conf"):
        assert debian.path(kept).exists()
    link = debian.path("/etc/systemd/system/some.target.wants/sigverify.service")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/lib/systemd/system/sigverify.service")
    said = debian.run("dpkg", "--purge", "sigverify")
    assert "removing /var/lib/sigverify, with all references" in said
    link.parent.rmdir()
    assert debian.files() - before == set()
    assert before - debian.files() == set()
    assert "sigverify" not in debian.path("/etc/passwd").read_text()
