"""Addresses of TCP: `host_and_port` reads one, `is_loopback` says who can reach it."""

import ipaddress
import socket
from urllib.parse import urlsplit

from sigverify.errors import ConfigError


def host_and_port(text: str) -> tuple[str, int]:
    """Read "HOST:PORT"; an IPv6 address stands in brackets.

    >>> host_and_port("127.0.0.1:7117"), host_and_port("[::1]:7117")
    (('127.0.0.1', 7117), ('::1', 7117))

    Raises:
        ConfigError: it is neither.
    """
    name, _, port = text.rpartition(":")
    host = name.removeprefix("[").removesuffix("]")
    if not _can_be_asked_for(host) or not (port.isdecimal() and len(port) <= 5 and int(port) < 65_536):
        raise ConfigError("this is no address", expected="HOST:PORT", received=text)
    return host, int(port)


def _can_be_asked_for(host: str) -> bool:
    """Whether the system takes this for a name: no part of one is empty, or over 63 characters."""
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


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


def host_name(header: str) -> str:
    """Return the name in a `Host` header, "" where there is none.

    >>> host_name("127.0.0.1:9100"), host_name("[::1]:9100"), host_name("Kiosk.example"), host_name("[")
    ('127.0.0.1', '::1', 'kiosk.example', '')
    """
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_own_name(name: str, host: str) -> bool:
    """Whether what listens at `host` may be asked for by that name.

    A web page elsewhere can point a name of its owner's at this machine, and read what is answered there
    (DNS rebinding). It cannot do so with an address, nor with a name of this machine.

    >>> [is_own_name(name, "127.0.0.1") for name in ("127.0.0.1", "localhost", "192.0.2.7", "evil.example")]
    [True, True, False, False]
    >>> [is_own_name(name, "0.0.0.0") for name in ("localhost", "192.0.2.7", "evil.example", "")]
    [True, True, False, False]
    >>> is_own_name("kiosk.example", "kiosk.example")
    True
    """
    if is_loopback(name) or name == host:
        return True
    return not is_loopback(host) and (_is_address(name) or name == socket.gethostname().lower())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def peer_of(address: str) -> str:
    """Return whom an address counts as: all of an IPv6 network of 64 bits are one, as one machine has many.

    >>> peer_of("192.0.2.7"), peer_of("2001:db8:1:2:3::4"), peer_of("::ffff:192.0.2.7"), peer_of("somebody")
    ('192.0.2.7', '2001:db8:1:2::', '192.0.2.7', 'somebody')
    """
    try:
        its = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(its, ipaddress.IPv6Address):
        if its.ipv4_mapped is not None:
            return str(its.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(its) >> 64 << 64))
    return str(its)
