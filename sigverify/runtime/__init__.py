"""What runs a model's network, in Python or in C."""
