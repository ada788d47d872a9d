import json
import platform

import pytest

from sigverify.speed import Board
from sigverify.speed.board import memory_mb, processor, release
from sigverify.speed.first_decision import peak_memory_mb

PI = """\
processor\t: 0
BogoMIPS\t: 108.00
CPU implementer\t: 0x41
CPU part\t: 0xd08

processor\t: 1
CPU part\t: 0xd03

Hardware\t: BCM2835
Serial\t\t: 10000000deadbeef
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""


def test_a_raspberry_pi(tmp_path):
    for name, text in {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/cpuinfo": PI,
        "proc/meminfo": "MemTotal:        3884340 kB\nMemFree: 1 kB\n",
        "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    board = Board.here(tmp_path)
    assert board.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert (board.processor, board.memory_mb) == ("Cortex-A72", 3793)
    assert board.system == "Debian GNU/Linux 12 (bookworm)"
    said = json.dumps(board.to_dict())
    assert "deadbeef" not in said, "nothing tells one machine of a kind from another"
    assert platform.node() not in said


def test_a_machine_that_says_nothing_of_itself(tmp_path):
    board = Board.here(tmp_path)
    assert (board.board, board.memory_mb) == ("", None)
    assert board.system == platform.system()
    assert board.cores >= 1
    assert "numpy" in board.packages


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("CPU part\t: 0xfff\n", "CPU part 0xfff"),
        ("CPU part\t: 0xD0B\n", "Cortex-A76"),
        ("model name\t: ARMv7 Processor rev 4 (v7l)\nCPU part\t: 0xd03\n", "Cortex-A53"),
        ("no colon", ""),
    ],
)
def test_names_of_processors(told, expected):
    assert processor(told) == expected


def test_files_that_say_something_else():
    assert memory_mb("MemTotal: much\n") is None
    assert release("no name") == ""


def test_the_peak_of_memory(tmp_path):
    status = tmp_path / "status"
    assert peak_memory_mb(status) is None
    status.write_text("Name:\tpython\nVmHWM:\t   61440 kB\n")
    assert peak_memory_mb(status) == 60.0
