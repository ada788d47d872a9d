"""Write the phases of the handshake into docs/protocol.md from the tables of the code.

python tests/support/phase_tables.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from firmware_bridge.protocol.phase import CLIENT, DAEMON, DAEMON_SERIAL

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
BEGIN, END = "<!-- phases: written by tests/support/phase_tables.py -->", "<!-- /phases -->"


def steps(transitions):
    """Return the rows of a table; events that lead from one phase to one other share a row."""
    rows = {}
    for (phase, event), target in transitions.items():
        rows.setdefault((phase, target), []).append(event.value)
    return [(phase, ", ".join(events), target) for (phase, target), events in sorted(rows.items())]


def differences(table, other):
    """Return the rows of what leads elsewhere in the other table."""
    rows = []
    for (phase, event), target in table.items():
        elsewhere = other.get((phase, event), phase)
        if elsewhere is not target:
            rows.append((phase, event.value, elsewhere))
    return rows


def written(rows):
    """Return rows as Markdown."""
    lines = [f"| {phase.name.lower()} | {event} | {target.name.lower()} |" for phase, event, target in rows]
    return "\n".join(["| phase | event | then |", "|---|---|---|", *lines])


def block():
    """Return everything between the marks."""
    return "\n\n".join(
        [
            "A client, which begins `idle`:",
            written(steps(CLIENT)),
            "The daemon at a socket, which begins `idle` too:",
            written(steps(DAEMON)),
            "At a serial line it differs in this:",
            written(differences(DAEMON, DAEMON_SERIAL)),
        ]
    )


def updated(text):
    """Return the document with the block anew."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{block()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
