"""Attendance: twenty people sign in without saying who they are, and one joins without any retraining.

python examples/attendance.py
"""

from people import invent

from sigverify import Verifier

STAFF = 20
FPIR = 0.01


def main() -> None:
    """Enroll the staff, let everybody sign in, then a newcomer before and after enrolling."""
    people = invent(STAFF + 1)
    *staff, newcomer = people
    with Verifier.open(":memory:") as verifier:
        for name in staff:
            verifier.enroll(name, people[name][:5], quality="record")
        right = sum(signed_in(verifier, people[name][5]) == name for name in staff)
        print(f"{right} of {STAFF} recognized")
        print(f"{newcomer} before enrolling: {signed_in(verifier, people[newcomer][5])}")
        verifier.enroll(newcomer, people[newcomer][:5], quality="record")
        print(f"{newcomer} after enrolling: {signed_in(verifier, people[newcomer][5])}")


def signed_in(verifier: Verifier, signature) -> str:
    """Return who that is, or "nobody"."""
    matches = verifier.identify(signature, top_k=1, fpir=FPIR)
    return matches[0].user_id if matches else "nobody"


if __name__ == "__main__":
    main()
