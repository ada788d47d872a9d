"""The command line: each command parses, calls one library function, and prints.

Only typer is imported up here; whatever a command needs it imports in its body.
"""
