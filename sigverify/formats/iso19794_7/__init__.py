"""ISO/IEC 19794-7: signature/sign time series data; the full format of 2007, and its compact format.

No text of the ISO standard was at hand. What is read and written here rests on these, and each statement
says on which:

[B]  Annex B of the 2007 edition, the ASN.1 of both formats: Rec. ITU-T X.695 (05/2007), module
     SignatureSignRecordFormatModule, and GOST R ISO/IEC 19794-7-2009, annex B, a translation identical to the
     edition of 2007.
[H]  The same translation, 7.3: the header.
[G]  GOST R ISO/IEC 19794-7-2017, identical to the edition of 2014: its words on orientation, and 8.3.2.8.
[J]  bsi-core (Innovery, Java), a writer and reader of the edition of 2007, and its copy in JavaScript.
[F]  A reader of the edition of 2007 by Fraunhofer SIT (C++), written for a sensor's files.

==============================  =======================================================  =====================
what                            how                                                      rests on
==============================  =======================================================  =====================
header                          "SDI", 0, " 10", 0, descriptions, one reserved byte 0    [H] [J]
channel bitmap                  16 bits, first to last x y z vx vy ax ay t dt f s tx ty  [B] [J]
                                az el r; x and y have to be there, and t or dt           [B], t or dt: [J]
preamble                        scaling min max mean std constant linear reserved, from  [B] [J]
                                the highest bit; the first five announce 2 bytes each
scaling                         (1 + F/2^11) * 2^(E - 16), E of 5 bits, F of 11          [B] [J] [F]
                                a value divided by it is in the unit; without it the     [G]
                                calibration is unknown
units                           degrees [G]; m, because scalings are counts a metre      [J] [F]; s: [J] [F];
                                (11812 is 300 to the inch), and s; N                     N: Wacom's support
                                m/s and m/s^2 of velocity and acceleration               follow: not verified
min and max                     what the sensor can say                                  [G] [J]
numbers                         2 bytes, big endian; s has one                           [B]; [J] gives s two
signed (x y, v, a, tilt)        32768 is added: PER counts from the lower bound          [B] [J]; see `Signs`
body                            a byte whose highest bit announces extended data, the    [B]; [J] sets the
                                number of sample points in 3 bytes, the points, then 2   lowest bit
                                bytes of length and the extended data
constant channels               are left out of the points and count 1 each              [F], for dt
linear component removed        only a mark: the line is not in the file, so it cannot   [B]
                                be put back
compact format                  points of one byte a channel, without any header;        [B]; that no count is
                                128 is added to signed ones                              before: not verified
==============================  =======================================================  =====================

Not verified either: what a constant channel other than dt is (its mean is taken where there is one), and how
several signatures share a file: here records stand one behind the other. A record of the compact format says
nothing of its channels; smart cards keep that beside it, and who reads it here hands it in.

Later editions (2014, 2021: a general header, representations, a compressed format) are recognized and
refused: their representation header could not be established.

>>> from sigverify.modality.pen.signature import Signature
>>> data = encode(Signature(range(9), range(9), range(0, 90, 10)))
>>> decode(data, strict=True).signature().time_ms.tolist()[:3]
[0.0, 10.0, 20.0]
"""

from sigverify.formats.channel import Quantity
from sigverify.formats.format import Format
from sigverify.formats.iso19794_7.compact import decode_compact, encode_compact
from sigverify.formats.iso19794_7.cursor import MAGIC
from sigverify.formats.iso19794_7.decoding import decode, read_all
from sigverify.formats.iso19794_7.description import Description
from sigverify.formats.iso19794_7.encoding import encode, encode_all
from sigverify.formats.iso19794_7.explanation import explain
from sigverify.formats.iso19794_7.kinds import KINDS, Kind, kind_of
from sigverify.formats.iso19794_7.losses import LOSSES
from sigverify.formats.iso19794_7.record import Record, read_record
from sigverify.formats.iso19794_7.signs import Signs

__all__ = [
    "FORMAT",
    "KINDS",
    "Description",
    "Kind",
    "Record",
    "Signs",
    "decode",
    "decode_compact",
    "encode",
    "encode_all",
    "encode_compact",
    "explain",
    "kind_of",
    "read_all",
    "read_record",
    "recognizes",
]


def recognizes(data: bytes) -> bool:
    r"""Tell records of this standard, of any edition, by their first bytes.

    >>> recognizes(b"SDI\0 10\0"), recognizes(b"SDI")
    (True, False)
    """
    return data.startswith(MAGIC)


FORMAT = Format(
    name="iso19794_7",
    title="ISO/IEC 19794-7",
    suffixes=(".sdi", ".iso", ".bdb"),
    specification="ISO/IEC 19794-7:2007, full format",
    begins='"SDI" and a zero byte (ISO/IEC 19794-7)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=frozenset(Quantity),
    loses=LOSSES,
    explain=explain,
    binary=True,
)
