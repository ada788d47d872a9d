"""The protocol does no I/O, and says what to install where its libraries are missing."""

import subprocess
import sys
from pkgutil import iter_modules

import pytest

from firmware_bridge import kiosk, protocol


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", [each.name for each in iter_modules(protocol.__path__)])
def test_the_protocol_loads_nothing_that_reads_or_writes(name):
    done = run(
        f"import sys, firmware_bridge.protocol.{name}\n"
        "print({'asyncio', 'serial', 'select'} & set(sys.modules))"
    )
    assert done.stdout == "set()\n", done.stderr


def test_the_client_loads_no_runtime_and_no_command_line():
    done = run("import sys, firmware_bridge.client; print({'typer', 'ai_edge_litert'} & set(sys.modules))")
    assert done.stdout == "set()\n", done.stderr


def test_the_page_needs_nothing_of_the_daemon_s():
    """Whoever installs sigverify[kiosk] has neither of these; nor has whoever builds the site."""
    names = [f"firmware_bridge.kiosk.{each.name}" for each in iter_modules(kiosk.__path__)]
    done = run(
        "import sys, importlib\n"
        "for each in ('cbor2', 'cobs', 'serial', 'prometheus_client'): sys.modules[each] = None\n"
        f"for each in {['sigverify.cli.kiosk', *names]}: importlib.import_module(each)\n"
        "print('done')"
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("library", ["cobs", "cbor2", "serial"])
def test_a_missing_library_is_named(library):
    use = (
        "import firmware_bridge.client; from firmware_bridge.transport import line\n"
        "line.serial_port('/dev/x', 9600)"
    )
    done = run(f"import sys; sys.modules[{library!r}] = None; {use}")
    assert "MissingExtra" in done.stderr
    assert "pip install 'sigverify[bridge]'" in done.stderr
    assert library in done.stderr
