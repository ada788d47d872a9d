"""The wire protocol without I/O: bytes in, events out. docs/protocol.md is its specification."""
