"""Addresses of TCP: `host_and_port` reads one, `is_loopback` says who can reach it."""

import ipaddress

from sigverify.errors import ConfigError


def host_and_port(text: str) -> tuple[str, int]:
    """Read "HOST:PORT"; an IPv6 address stands in brackets.

    >>> host_and_port("127.0.0.1:7117"), host_and_port("[::1]:7117")
    (('127.0.0.1', 7117), ('::1', 7117))

    Raises:
        ConfigError: it is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or not (port.isdecimal() and len(port) <= 5 and int(port) < 65_536):
        raise ConfigError("this is no address", expected="HOST:PORT", received=text)
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "kiosk.example")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
