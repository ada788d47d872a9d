"""A line in memory between the two sides of the wire protocol."""

from firmware_bridge.protocol.client_connection import ClientConnection
from firmware_bridge.protocol.daemon_connection import DaemonConnection


class MemoryLine:
    """Carries bytes between a client and a daemon's side, `step` at a time, until both are silent."""

    def __init__(self, *, step=None, token=None, client_token=None, **options):
        """Make both sides; options are those of `DaemonConnection`."""
        self.client = ClientConnection(name="test", token=client_token)
        self.daemon = DaemonConnection(token=token, **options)
        self.step = step
        self.asked = []

    def carry(self):
        """Return what the client was answered."""
        answers = []
        while True:
            up, down = self.client.outgoing(), self.daemon.outgoing()
            if not up and not down:
                return answers
            for piece in self._pieces(up):
                self.asked += self.daemon.receive(piece)
            for piece in self._pieces(down):
                answers += self.client.receive(piece)

    def shake(self):
        """Do the handshake."""
        self.client.hello()
        self.carry()
        assert self.client.ready
        return self

    def _pieces(self, data):
        step = self.step or max(1, len(data))
        return [data[at : at + step] for at in range(0, len(data), step)]
