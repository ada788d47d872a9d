"""`warm_python`: programs that begin in a process which has imported libraries already.

Of a short training, the import of TensorFlow is half: seven seconds of the processor; of most commands, that
of numpy and others. Here one process imports them, and forks for every program, which begins with those
modules and its own arguments, environment, folder and files. Nothing computes before the fork, so no thread
is lost by it; modules of ours are not imported before it.

A program is run by `[*warm_python(), "-m", "sigverify.cli", …]` in the place of `[sys.executable, …]`.
"""

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import uuid
import warnings
import zlib
from pathlib import Path

_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_CLIENT = "client"
_MINE = uuid.uuid4().hex


OF_COMMANDS = (
    "ai_edge_litert.interpreter",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "numpy",
    "rich.markdown",
    "rich.table",
    "sqlite3",
    "typer.rich_utils",
)
"""What commands of a device import, other than ours."""


@functools.cache
def warm_python(*modules):
    """Begin of a command line that runs a program so, with TensorFlow unless modules are named.

    The process serves all that test at once, and ends with who began the tests.
    """
    modules = modules or ("tensorflow",)
    its_tests = os.environ.get("PYTEST_XDIST_TESTRUNUID", _MINE)
    folder = Path(tempfile.gettempdir(), f"warm-{its_tests}-{zlib.crc32(repr(modules).encode()):x}")
    folder.mkdir(mode=0o700, exist_ok=True)
    address = folder / "address"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            _begin(address, modules)
    return (sys.executable, "-I", "-S", __file__, _CLIENT, str(address))


def _begin(address, modules):
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    command = [sys.executable, __file__, str(owner), address, *modules]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if server.stdout.read(1) != b"\n":
        raise RuntimeError("no process to fork begins")
    _running.append(server)


_running = []
"""Processes that began here: Python warns of one that it does not know any more."""


def _ask(address, arguments):
    """Have a program run with what this process has, and return its exit code."""
    request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    message = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(address)
        socket.send_fds(link, [_LENGTH.pack(len(message))], [0, 1, 2])
        link.sendall(message)
        return _STATUS.unpack(link.recv(_STATUS.size))[0]


def _serve(owner, address, modules):
    ended = os.pidfd_open(owner)
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
        gc.collect()
        gc.freeze()  # what is looked at later is copied
        os.write(1, b"\n")
        while ended not in select.select([door, ended], [], [])[0]:
            link, _ = door.accept()
            with link:
                if os.fork() == 0:
                    door.close()
                    _answer(link)
    shutil.rmtree(Path(address).parent)


def _answer(link):
    """Run the program in a process of its own; end with it, and it with who asked."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, files, *_ = socket.recv_fds(link, _LENGTH.size, 3)
    message = b""
    while len(message) < _LENGTH.unpack(header)[0]:
        message += link.recv(1 << 16)
    if (program := os.fork()) == 0:
        link.close()
        _run(files, **json.loads(message))
    for file in files:
        os.close(file)
    ended = os.pidfd_open(program)
    if ended not in select.select([ended, link], [], [])[0]:
        os.kill(program, signal.SIGKILL)  # who asked is gone
    _, status = os.waitpid(program, 0)
    with contextlib.suppress(OSError):
        link.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _run(files, arguments, folder, environment):
    """Become the program that these arguments of `python` name."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        open(file, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for file, mode in enumerate("rww")
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    if arguments[0] == "-W":
        warnings.simplefilter(arguments[1])
        arguments = arguments[2:]
    code = 1
    try:
        _interpret(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does, of every kind
        sys.excepthook(*sys.exc_info())
    _end(code)


def _end(code):
    """End as Python does, but for taking apart the thousands of modules that the fork shares."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _interpret(first, *rest):
    if first == "-m":
        sys.argv = list(rest)
        sys.path.insert(0, "")
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - what -c asks for
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, str(Path(first).parent))
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == _CLIENT:
        sys.exit(_ask(sys.argv[2], sys.argv[3:]))
    _serve(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
