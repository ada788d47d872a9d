"""Best match: a ranking of everybody by likeness, for a person to look at, with no decision in it.

python examples/ranking.py
"""

from people import invent

from sigverify import Verifier


def main() -> None:
    """Print the five people most like an unsigned-for signature."""
    people = invent(30)
    with Verifier.open(":memory:") as verifier:
        for name, signatures in people.items():
            verifier.enroll(name, signatures[:5], quality="record")
        print("a signature of heidi's is most like those of")
        for rank, match in enumerate(verifier.identify(people["heidi"][5], top_k=5), start=1):
            print(f"{rank}. {match.user_id}  {match.score:.2g}")


if __name__ == "__main__":
    main()
