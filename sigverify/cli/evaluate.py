def evaluate():
    """x."""
