import pytest
from running_daemon import RunningDaemon

from firmware_bridge.transport.listeners import UnixListener


@pytest.fixture
def path(tmp_path):
    return tmp_path / "socket"


@pytest.fixture
def daemon(path):
    with RunningDaemon([UnixListener(path)]) as running:
        yield running


@pytest.fixture
def address(daemon):
    return str(daemon.listeners[0])
