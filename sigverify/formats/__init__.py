"""Readers and writers of signature files, one file per format."""

from sigverify.formats.reader import Format, read_signature, recognise_format

__all__ = ["Format", "read_signature", "recognise_format"]
