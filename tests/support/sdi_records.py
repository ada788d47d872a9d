"""Records of ISO/IEC 19794-7 that were put together by hand, byte by byte."""

HEAD = """
53 44 49 00   "SDI", zero
20 31 30 00   " 10", zero
"""
BODY_OF_3 = """
00            reserved
00            no extended data
00 00 03      three points
"""
MINIMAL = (
    HEAD
    + """
C1 00         1100 0001 0000 0000: x, y, t
00            x: nothing more
00            y: nothing more
80 CF A0      t: scaling; E = 25, F = 1952: (1 + 1952/2048) * 2^9 = 1000 a second
"""
    + BODY_OF_3
    + """
7F FF 80 02 00 00   -1, 2, 0
80 00 7F FE 00 0A   0, -2, 10
80 01 81 2C FF FF   1, 300, 65535
"""
)


def of(text):
    """Return the bytes that lines say: pairs of hexadecimal digits, and after three spaces what they mean."""
    return bytes.fromhex(" ".join(line.split("   ")[0] for line in text.splitlines()))


FORCE_AND_TIP = (
    HEAD
    + """
C1 60         x, y, t, f, s
00 00
80 CF A0
80 80 00      f: E = 16, F = 0: 1 a newton
00            s
"""
    + BODY_OF_3.replace("00 00 03", "00 00 06")
    + """
80 00 80 00 00 00 00 05 01   touches
80 01 80 00 00 01 00 05 01   touches: the way to it is ink
80 02 80 00 00 02 00 00 00   in the air
80 03 80 00 00 03 00 00 01   down again, says the switch, whatever the force: the way to it is none
80 04 80 00 00 04 00 05 01   ink
80 05 80 00 00 05 00 05 01   ink
"""
)

EXTENDED = (
    MINIMAL.replace("00            no extended", "80            extended") + "00 03 61 62 63   three bytes"
)
