"""`open_verifier`: what enroll, verify and identify begin with."""

from pathlib import Path
from typing import TYPE_CHECKING

from sigverify.cli.quiet import quiet

if TYPE_CHECKING:
    from sigverify.verifier import Verifier


def open_verifier(store: Path, *, model: str, runtime: str, threads: int, create: bool = False) -> "Verifier":
    """Open a verifier without what its libraries log while they load; see `Verifier.open`."""
    from sigverify.verifier import Verifier

    with quiet():
        return Verifier.open(store, model=model, runtime=runtime, threads=threads, create=create)
