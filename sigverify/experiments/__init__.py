"""Whole experiments, from training to a table of error rates."""
