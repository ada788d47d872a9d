"""Readers and writers of signature files, one file per format."""

from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Field, Format
from sigverify.formats.reader import read_capture, read_recording, read_signature
from sigverify.formats.recording import Recording
from sigverify.formats.registry import FORMATS, find_format, find_written, recognize_format

__all__ = [
    "FORMATS",
    "Channel",
    "Field",
    "Format",
    "Quantity",
    "Recording",
    "find_format",
    "find_written",
    "read_capture",
    "read_recording",
    "read_signature",
    "recognize_format",
]
