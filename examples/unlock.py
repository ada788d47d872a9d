"""Unlock (1:1): one owner, a threshold by false-match rate, a reason for every no.

python examples/unlock.py
"""

import tempfile
from pathlib import Path

from people import invent

from sigverify import Verifier
from sigverify.words import sentence


def main() -> None:
    """Enroll the owner of a device, and let three people try."""
    people = invent(2, signatures=7)
    with tempfile.TemporaryDirectory() as folder, Verifier.open(Path(folder, "device.db")) as verifier:
        verifier.enroll("owner", people["alice"][:5])
        tries = {
            "the owner": people["alice"][5],
            "the owner again": people["alice"][6],
            "somebody else": people["bob"][0],
        }
        for who, signature in tries.items():
            decision = verifier.verify("owner", signature, fmr=0.03)  # a till would ask for less
            print(f"{who}: {'unlocked' if decision else 'stays locked'} ({sentence(decision.reason)})")


if __name__ == "__main__":
    main()
