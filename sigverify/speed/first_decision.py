"""One process from its start to its first decision: what a command, or a device that was switched on, takes.

    python -m sigverify.speed.first_decision STORE KEY MODEL RUNTIME THREADS PROBE

Prints what it held in memory at most, as JSON; `benchmark` starts it and looks at the clock.
"""

import json
import sys
from pathlib import Path
from typing import Final

USER: Final = "bench"
VERIFIES: Final = 20
"""Decisions in one process: what is allocated once is there after them."""


def decide(store: str, key: str, model: str, runtime: str, threads: str, probe: str, decisions: str) -> None:
    """Open everything, decide, and print the memory that was held at most."""
    from sigverify import Key, Policy, Verifier, read_capture

    capture = read_capture(Path(probe))
    with Verifier.open(
        store,
        model=model,
        image_model=None,
        runtime=runtime,
        threads=int(threads),
        create=False,
        key=Key.from_file(key),
        policy=Policy.unguarded(),
    ) as verifier:
        for _ in range(int(decisions)):
            verifier.verify(USER, capture)
    sys.stdout.write(json.dumps({"peak_memory_mb": peak_memory_mb()}) + "\n")


def peak_memory_mb(status: Path = Path("/proc/self/status")) -> float | None:
    """Return the most that this process held in memory, libraries included; None where Linux does not say.

    Not `getrusage`: a process that was started by a large one inherits its peak there.
    """
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmHWM")), None)


if __name__ == "__main__":
    decide(*sys.argv[1:])
