"""Make declarations.py of sigverify.runtime.native out of sigverify.h.

Run it by `python -m firmware_bridge.libsigverify.declare`.

It holds what cffi's parser finds, so that a device need neither parse a header nor bring a compiler.
"""

import re
from pathlib import Path
from typing import Final

from firmware_bridge.libsigverify.build import HEADER
from sigverify.runtime import native

MODULE: Final = "sigverify.runtime.native.declarations"
TARGET: Final = Path(native.__path__[0], "declarations.py")


def declarations() -> str:
    """Return what the header declares, without what only a preprocessor understands."""
    text = HEADER.read_text()
    numbers = dict(re.findall(r"#define (SV_\w+) (\d+)", text))
    body = text[text.index("#define SV_FRAMES") : text.rindex("#ifdef __cplusplus")]
    body = re.sub(r"^#.*$", "", body, flags=re.MULTILINE).replace("SV_API ", "")
    return re.sub(r"\[(SV_\w+)\]", lambda size: f"[{numbers[size[1]]}]", body)


def declare(target: Path = TARGET) -> None:
    """Write the module."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(declarations())
    ffi.set_source(MODULE, None)
    ffi.emit_python_code(str(target))


if __name__ == "__main__":
    declare()
