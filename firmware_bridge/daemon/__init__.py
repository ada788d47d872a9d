"""The daemon: sessions with its clients, one worker that has the verifier, metrics, systemd."""
