"""A client of the daemon for microcontrollers, in C: sigverify_client.h and .c beside this file.

docs/protocol.md, "The C client", is their manual.
"""
