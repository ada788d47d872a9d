import pytest

from sigverify.fleet.outbox import SHARED, is_shared


@pytest.mark.parametrize(
    "kind", ["lockout", "replay", "replay image", "lockout-unknown", "replay image-unknown"]
)
def test_what_other_kiosks_have_to_know(kind):
    """A picture that was shown at one kiosk is a copy at the next one, as strokes are."""
    assert is_shared(kind, "alice")
    assert kind in SHARED


@pytest.mark.parametrize(
    ("kind", "subject"), [("lockout", ""), ("groups", "alice"), ("adaptation image", "alice")]
)
def test_what_concerns_one_kiosk(kind, subject):
    assert not is_shared(kind, subject)
