"""Signatures as a camera or scanner sees them: pictures of ink on paper."""
