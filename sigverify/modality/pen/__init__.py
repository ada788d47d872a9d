"""Signatures as a pen wrote them: samples in time."""
