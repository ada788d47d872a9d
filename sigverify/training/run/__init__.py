"""A training run on disk: what is written, what it came from, how it goes on."""
