"""A TPM 2.0 in software (swtpm), of a test's own."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time


@contextlib.contextmanager
def software_tpm():
    """Start one, and give how tpm2-tss reaches it."""
    with tempfile.TemporaryDirectory(prefix="sigverify-") as folder:
        port = _two_free_ports()
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}"]
        command += ["--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={port + 1}"]
        command += ["--flags", "not-need-init,startup-clear"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port + 1)
            yield f"swtpm:host=127.0.0.1,port={port}"
        finally:
            process.terminate()
            process.wait(10)


def is_there():
    """Whether swtpm is installed."""
    return shutil.which("swtpm") is not None


def _two_free_ports():
    """The library takes the next port for its commands to the TPM's power."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _wait_for(port):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise TimeoutError("swtpm does not answer")
