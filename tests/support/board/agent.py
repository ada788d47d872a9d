"""On the emulated board: run what the other end of a virtual port asks for, one shell line after the other.

A request is a line of JSON, {"command": …}, the answer {"code": …, "said": …}: a serial console without the
letters that a terminal adds.
"""

import io
import json
import subprocess
from pathlib import Path

PORT = "/dev/virtio-ports/agent"


def main():
    """Answer for ever; at the end of the port systemd starts anew."""
    # A port is opened once; what is read from it comes byte by byte, what is written to it in one piece.
    with Path(PORT).open("r+b", buffering=0) as port, io.BufferedWriter(port) as answers:
        for line in iter(port.readline, b""):
            done = subprocess.run(
                ["/bin/bash", "-c", json.loads(line)["command"]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            answer = {"code": done.returncode, "said": done.stdout.decode(errors="replace")}
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
