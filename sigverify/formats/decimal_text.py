"""`decimal_text`: a number as the text formats here write it."""


def decimal_text(value: float) -> str:
    """Write a number so that it is read as the same, whole ones without a point.

    >>> decimal_text(3.0), decimal_text(-0.1), decimal_text(1e300)
    ('3', '-0.1', '1e+300')
    """
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
