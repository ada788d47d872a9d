"""Clients of the daemon, blocking and asynchronous."""
