"""What is installed: interpreters of networks, the Edge TPU, the core in C, extras."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Final

from sigverify.diagnosis.finding import Finding, State
from sigverify.errors import RuntimeUnavailable, one_line
from sigverify.runtime.interpreters import Runtime, choose, load_edgetpu
from sigverify.runtime.native.library import ABI, PLACE, VARIABLE, Library

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cli": ("rich", "tomli_w", "typer"),
        "evaluate": ("dtaidistance", "jinja2", "matplotlib", "sklearn"),
        "train": ("dtaidistance", "jinja2", "matplotlib", "sklearn", "tensorflow", "tensorboard"),
        "search": ("usearch",),
        "bridge": ("cbor2", "cobs", "prometheus_client", "serial"),
        "kiosk": ("starlette", "uvicorn", "websockets"),
        "fleet": ("psycopg",),
        "tpm": ("tpm2_pytss",),
    }
)
"""The modules that each extra brings of its own; train-cpu brings those of train."""
_PACKAGES: Final = {
    Runtime.LITERT: ("ai_edge_litert", ("ai-edge-litert",)),
    Runtime.TFLITE_RUNTIME: ("tflite_runtime", ("tflite-runtime",)),
    Runtime.TENSORFLOW: ("tensorflow", ("tensorflow", "tensorflow-cpu")),
}
"""The module of each interpreter, and the packages that may have brought it."""


def runtime() -> Finding:
    """Look which interpreters are installed, and load the one that AUTO takes."""
    installed = [
        f"{name} {_version(packages)}" for name, (module, packages) in _PACKAGES.items() if _is_there(module)
    ]
    try:
        taken, _ = choose(Runtime.AUTO)
    except RuntimeUnavailable as error:
        return Finding(
            name="runtime", state=State.BAD, found=one_line(error), todo="pip install ai-edge-litert"
        )
    found = f"{', '.join(installed) or taken}; auto takes {taken}"
    if taken is Runtime.TENSORFLOW:
        return Finding(
            name="runtime",
            state=State.WARN,
            found=found,
            todo="pip install ai-edge-litert: TensorFlow takes seconds to load, and much memory",
        )
    return Finding(name="runtime", state=State.OK, found=found)


def edge_tpu() -> Finding:
    """Look whether a Coral Edge TPU answers."""
    try:
        _, library = choose(Runtime.EDGETPU)
    except RuntimeUnavailable:
        return Finding(name="edge tpu", state=State.OK, found="no interpreter that could use one")
    try:
        load_edgetpu(library)
    except RuntimeUnavailable as error:
        if isinstance(error.__cause__, OSError):
            return Finding(
                name="edge tpu",
                state=State.OK,
                found="its library is not installed; only --runtime edgetpu needs it",
            )
        return Finding(
            name="edge tpu",
            state=State.WARN,
            found=one_line(error),
            todo="Plug it in, check the udev rules, and see that no other program uses it; others need none",
        )
    return Finding(name="edge tpu", state=State.OK, found="answers; taken with --runtime edgetpu")


def native() -> Finding:
    """Look for the core in C, and say what `sigverify native` would do."""
    try:
        library = Library.find()
    except RuntimeUnavailable as error:
        if os.environ.get(VARIABLE) == "off":
            return Finding(name="native core", state=State.OK, found=f"switched off by {VARIABLE}=off")
        what = one_line(error) if Library.is_expected() else "not built here: decisions take twice as long"
        return Finding(name="native core", state=State.WARN, found=what, todo=_how_to_build())
    return Finding(
        name="native core",
        state=State.OK,
        found=f"{library.path}, interface {ABI}; auto takes it for strokes",
    )


def extras() -> Finding:
    """Look which extras are installed."""
    there = [name for name, modules in EXTRAS.items() if all(map(_is_there, modules))]
    lacking = [name for name in EXTRAS if name not in there]
    found = f"installed: {', '.join(there) or 'none'}"
    if not lacking:
        return Finding(name="extras", state=State.OK, found=found)
    return Finding(
        name="extras",
        state=State.OK,
        found=f"{found}; not installed: {', '.join(lacking)}",
        todo=f"Where you need it: pip install 'sigverify[{lacking[0]}]'",
    )


def _how_to_build() -> str:
    """Return what `sigverify native` would do on this machine."""
    if os.environ.get(VARIABLE):
        return f"Correct {VARIABLE}, or unset it and run: sigverify native"
    if not os.access(PLACE.parent, os.W_OK):
        return f"sigverify native --out FILE, and {VARIABLE}=FILE: this user may not write beside the SDK"
    compiler = shutil.which("cc")
    if compiler is None:
        return "Install a C compiler (Debian: apt install gcc), then run: sigverify native"
    return f"Run: sigverify native, which compiles {PLACE} with {compiler}"


def _is_there(module: str) -> bool:
    """Say whether a top-level module could be imported, without doing so."""
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # something put another module in its place
        return False


def _version(packages: tuple[str, ...]) -> str:
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return "of an unknown version"
