"""A model file as C source: what a device without a file system links into its flash."""

import re
import textwrap
from collections.abc import Mapping
from typing import Final

from sigverify.errors import ConfigError
from sigverify.model_file import Model

ALIGNMENT: Final = 16
"""Of the array: then the networks in it are aligned as TFLite wants it, and run in place."""

_HASH_BYTES: Final = 32

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def c_array(
    model: Model,
    name: str = "sigverify_model",
    *,
    arena_bytes: int | None = None,
    pair_arena_bytes: int | None = None,
) -> str:
    """Return C99 source that defines `name` and `name`_size: for `sv_model_open`, and for tflite-micro.

    Offsets and sizes of the networks and their tensors are written as macros, so that an interpreter can be
    set up without reading the manifest. `arena_bytes` is what tflite-micro needs for the network, if that was
    measured, and `pair_arena_bytes` for the pair network. One arena of the larger size serves both in turn.

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
        *_macros(model, name.upper(), {"ARENA_BYTES": arena_bytes, "PAIR_ARENA_BYTES": pair_arena_bytes}),
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


def _macros(model: Model, prefix: str, arenas: Mapping[str, int | None]) -> list[str]:
    """Say where the networks lie, and how their tensors are quantized: in hexadecimal, to the last digit."""
    # The file ends with the pair network and the hash; the network lies before that, padded.
    pair_offset = len(model.to_bytes()) - _HASH_BYTES - len(model.cohort) - len(model.pair_network)
    values: dict[str, object] = {
        "NETWORK_OFFSET": pair_offset - -(-len(model.network) // ALIGNMENT) * ALIGNMENT,
        "NETWORK_SIZE": len(model.network),
    }
    if model.pair_network:
        values |= {"PAIR_NETWORK_OFFSET": pair_offset, "PAIR_NETWORK_SIZE": len(model.pair_network)}
    for name, port in sorted(model.manifest.tensors.items()):
        values[f"{name.upper()}_POSITION"] = port["position"]
        values[f"{name.upper()}_SCALE"] = float(port["scale"]).hex()
        values[f"{name.upper()}_ZERO_POINT"] = f"({port['zero_point']})"
    for name, size in arenas.items():
        if size is not None:
            values[name] = f"{size} /* of tflite-micro on a 64-bit machine; 32 bits need less */"
    return [f"#define {prefix}_{name} {value}" for name, value in values.items()]
