"""`diagnose`: all checks, in the order in which a person would ask."""

from collections.abc import Callable
from pathlib import Path

from sigverify.diagnosis import machine, software
from sigverify.diagnosis.belongings import Belongings
from sigverify.diagnosis.finding import Finding, look


def diagnose(
    *,
    store: str | Path | None = None,
    key: str | None = None,
    model: str = "base",
    image_model: str | None = "base-image",
    capture_keys: str | None = None,
) -> tuple[Finding, ...]:
    """Look at everything that verifying depends on here; never raises, and changes nothing.

    Args:
        store: a store to look into; None: only what a new one would need.
        key: where its key comes from, see `Key.from_source`; None: the user's own.
        model: a model file, or the name of one that ships.
        image_model: the same for pictures; None: none are taken.
        capture_keys: where the keys of pens come from; None: captures need not be signed.
    """
    own = Belongings(store=store, key=key, model=model, image_model=image_model)
    checks: dict[str, Callable[[], Finding]] = {
        "python": machine.python,
        "runtime": software.runtime,
        "edge tpu": software.edge_tpu,
        "native core": software.native,
        "model": own.model,
        "image model": own.image_model,
        "key": own.key,
        "store": own.store,
        "pens": lambda: own.pens(capture_keys),
        "clock": machine.clock,
        "cpu governor": machine.governor,
        "heat": machine.heat,
        "entropy": machine.entropy,
        "disk sync": lambda: machine.sync(own.folder, needed=own.has_file),
        "disk space": lambda: machine.space(own.folder),
        "locale": machine.screen,
        "extras": software.extras,
    }
    return tuple(look(name, check) for name, check in checks.items())
