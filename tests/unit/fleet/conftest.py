import contextlib

import pytest
from builders import arithmetic_matcher
from toy_images import image_matcher

from sigverify.fleet import FleetStore
from sigverify.protection.keys import Key
from sigverify.verifier import Verifier


@pytest.fixture
def key():
    return Key(bytes(range(32)))


@pytest.fixture
def url(database):
    return database


@pytest.fixture
def kiosk(url, key, tmp_path):
    """Return a function that opens the store of the kiosk of that name; it follows only when told to."""
    with contextlib.ExitStack() as opened:

        def open_kiosk(name="one", **options):
            usual = {"key": key, "cache": tmp_path / f"{name}.db", "poll_s": None, "timeout_s": 2.0}
            return opened.enter_context(FleetStore(url, **usual | options))

        yield open_kiosk


@pytest.fixture
def verifier(kiosk):
    """Return a function that opens a verifier on the kiosk of that name."""
    return lambda name="one", *, policy=None, **options: Verifier(
        kiosk(name, **options), arithmetic_matcher(), others={"image": image_matcher}, policy=policy
    )


@pytest.fixture
def outage(postgres):
    """Return a context in which the server is away."""

    @contextlib.contextmanager
    def away():
        postgres.stop()
        try:
            yield
        finally:
            postgres.start()

    return away
