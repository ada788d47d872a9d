import json
import sys

import pytest

from sigverify.cli.app import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command line in this process: the exit code, and what was printed."""

    def run(*arguments, **environment):
        monkeypatch.setattr(sys, "argv", ["sigverify", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "120")
        for name, value in ({"LC_ALL": "C"} | environment).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out + printed.err

    return run


@pytest.fixture
def answer(run):
    """Return a function that runs the command line with --json: the exit code, and the object printed."""

    def answer(*arguments):
        code, printed = run(*arguments, "--json")
        return code, json.JSONDecoder().raw_decode(printed)[0]  # progress of slow machines may follow it

    return answer
