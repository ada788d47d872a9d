"""Corpora that others have published: a table of strokes, one of pictures."""
