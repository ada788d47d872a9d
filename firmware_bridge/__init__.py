"""The SDK inside kiosk firmware: a wire protocol, a daemon and its clients, a web page, and a core in C.

Start with `protocol` (without I/O), `daemon` (`sigverify serve`) or `client`;
`testing` has a daemon in memory.
"""
