"""Reads the enums of our C headers."""

import re


def enum(text, name, prefix):
    """Return the numbers of an enum by their names without the prefix."""
    body = re.search(rf"typedef enum {name} {{(.*?)}}", text, re.DOTALL).group(1)
    return {key: int(value) for key, value in re.findall(rf"{prefix}_(\w+) = (\d+)", body)}


def in_c(name):
    """`InvalidSignature` is INVALID_SIGNATURE there; the base of all errors is ERROR."""
    return "ERROR" if name == "SigverifyError" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
