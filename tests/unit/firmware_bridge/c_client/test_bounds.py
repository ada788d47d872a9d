"""What the C client costs a microcontroller."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_bridge import c_client

ROOT = Path(__file__).parents[4]
SOURCES = Path(c_client.__path__[0])


@pytest.mark.parametrize(
    "left_out", [["-DSVC_NO_TOKEN"], ["-DSVC_NO_SIGNING"], ["-DSVC_NO_TOKEN", "-DSVC_NO_SIGNING"]]
)
def test_without_a_token_or_signatures(build, left_out):
    build("driver.c", *left_out)


@pytest.fixture
def arm(tmp_path):
    """A function that compiles for a Cortex-M0+; it returns text, data and bss, in bytes."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no compiler for microcontrollers (Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi)")

    def compile_with(*arguments, target="object"):
        options = [
            "-std=c99",
            "-Os",
            "-mthumb",
            "-mcpu=cortex-m0plus",
            f"-I{SOURCES}",
            "-o",
            tmp_path / target,
        ]
        subprocess.run(["arm-none-eabi-gcc", *options, *arguments], check=True, cwd=tmp_path)
        shown = subprocess.run(["arm-none-eabi-size", tmp_path / target], check=True, capture_output=True)
        return [int(each) for each in shown.stdout.split(b"\n")[1].split()[:3]]

    return compile_with


def deepest(graph, start):
    """Bytes of stack below a function, by GCC's graph of calls; what a callback takes is not in it."""
    node = re.compile(r'node: { title: "([^"]+)" label: "[^"]*?(\d+) bytes \(static\)')
    own = {name: int(size) for name, size in node.findall(graph)}
    calls = re.findall(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)"', graph)

    def below(name, path):
        if path.count(name) == 4:  # `skip`, the one that calls itself, goes so deep
            return 0
        inner = {called for caller, called in calls if caller == name}
        return own.get(name, 0) + max((below(each, [*path, name]) for each in inner), default=0)

    assert start in own
    return below(start, [])


def test_it_takes_no_more_than_the_document_says(arm, tmp_path):
    text = (ROOT / "docs" / "protocol.md").read_text()
    most = [int(each.replace(",", "")) for each in re.findall(r"\*\*([\d,]+)\s+bytes\*\*", text)]
    client = SOURCES / "sigverify_client.c"
    (tmp_path / "own.c").write_text('#include "sigverify_client.h"\nsvc_client its;\n')
    flash = arm("-c", client, "-fstack-usage", "-fcallgraph-info=su")[0]
    unsigned = arm("-c", client, "-DSVC_NO_SIGNING", target="unsigned")[0]
    bare = arm("-c", client, "-DSVC_NO_TOKEN", "-DSVC_NO_SIGNING", target="bare")[0]
    linked = arm(client, "-nostartfiles", "--specs=nosys.specs", "-Wl,--entry=svc_feed", target="linked")[0]
    memory = sum(arm("-c", "own.c", target="own"))
    (graph,) = tmp_path.glob("*.ci")
    entries = (
        "svc_feed",
        "svc_hello",
        "svc_points",
        "svc_sign",
        "svc_image",
        "svc_verify",
        "svc_identify",
        "svc_enroll",
        "svc_decode",
    )
    stack = max(deepest(graph.read_text(), each) for each in entries)
    measured = [flash, unsigned, bare, linked, memory, stack]
    print("flash, without signing, without a token too, linked, RAM, stack:", measured)  # noqa: T201  # `pytest -rP` shows it
    assert all(size <= limit for size, limit in zip(measured, most, strict=True)), measured
