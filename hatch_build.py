"""The wheel's one variation: libsigverify in it, for the platform that `distribution/wheels.py` names."""

import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = "SIGVERIFY_WHEEL_LIBRARY"
"""Of the environment: the compiled library to take in; without it the wheel is pure, for any machine."""
PLATFORM = "SIGVERIFY_WHEEL_PLATFORM"
"""The wheel's platform tag, as `manylinux_2_17_x86_64`."""
PLACE = "sigverify/runtime/native/libsigverify.so"
"""Where the SDK looks first."""


class PlatformWheel(BuildHookInterface):
    """Put the library where the SDK finds it, and say for which platform it is."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Change what a wheel is built of; an editable install has what `sigverify native` built."""
        library = os.environ.get(LIBRARY)
        if not library or version == "editable":
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ[PLATFORM]}"  # called by cffi: any Python will do
        build_data["force_include"][library] = PLACE
