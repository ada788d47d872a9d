"""The daemon in memory behaves as the one at a socket does, where a program can tell."""

import asyncio
import re
from pathlib import Path

import pytest
from builders import signature
from running_daemon import opener

from firmware_bridge.capability import Capability
from firmware_bridge.client import AsyncClient, Client
from firmware_bridge.protocol.messages import DecisionMade, Verify
from firmware_bridge.testing import MemoryDaemon
from sigverify.decision import Reason
from sigverify.errors import Disconnected, NotAllowed, UnknownUser
from sigverify.protection.keys import Key

ALICE = [signature(0, repetition) for repetition in range(5)]
DOCUMENT = Path(__file__).parents[3] / "docs" / "firmware.md"


@pytest.fixture
def verifier():
    with opener()() as opened:
        yield opened


def test_all_that_a_client_asks(verifier):
    with Client(MemoryDaemon(verifier)) as client:
        assert client.enroll("alice", ALICE).references == 5
        probe = signature(0, 9)
        score = verifier.score("alice", probe)
        assert client.verify("alice", probe).score == score
        assert client.verify("alice", probe).reason is Reason.REPLAY
        assert client.identify(signature(0, 8))[0].user_id == "alice"
        with pytest.raises(UnknownUser):
            client.verify("bob", signature(0, 10))
        enrollment = client.enrollment("bob", references=1)
        enrollment.add(signature(1))
        enrollment.commit()
        assert client.users() == verifier.users() == ("alice", "bob")
        assert client.health().ready


def test_the_same_from_asyncio(verifier):
    daemon = MemoryDaemon(verifier)

    async def main():
        async with AsyncClient(daemon) as client:
            await client.enroll("alice", ALICE)
            assert (await client.verify("alice", signature(0, 9))).accepted
            daemon.hang_up()
            with pytest.raises(Disconnected):
                await client.users()
            return await client.users()

    assert asyncio.run(main()) == ("alice",)


def test_lines_break_and_come_back(verifier):
    daemon = MemoryDaemon(verifier)
    with Client(daemon) as client:
        client.enroll("alice", ALICE)
        daemon.hang_up()
        with pytest.raises(Disconnected, match="may have been done"):
            client.users()
        assert client.users() == ("alice",)
        daemon.away = True
        daemon.hang_up()
        for _ in range(2):
            with pytest.raises(Disconnected):
                client.users()
        daemon.away = False
        assert client.users() == ("alice",)


@pytest.mark.parametrize("kind", [Verify, DecisionMade])
def test_what_is_lost_once_is_asked_again_and_done_once(verifier, kind):
    lost = []

    def first_of_its_kind(message):
        lost.extend([message] if isinstance(message, kind) and not lost else [])
        return bool(lost) and message is lost[0]

    with Client(MemoryDaemon(verifier, lost=first_of_its_kind)) as client:
        client.enroll("alice", ALICE)
        assert client.verify("alice", signature(0, 9)).accepted
    assert len(lost) == 1


def test_a_daemon_that_never_answers_costs_no_time(verifier):
    with (
        Client(MemoryDaemon(verifier, lost=lambda _: True)) as client,
        pytest.raises(Disconnected, match="does not answer"),
    ):
        client.users()


def test_a_token_and_what_a_client_may(verifier):
    token = Key.generate()
    daemon = MemoryDaemon(verifier, token=token, allowed=[Capability.VERIFY])
    with Client(daemon, token=token) as client, pytest.raises(NotAllowed, match="may not users"):
        client.users()
    with Client(daemon) as client, pytest.raises(NotAllowed, match="wants a token"):
        client.users()
    with Client(daemon, token=Key.generate()) as client, pytest.raises(NotAllowed, match="token is wrong"):
        client.users()


def test_the_example_of_the_document(capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCUMENT.parents[1] / "examples"))
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (example,) = [each for each in blocks if "MemoryDaemon" in each]
    exec(compile(example, str(DOCUMENT), "exec"), {})  # noqa: S102 - the document's own code
    assert capsys.readouterr().out == ""
