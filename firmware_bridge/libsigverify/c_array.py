"""A model file as C source: what a device without a file system links into its flash."""

import re
import textwrap
from typing import Final

from sigverify.errors import ConfigError
from sigverify.model_file import Model

ALIGNMENT: Final = 16
"""Of the array: then the network in it is aligned as TFLite wants it, and runs in place."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def c_array(model: Model, name: str = "sigverify_model", *, arena_bytes: int | None = None) -> str:
    """Return C99 source that defines `name` and `name`_size: for `sv_model_open`, and for tflite-micro.

    Offset and size of the network and its tensors are written as macros, so that an interpreter can be set up
    without reading the manifest. `arena_bytes` is what tflite-micro needs, if that was measured.

    Raises:
        ConfigError: `name` cannot be one in C.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError("this cannot be a name in C", expected="letters, digits and _", received=name[:80])
    data = model.to_bytes()
    rows = textwrap.wrap(", ".join(map(str, data)), 110, initial_indent="    ", subsequent_indent="    ")
    lines = [
        f"/* sigverify model {model.id}, written by `sigverify convert --c-array`. Declare it elsewhere as",
        f" * extern const unsigned char {name}[]; extern const unsigned long {name}_size; */",
        *_macros(model, name.upper(), data, arena_bytes),
        f"extern const unsigned char {name}[];",
        f"extern const unsigned long {name}_size;",
        f"const unsigned long {name}_size = {len(data)}ul;",
        "#if defined(__GNUC__)",
        f"__attribute__((aligned({ALIGNMENT})))",
        "#endif",
        f"const unsigned char {name}[{len(data)}] = {{",
        *rows,
        "};",
    ]
    return "\n".join(lines) + "\n"


def _macros(model: Model, prefix: str, data: bytes, arena_bytes: int | None) -> list[str]:
    """Say where the network lies and how its tensors are quantized; hexadecimal, so that no digit is lost."""
    # The network ends where the hash of 32 bytes begins.
    values: dict[str, object] = {
        "NETWORK_OFFSET": len(data) - 32 - len(model.network),
        "NETWORK_SIZE": len(model.network),
    }
    for name, port in sorted(model.manifest.tensors.items()):
        values[f"{name.upper()}_POSITION"] = port["position"]
        values[f"{name.upper()}_SCALE"] = float(port["scale"]).hex()
        values[f"{name.upper()}_ZERO_POINT"] = f"({port['zero_point']})"
    if arena_bytes is not None:
        values["ARENA_BYTES"] = f"{arena_bytes} /* of tflite-micro on a 64-bit machine; 32 bits need less */"
    return [f"#define {prefix}_{name} {value}" for name, value in values.items()]
