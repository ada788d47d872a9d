"""TLS by the token that both sides have, for TCP: no certificates. Needs Python 3.13.

TLS 1.3 with that one external key and a fresh key agreement: whoever learns the token later can read nothing
that was sent before. No certificate is accepted: whoever answers without the token is refused.

Source: E. Rescorla, "The Transport Layer Security (TLS) Protocol Version 1.3", RFC 8446, 2018, section 2.2.
"""

import ssl
from typing import Any, Final

from sigverify.errors import MissingExtra
from sigverify.protection.keys import Key

IDENTITY: Final = "sigverify"
"""What the client calls the key; there is one only."""
_PURPOSE: Final = b"sigverify bridge tls 1"


def server_context(token: Key) -> ssl.SSLContext:
    """Return what a daemon encrypts with.

    Raises:
        MissingExtra: this Python cannot.
    """
    context, secret = _context(ssl.PROTOCOL_TLS_SERVER), token.derive(_PURPOSE, b"")
    untyped: Any = context  # the types are of Python 3.11, which has no such method
    untyped.set_psk_server_callback(lambda identity: secret if identity == IDENTITY else b"")
    return context


def client_context(token: Key) -> ssl.SSLContext:
    """Return what a client encrypts with.

    Raises:
        MissingExtra: this Python cannot.
    """
    # By default it wants a certificate by an authority, and knows no authority: no certificate will do.
    context, secret = _context(ssl.PROTOCOL_TLS_CLIENT), token.derive(_PURPOSE, b"")
    untyped: Any = context
    untyped.set_psk_client_callback(lambda _hint: (IDENTITY, secret))
    return context


def _context(protocol: int) -> ssl.SSLContext:
    if not getattr(ssl, "HAS_PSK", False):
        raise MissingExtra(
            "this Python has no TLS by a shared key",
            expected="Python 3.13 or newer, with an OpenSSL that has it",
            hint="Or put a tunnel such as WireGuard or stunnel in between",
        )
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
