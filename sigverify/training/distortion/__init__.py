"""Distortions that make more signatures out of those there are."""
