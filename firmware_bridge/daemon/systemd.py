"""`Notifier`: tells the service manager that the daemon is ready, alive, reloading or stopping.

Source: sd_notify(3): datagrams to the socket named by $NOTIFY_SOCKET; no library is needed.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_TIMEOUT_S: Final = 1.0
"""For a busy manager to take a state; clients wait that long."""


class Notifier:
    """Sends states to the service manager; without one, nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where to send states, and how often `alive`."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval_us = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = (
            int(interval_us) / 1e6 if for_us and interval_us.isdecimal() and int(interval_us) > 0 else None
        )
        """Seconds within which `alive` has to be called; None: never."""

    def ready(self) -> None:
        """Say that clients can connect."""
        self._send("READY=1")

    def alive(self) -> None:
        """Say that requests are being answered."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that model and store are being opened anew; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is stopping."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._address[:1] not in ("/", "@"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_TIMEOUT_S)
                sender.connect(address)
                sender.sendall(state.encode())
        except OSError:  # a manager that went away is no reason to stop
            return
