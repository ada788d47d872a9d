import numpy as np
import pytest

from sigverify.formats.table import Table, first_row


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"1 -2\n+3 007", [[1, -2], [3, 7]]),
        (b"1 -2\n+3 0.5", [[1, -2], [3, 0.5]]),
        (b"1e3 2\n3 4", [[1000, 2], [3, 4]]),
        # The nearest of float64, whether it is read as a whole number or is beyond those of 64 bits.
        (b"9007199254740993 1", [[2.0**53, 1]]),
        (b"99999999999999999999 1", [[1e20, 1]]),
    ],
)
def test_whole_numbers_and_others_are_the_same_numbers(body, values):
    found = Table.parse(body, first_line=1, widths=(2,)).values
    assert found.dtype == np.float64
    assert found.tolist() == values


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (b"\r\n \n\t# a\r  %b\n//\n  x,y \r1,2", b"x,y "),
        (b"sep=;\r\nx;y", b"x;y"),
        # A comment begins its line; white space of other kinds before it makes it content.
        (b"x # y", b"x # y"),
        (b"\x0c# a\nb", b"# a"),
        (b"# a\n \n", b""),
        (b"#" + b"x" * 2**20 + b"\ny", b""),
    ],
)
def test_the_first_row_is_the_first_line_that_says_something(text, row):
    assert first_row(text) == row
