"""Options that several commands share."""

import sys

import pytest

from sigverify.cli.app import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command line, and returns its code and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sigverify", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3cret@db/fleet",
        "postgresql://me@db/fleet?password=s3cret",
        "postgresql://me@db/fleet?sslkey=k&sslpassword=s3cret",
        "postgres://db/?pass%77ord=s3cret",
    ],
)
@pytest.mark.parametrize("command", ["users", "unlock", "doctor"])
def test_a_password_is_no_argument(run, command, address):
    code, said = run(command, "--store", address)
    assert code == 4
    assert "a password on the command line" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "address", ["postgresql://me@127.0.0.1:1/fleet", "postgresql://[/x", "/no/such/kiosk.db"]
)
def test_an_address_without_one_is_an_argument(run, address):
    assert "a password" not in run("users", "--store", address)[1]


def test_the_environment_may_hold_it(run, monkeypatch):
    monkeypatch.setenv("SIGVERIFY_STORE", "postgresql://me:s3cret@127.0.0.1:1/fleet")
    code, said = run("users")
    assert code == 4
    assert "a password on" not in said
    assert "s3cret" not in said
