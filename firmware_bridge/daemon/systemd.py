"""`Notifier`: tells the service manager that the daemon is ready, alive, reloading or stopping.

Source: sd_notify(3): datagrams to the socket named by $NOTIFY_SOCKET; no library is needed.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_PATIENCE_S: Final = 1.0
"""Clients wait while a busy manager has no room for a word."""


class Notifier:
    """Sends states to the service manager; without one, nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where to send, and how often it wants to hear that we are alive."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        wanted = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(wanted) / 1e6 if ours and wanted.isdecimal() and int(wanted) > 0 else None
        """Seconds within which a sign of life is wanted; None: none."""

    def ready(self) -> None:
        """Say that clients can connect."""
        self._send("READY=1")

    def alive(self) -> None:
        """Say that requests are being answered."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that everything is being opened anew; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end is wanted."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if self._address[:1] not in ("/", "@"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_PATIENCE_S)
                sender.connect(address)
                sender.sendall(state.encode())
        except OSError:  # a manager that went away is no reason to stop
            return
