"""What type checkers read of the package: made of its table of public names."""

import sigverify


def public_stub():
    """Return the text of sigverify/__init__.pyi."""
    lines = ["# Made by `make golden` of the table in __init__.py; do not edit.", ""]
    lines += ["from sigverify import errors as errors"]
    homes = sorted(sigverify._HOMES.items(), key=lambda pair: (pair[1], pair[0]))
    lines += [f"from {home} import {name} as {name}" for name, home in homes]
    names = [f'    "{name}",' for name in sigverify.__all__]
    return "\n".join([*lines, "", "__version__: str", "__all__ = [", *names, "]", ""])
