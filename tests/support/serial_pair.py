"""`SerialPair`: two pseudo terminals joined as a cable joins two serial ports, at a line's speed."""

import os
import select
import threading
import time
import tty


class SerialPair:
    """Carries bytes both ways, at most `baud / 10` a second each; every `noise`th byte is spoilt."""

    def __init__(self, baud=115_200, noise=0):
        self._bytes_s = baud / 10
        self._noise = noise
        self._ends = [os.openpty() for _ in range(2)]
        for pair in self._ends:
            for each in pair:
                tty.setraw(each)
        self.first, self.second = (os.ttyname(its) for _, its in self._ends)
        self.carried = 0
        self._stopped = False
        masters = [master for master, _ in self._ends]
        self._threads = [
            threading.Thread(target=self._carry, args=way, daemon=True) for way in (masters, masters[::-1])
        ]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._stopped = True
        for thread in self._threads:
            thread.join()
        for pair in self._ends:
            for each in pair:
                os.close(each)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _carry(self, source, target):
        passed = 0
        while not self._stopped:
            if select.select([source], [], [], 0.02)[0]:
                data = os.read(source, 64)
                self.carried += len(data)
                time.sleep(len(data) / self._bytes_s)
                os.write(target, self._spoilt(data, passed))
                passed += len(data)

    def _spoilt(self, data, passed):
        if not self._noise:
            return data
        numbered = enumerate(data, start=passed + 1)
        return bytes(byte ^ 0x10 if number % self._noise == 0 else byte for number, byte in numbered)
