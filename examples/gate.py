"""A members' gate (1:N): who signs is looked for among those whose membership is active.

python examples/gate.py
"""

from people import invent

from sigverify import Verifier

ACTIVE = "active"
FPIR = 0.01


def main() -> None:
    """Let a member in, end the membership, renew it."""
    people = invent(10)
    with Verifier.open(":memory:") as verifier:
        for name, signatures in people.items():
            verifier.enroll(name, signatures[:5], quality="record")
            verifier.join(name, ACTIVE)
        print(f"carol signs: {opens(verifier, people['carol'][5])}")
        verifier.leave("carol", ACTIVE)
        print(f"carol's membership ended: {opens(verifier, people['carol'][5])}")
        verifier.join("carol", ACTIVE)
        print(f"carol renewed: {opens(verifier, people['carol'][5])}")


def opens(verifier: Verifier, signature) -> str:
    """Say what the gate does."""
    matches = verifier.identify(signature, top_k=1, fpir=FPIR, among=ACTIVE)
    return f"opens for {matches[0].user_id}" if matches else "stays shut"


if __name__ == "__main__":
    main()
