"""A large gallery: read it once at the start, then answer in milliseconds while people come and go.

Run: python examples/large_gallery.py [PEOPLE]

With far more than 100,000 people: pip install 'sigverify[search]', and Verifier.open(…, index="approximate").
"""

import sys
import time

from people import invent

from sigverify import Verifier


def main() -> None:
    """Enroll, prepare, search, and show that a change costs the change only."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    people = invent(count)
    *names, last = people
    with Verifier.open(":memory:", index="exact") as verifier:
        for name in names:
            verifier.enroll(name, people[name][:5], quality="record")
        took, size = timed(verifier.prepare)
        print(f"read {size} people in {took:.0f} ms")
        took, matches = timed(lambda: verifier.identify(people["ivan"][5], top_k=1))
        print(f"{matches[0].user_id} found in {took:.0f} ms")
        verifier.enroll(last, people[last][:5], quality="record")
        took, matches = timed(lambda: verifier.identify(people[last][5], top_k=1))
        print(f"{matches[0].user_id}, enrolled a moment ago, found in {took:.0f} ms")


def timed(call):
    """Return milliseconds and the result."""
    start = time.perf_counter()
    result = call()
    return 1000 * (time.perf_counter() - start), result


if __name__ == "__main__":
    main()
