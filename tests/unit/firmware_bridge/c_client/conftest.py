import subprocess

import pytest
from c_driver import PROGRAMS, SOURCES, STRICT, Driver, compile_client

SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="session")
def build(compiler, tmp_path_factory):
    """A function that compiles the client with a program of tests/support/c_client/."""

    def compile_with(program, *flags):
        return compile_client(compiler, tmp_path_factory.mktemp("c_client") / "program", program, *flags)

    return compile_with


@pytest.fixture(scope="session")
def driver_path(build):
    return build("driver.c", *SANITIZED)


@pytest.fixture(scope="session")
def hmac_path(compiler, tmp_path_factory):
    """A program that computes the client's own HMAC."""
    target = tmp_path_factory.mktemp("hmac") / "program"
    # Most of the file that it includes is not called.
    flags = (*STRICT, *SANITIZED, "-Wno-unused-function", f"-I{SOURCES}")
    subprocess.run([compiler, *flags, "-o", target, PROGRAMS / "hmac.c"], check=True)
    return target


@pytest.fixture
def drive(driver_path):
    """A function that starts the driver, by itself or on a socket; all are closed at the end."""
    started = []

    def start(*arguments, path=driver_path, before=()):
        started.append(Driver(*before, path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.close()
