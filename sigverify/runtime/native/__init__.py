"""libsigverify from Python: the SDK's core in C, used where it is installed and never needed.

`library` finds and loads it, `embedder` goes from strokes to embeddings with it. What it computes is equal to
what numpy computes here: docs/native.md says how equal. `declarations` is made by cffi out of sigverify.h:
`python -m firmware_bridge.libsigverify.declare`.
"""
