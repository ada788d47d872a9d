"""The SDK's core in C, for firmware without Python.

include/sigverify.h is its interface, docs/native.md its manual. `build` compiles it, `binding` calls it from
Python, which is how it is tested: the same calls, the same numbers.
"""
