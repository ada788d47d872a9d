"""`is_notable`: which of many equal events are logged, so that nobody fills a disk by repeating one."""


def is_notable(count: int) -> bool:
    """Whether to log what happened for the count-th time: the 1st, 2nd, 4th, and so on.

    >>> [count for count in range(1, 20) if is_notable(count)]
    [1, 2, 4, 8, 16]
    """
    return count & (count - 1) == 0
