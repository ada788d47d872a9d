"""What differs between kinds of captures: everything from a capture to the floats of its embedding."""
