"""The SDK's core in C, for firmware without Python.

include/sigverify.h is its interface, docs/native.md its manual. `build` compiles it; `declare` writes down
what the header declares, by which `sigverify.runtime.native` calls it: both pass the same tests.
"""
