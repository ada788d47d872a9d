"""The SDK's core in C, for firmware without Python.

include/sigverify.h is its interface, docs/native.md its manual. `build` compiles it, `declare` writes down for
`sigverify.native` what the header declares; by that the SDK calls it, so that both pass the same tests.
"""
