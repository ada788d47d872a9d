"""Signed captures: proof that samples come from a pen that is known here, and were written just now.

A pen's microcontroller holds a key of its own and signs each capture with it, over a challenge of whoever
decides and a counter that only rises. A verifier that is given the keys (`CaptureKeys`) judges nothing else.
Tokens and messages are in docs/protocol.md, what this keeps out and what not in docs/security.md.
"""
