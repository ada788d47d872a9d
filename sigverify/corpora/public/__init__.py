"""Corpora that others have published, one file each."""
