"""The SDK inside kiosk firmware: a wire protocol, a daemon and its clients, a web page, and a core in C.

Start with `connection` (the protocol, without I/O), `daemon` (`sigverify serve`) or `client`.
"""
