"""The C client over a unix socket, with the daemon itself."""

import pytest
from builders import arithmetic_matcher, signature
from running_daemon import RunningDaemon, both_kinds
from toy_images import picture

from firmware_bridge.client.exchange import sendable
from firmware_bridge.transport.listeners import UnixListener
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

TOKEN = bytes(range(32))


@pytest.mark.parametrize("token", [None, TOKEN], ids=["open", "token"])
def test_enrol_verify_identify_list_forget(drive, path, token):
    key = None if token is None else Key(token)
    with RunningDaemon([UnixListener(path)], token=key):
        its = drive(path)
        assert its.say(f"hello pen {'-' if token is None else token.hex()}") == 0
        assert its.ask("enroll alice 5 0")["remaining"] == 5
        for repetition in range(5):
            its.send_capture(repetition, signature(0, repetition))
            assert its.ask(f"add {repetition}")["accepted"]
        assert its.ask("commit")["user_id"] == "alice"
        its.send_capture(1, signature(0, 7))
        assert its.ask("verify alice 1 0.01")["outcome"] == "accept"
        its.send_capture(1, signature(3, 7))
        assert its.ask("verify alice 1")["outcome"] == "reject"
        its.send_capture(2, signature(0, 8))
        assert its.ask("identify 2 1")["user_ids"] == ["alice"]
        assert its.ask("users -")["user_ids"] == ["alice"]
        assert its.ask("health")["ready"]
        assert its.ask("forget alice")["kind"] == 65
        assert its.ask("forget alice")["status"] == 41


def signed_only():
    """Open a verifier that takes the captures of two pens."""
    keys = CaptureKeys({"pen-7": Key(TOKEN), "pen-9": None})
    return Verifier(
        SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy(per_device=None), capture_keys=keys
    )


def test_a_daemon_that_takes_signed_captures_only(drive, path):
    with RunningDaemon([UnixListener(path)], open_verifier=signed_only):
        its = drive(path)
        its.say("hello pen -")
        assert its.answers[0]["signed_only"]
        its.say(f"pen pen-7 {TOKEN.hex()}")
        assert its.ask("enroll alice 5 0")["remaining"] == 5
        for repetition in range(5):
            its.send_capture(repetition, signature(0, repetition), f"{repetition + 1} 2")
            assert its.ask(f"add {repetition}")["accepted"]
        assert its.ask("commit")["user_id"] == "alice"
        its.send_capture(1, signature(0, 7), "6 1")
        assert its.ask("verify alice 1 0.01")["outcome"] == "accept"
        its.send_capture(2, signature(0, 8), "7 1")
        assert its.ask("identify 2 1")["user_ids"] == ["alice"]
        for number, sign, pen, reason in (
            (3, None, "pen-7", "unsigned"),
            (4, "7 1", "pen-7", "counted_before"),
            (5, "8 2", "pen-7", "other_purpose"),
            (6, "9 1", "pen-8", "unknown_device"),
            (7, "10 1", "pen-9", "revoked"),
        ):
            its.say(f"pen {pen} {TOKEN.hex()}")
            its.send_capture(number, signature(0, number + 10), sign)
            answer = its.ask(f"verify alice {number}")
            assert (answer["status"], answer["reason"]) == (13, reason)
        its.say(f"pen pen-7 {TOKEN[::-1].hex()}")
        its.send_capture(8, signature(0, 18), "11 1")
        assert its.ask("verify alice 8")["reason"] == "wrong_signature"


def send_picture(driver, number, its):
    file = sendable(its)
    assert driver.say(f"begin-image {number} {len(file)}") == 0
    for start in range(0, len(file), 100):  # more pieces than the credit
        assert driver.say(f"image {file[start : start + 100].hex()}") == 0
    assert driver.say("end") == 0
    return driver.answers[0]


def test_pictures(drive, path):
    with RunningDaemon([UnixListener(path)], open_verifier=both_kinds):
        its = drive(path)
        its.say("hello camera -")
        assert its.ask("enroll alice 2 0 staff image")["remaining"] == 2
        for repetition in range(2):
            captured = send_picture(its, repetition, picture(0, repetition))
            assert captured["size"] == len(sendable(picture(0, repetition)))
            assert its.ask(f"add {repetition}")["accepted"]
        assert its.ask("commit")["references"] == 2
        send_picture(its, 1, picture(0, 7))
        assert its.ask("verify alice 1")["outcome"] == "accept"
        send_picture(its, 1, picture(3, 7))
        assert its.ask("verify alice 1")["outcome"] == "reject"
        its.send_capture(3, signature(0, 8))
        send_picture(its, 4, picture(0, 8))
        assert its.ask("verify alice 3 0 - 0 4")["left_out"] == ["pen"]


def test_a_daemon_that_takes_no_pictures(drive, path):
    with RunningDaemon([UnixListener(path)], open_verifier=lambda: both_kinds(images=False)):
        its = drive(path)
        its.say("hello camera -")
        assert "images" not in its.answers[0]["capabilities"]
        assert send_picture(its, 1, picture())["status"] == 74


def test_a_wrong_token(drive, path):
    with RunningDaemon([UnixListener(path)], token=Key(TOKEN)):
        its = drive(path)
        its.say(f"hello pen {'17' * 32}")
        assert [each["status"] for each in its.answers if each["kind"] == 127] == [74]
