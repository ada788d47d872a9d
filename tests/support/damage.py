"""`damaged`: a Hypothesis strategy of files that were good until something happened to them."""

from hypothesis import strategies as st

TOKENS = [
    b"", b"\0", b"\n", b"\r", b",", b";", b"\t", b" ", b"-", b".", b"[", b"]", b"{", b"}", b'"', b":",
    b"\xff", b"\x85", b"\x1c", b"\xef\xbb\xbf", b"nan", b"inf", b"1e999", b"-1", b"0", b"1e-400",
    b"true", b"null", b"9" * 30, b"1_0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80",
    bytes(16), b"\xc0\x80", b"\xed\xa0\x80",
]  # fmt: skip
"""What parsers stumble over: marks of every format here, odd numbers as text and as bytes, bad UTF-8."""


@st.composite
def damaged(draw, originals):
    """One of `originals` after one to five blows: bytes changed, cut, doubled or put in, the end lost."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 5))):
        _strike(draw, data)
    return bytes(data)


def _strike(draw, data):
    blow = draw(st.sampled_from(["flip", "set", "token", "over", "cut", "double", "end"]))
    at = draw(st.integers(0, len(data)))
    if blow == "flip" and at < len(data):
        data[at] ^= 1 << draw(st.integers(0, 7))
    elif blow == "set" and at < len(data):
        data[at] = draw(st.integers(0, 255))
    elif blow == "token":
        data[at:at] = draw(st.sampled_from(TOKENS))
    elif blow == "over":
        token = draw(st.sampled_from(TOKENS))
        data[at : at + len(token)] = token
    elif blow == "end":
        del data[at:]
    else:
        end = draw(st.integers(at, min(len(data), at + 200)))
        data[at:end] = b"" if blow == "cut" else bytes(data[at:end]) * 2
