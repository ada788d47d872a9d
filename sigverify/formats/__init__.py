"""Readers and writers of signature files, one file per format."""

from sigverify.formats.reader import Format, read_capture, read_recording, read_signature, recognize_format

__all__ = ["Format", "read_capture", "read_recording", "read_signature", "recognize_format"]
