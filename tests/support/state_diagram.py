"""Draw the phases of the handshake in docs/protocol.md from their tables.

python tests/support/state_diagram.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from firmware_bridge.protocol.phase import CLIENT, DAEMON, DAEMON_SERIAL

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
BEGIN, END = "<!-- phases: drawn by tests/support/state_diagram.py -->", "<!-- /phases -->"


def drawn(transitions):
    """Return a Mermaid diagram of a table; events between the same two phases share an arrow."""
    arrows = {}
    for (phase, event), target in transitions.items():
        arrows.setdefault((phase, target), []).append(event.value)
    lines = [
        f"    {source.name.lower()} --> {target.name.lower()}: {', '.join(events)}"
        for (source, target), events in sorted(arrows.items())
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> idle", *lines, "```"])


def differences(table, other):
    """Return the rows of what leads elsewhere in the other table."""
    rows = []
    for (phase, event), target in table.items():
        elsewhere = other.get((phase, event), phase)
        if elsewhere is not target:
            rows.append(f"| {phase.name.lower()} | {event.value} | {elsewhere.name.lower()} |")
    return "\n".join(["| phase | event | then |", "|---|---|---|", *rows])


def block():
    """Return everything between the marks."""
    return "\n\n".join(
        [
            "A client:",
            drawn(CLIENT),
            "The daemon at a socket:",
            drawn(DAEMON),
            "At a serial line it differs in this:",
            differences(DAEMON, DAEMON_SERIAL),
        ]
    )


def updated(text):
    """Return the document with the block anew."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{block()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
