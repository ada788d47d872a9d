r"""A kiosk's main loop through the daemon: it captures, asks, and says what to do; the daemon decides.

sigverify serve --store kiosk.db --create --socket kiosk.socket &
printf 'enroll alice alice-*.csv\nverify alice probe.csv\n' | python examples/firmware/kiosk.py kiosk.socket

Here the captures are files; on a device, `read_signature` gives way to what the digitizer sends.
"""

import sys
import time
from collections.abc import Callable, Iterable
from glob import glob
from typing import Final, TypeVar

from firmware_bridge.client import Client
from sigverify import Decision, Signature, SigverifyError, read_signature
from sigverify.errors import Busy, Disconnected
from sigverify.words import sentence

T = TypeVar("T")

TRIES: Final = 8
WAIT_S: Final = 0.2


def patiently(ask: Callable[[], T]) -> T:
    """Ask again while the daemon is busy or away, waiting twice as long each time.

    Only for what may be done twice. A verification may: at worst the daemon saw the capture already,
    and calls it a copy; then the person signs again.
    """
    for tried in range(TRIES - 1):
        try:
            return ask()
        except (Busy, Disconnected) as error:
            print(f"waiting: {type(error).__name__}", flush=True)
            time.sleep(WAIT_S * 2**tried)
    return ask()


def enroll(client: Client, user_id: str, signatures: Iterable[Signature]) -> str:
    """Enroll signature by signature, as a person at the kiosk would: each is judged at once."""
    enrollment = patiently(lambda: client.enrollment(user_id))
    for number, signature in enumerate(signatures, 1):
        addition = enrollment.add(signature)  # not asked twice: a broken line ends an enrollment, begin anew
        print(f"signature {number}: {sentence(addition.reason)}")
        if addition.remaining == 0:
            return f"enrolled, {enrollment.commit().references} references"
        if not addition:
            print("please sign once more")
    enrollment.abandon()
    return "not enrolled: too few good signatures"


def verify(client: Client, user_id: str, signature: Signature) -> str:
    """Decide, and say what the person is to do."""
    decision: Decision = patiently(lambda: client.verify(user_id, signature, fmr=0.05))
    if decision:
        return "accepted: opens"
    if decision.retry_after_s:
        return f"locked: wait {decision.retry_after_s:.0f} s"
    return f"rejected: {sentence(decision.reason)}"


def obey(client: Client, line: str) -> str:
    """Carry out one line: `enroll USER FILES` or `verify USER FILE`."""
    order, user_id, *patterns = line.split()
    signatures = [read_signature(path) for pattern in patterns for path in sorted(glob(pattern))]  # noqa: PTH207
    if order == "enroll":
        return enroll(client, user_id, signatures)
    return verify(client, user_id, signatures[0])


def attend(client: Client, lines: Iterable[str]) -> None:
    """Serve one line after another; nothing that goes wrong ends the loop."""
    for line in lines:
        try:
            answer = obey(client, line)
        except SigverifyError as error:
            answer = f"sorry, {error} (status {error.status})"
        except (ValueError, IndexError):
            answer = "say: enroll USER FILES, or verify USER FILE"
        print(answer, flush=True)


if __name__ == "__main__":
    with Client(sys.argv[1], timeout_s=5.0, name="kiosk") as kiosk:
        attend(kiosk, sys.stdin)
