"""What keeps templates and models safe: keys, sealing, renewable coordinates, signatures of model files.

Nothing is imported here: `cryptography` takes its time, and a `Key` alone does not need it.
"""
