import asyncio

import pytest

from firmware_bridge.client import AsyncClient, Client
from firmware_bridge.transport.address import host_and_port
from sigverify.errors import ConfigError

NO_NAMES = ["a..b", ".", "a" * 70, "\udc80", "", "[]"]
"""Which no system looks up: a part is empty or too long, or no text."""


@pytest.mark.parametrize(
    "text", [*(f"{name}:7117" for name in NO_NAMES), "7117", "a:", "a:b", "a:65536", "a:-1"]
)
def test_what_is_no_address(text):
    with pytest.raises(ConfigError, match="no address"):
        host_and_port(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("127.0.0.1:7", "127.0.0.1"),
        ("[::1]:7", "::1"),
        ("[fe80::1%eth0]:7", "fe80::1%eth0"),
        ("kiosk.example.:7", "kiosk.example."),
        ("kiösk.example:7", "kiösk.example"),
        (f"{'a' * 63}:7", "a" * 63),
    ],
)
def test_names_and_addresses(text, host):
    assert host_and_port(text) == (host, 7)


@pytest.mark.parametrize("name", NO_NAMES)
def test_clients_say_so(name):
    with Client(f"tcp:{name}:7") as client, pytest.raises(ConfigError, match="no address"):
        client.info()

    async def ask():
        async with AsyncClient(f"tcp:{name}:7") as client:
            await client.info()

    with pytest.raises(ConfigError, match="no address"):
        asyncio.run(ask())
