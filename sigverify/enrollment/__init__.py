"""Enrollment: which signatures belong together, the conversation, and how its result is stored."""
