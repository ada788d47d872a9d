"""A daemon killed again and again while many clients ask: nothing acknowledged is lost or mixed up."""

import asyncio
import itertools
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest
from builders import signature
from running_daemon import answering, eventually

from firmware_bridge.client import AsyncClient, Client
from sigverify.audit import Event
from sigverify.errors import Disconnected, SigverifyError, UnknownUser
from sigverify.verifier import Verifier

KILLS = 3
PROBES = 5
WRITERS = range(8)


@pytest.fixture
def address(tmp_path):
    return tmp_path / "socket"


@pytest.fixture
def start(tmp_path, address):
    """Return a function that starts a daemon, and does not wait for it."""
    processes = []
    command = [sys.executable, "-m", "sigverify.cli", "serve", "--store", tmp_path / "store.db", "--create"]
    command += ["--socket", address, "--no-replay-check", "--no-lockout"]  # so that a probe has one answer

    def start():
        with (tmp_path / "log").open("ab") as log:
            processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@dataclass
class Asker:
    """One who asks without end, and notes what was answered.

    Attributes:
        writer: whose signatures.
        scores: of each probe, as answered before anything was killed: no two are the same.
        acknowledged, unsure: the ids enrolled, and those whose enrollment was cut off.
        errors: what `Disconnected` said, by its first words.
        wrong: answers that are not to what was asked, and errors that are no `Disconnected`.
        rounds: how often it came round.
    """

    writer: int
    scores: list = field(default_factory=list)
    acknowledged: list = field(default_factory=list)
    unsure: list = field(default_factory=list)
    errors: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)
    rounds: int = 0

    @property
    def user(self):
        return f"writer-{self.writer}"

    def probe(self, number):
        return signature(self.writer, 20 + number) if number % 2 else signature(90 + self.writer, number)

    def new_user(self):
        user = f"{self.user}-{len(self.acknowledged) + len(self.unsure)}"
        return user, [signature(self.writer, repetition) for repetition in range(2)]

    async def once(self, number, client):
        """Ask once of each kind; `client` returns awaitables, and so do both kinds of client here."""
        decision = await client.verify(self.user, self.probe(number))
        if decision.score != self.scores[number]:
            self.wrong.append((number, decision.score))
        nobody = f"nobody-{self.writer}-{self.rounds}"
        try:
            await client.verify(nobody, self.probe(number))
            self.wrong.append(nobody)
        except UnknownUser as error:
            if nobody not in str(error):
                self.wrong.append((nobody, error))
        user, references = self.new_user()
        self.unsure.append(user)
        enrollment = await client.enroll(user, references)
        self.acknowledged.append(self.unsure.pop())
        if enrollment.user_id != user:
            self.wrong.append((user, enrollment.user_id))
        self.rounds += 1

    async def ask_for_ever(self, client, stop):
        for number in itertools.cycle(range(PROBES)):
            try:
                await self.once(number, client)
            except Disconnected as error:
                self.errors[str(error).partition(";")[0].partition(" at ")[0]] += 1
                await asyncio.sleep(0.02)
            except SigverifyError as error:
                self.wrong.append(error)
            if stop.is_set():
                return


class Blocking:
    """A `Client` whose calls are awaitable, though they block."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        async def call(*arguments):
            return getattr(self._client, name)(*arguments)

        return call


def ask_in_threads(askers, client, stop):
    """Start one thread for each; they share the client."""
    threads = [
        threading.Thread(target=lambda its=its: asyncio.run(its.ask_for_ever(Blocking(client), stop)))
        for its in askers
    ]
    for thread in threads:
        thread.start()
    return threads


def ask_in_tasks(groups, address, stop):
    """Start one thread for all, in which each group shares an `AsyncClient`."""

    async def main():
        clients = [AsyncClient(address) for _ in groups]
        asking = [
            its.ask_for_ever(client, stop)
            for client, group in zip(clients, groups, strict=True)
            for its in group
        ]
        await asyncio.gather(*asking)
        for client in clients:
            client.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    return [thread]


def test_killed_again_and_again(start, address, tmp_path):
    daemon = start()
    askers = [Asker(writer) for writer in WRITERS]
    with Client(address) as calm:
        eventually(lambda: answering(calm), 20)
        for its in askers:
            calm.enroll(its.user, [signature(its.writer, repetition) for repetition in range(3)])
            its.scores = [calm.verify(its.user, its.probe(number)).score for number in range(PROBES)]
    assert len({score for its in askers for score in its.scores}) == PROBES * len(WRITERS)

    stop = threading.Event()
    alone, other, shared = Client(address), Client(address), Client(address)
    threads = ask_in_threads(askers[:1], alone, stop)
    threads += ask_in_threads(askers[1:2], other, stop)
    threads += ask_in_threads(askers[2:4], shared, stop)
    threads += ask_in_tasks([askers[4:5], askers[5:6], askers[6:]], address, stop)
    for _ in range(KILLS):
        rounds = [its.rounds for its in askers]
        eventually(lambda: all(its.rounds > before for its, before in zip(askers, rounds, strict=True)), 20)  # noqa: B023
        broke = sum(its.errors["the line to the daemon broke"] for its in askers)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        eventually(lambda: sum(its.errors["the line to the daemon broke"] for its in askers) > broke)  # noqa: B023
        daemon = start()
    rounds = [its.rounds for its in askers]
    eventually(lambda: all(its.rounds > before for its, before in zip(askers, rounds, strict=True)), 20)
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    for each in (alone, other, shared):
        each.close()

    assert [its.wrong for its in askers] == [[] for _ in askers]
    said = sum((its.errors for its in askers), Counter())
    assert set(said) <= {"the line to the daemon broke", "no daemon"}
    with Client(address) as client:
        users = set(client.users())
        for its in askers:
            assert set(its.acknowledged) <= users
            assert len(its.acknowledged) > KILLS
            decision = client.verify(its.acknowledged[-1], its.probe(1))
            assert decision.score is not None
        cut_off = {user for its in askers for user in its.unsure}
        asked = {user for its in askers for user in (its.user, *its.acknowledged)}
        assert users <= asked | cut_off
    daemon.terminate()
    assert daemon.wait(10) == 0
    with Verifier.open(tmp_path / "store.db", create=False) as verifier:
        assert verifier.audit.verify().intact
        enrolled = [entry for entry in verifier.audit.entries() if entry.event is Event.ENROLLED]
    assert len(enrolled) == len(users)  # nobody twice
