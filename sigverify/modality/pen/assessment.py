"""`assess`: whether a capture is good enough, and how much there is in it for a forger to get right."""

import math
from typing import Final

import numpy as np

from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw, Quality

MIN_DURATION_MS: Final = 250.0
"""Less is a slip of the pen."""
MIN_RATE_HZ: Final = 30.0
"""Writing moves at up to 10 Hz or so; sampled more slowly than this, the strokes are guesses."""
MAX_LOST: Final = 0.5
"""Share of the ink's time that may lie in gaps between samples."""
COMPLEXITY_FLOOR: Final = 0.3
"""Less is a dash, a tick or a plain loop, which anybody draws; benchmarks/policy.py says how many signatures
of each corpus lie below."""

_STEPS: Final = 25
"""Points to a diagonal of the box around the ink: fine enough for letters, too coarse for tremor."""
_TYPICAL_TURN: Final = 20.0
"""Radians of turning that make a complexity of 1 - 1/e."""


def assess(signature: Signature) -> Quality:
    """Judge one capture by itself, as a reference."""
    simple = complexity(signature)
    flaw = unfit(signature) or (Flaw.TOO_SIMPLE if simple < COMPLEXITY_FLOOR else None)
    return Quality(
        flaw=flaw,
        duration_ms=signature.repaired.duration_ms,
        complexity=simple,
        repairs=signature.repaired.repairs,
    )


def unfit(signature: Signature) -> Flaw | None:
    """Say what makes a capture unfit to be compared at all; None: nothing."""
    if signature.repaired.flaw:
        return signature.repaired.flaw
    if signature.repaired.duration_ms < MIN_DURATION_MS:
        return Flaw.TOO_SHORT
    if signature.sample_rate_hz < MIN_RATE_HZ or signature.repaired.lost > MAX_LOST:
        return Flaw.BAD_CAPTURE
    return None


def complexity(signature: Signature) -> float:
    """Say how much the pen turns: 1 - exp(-radians / 20), so 0 for a dash and about 0.25 for a circle.

    The ink is walked with dividers set to a 25th of its box's diagonal, so that neither speed nor sampling
    nor tremor counts; the ways between strokes do.
    """
    kept = signature.repaired.kept
    x, y = signature.x[kept], signature.y[kept]
    step = abs(complex(np.ptp(x), np.ptp(y))) / _STEPS
    path = list(map(complex, x.tolist(), y.tolist()))
    at, before, turned = path[0], None, 0.0
    for point in path:
        move = point - at
        if abs(move) < step:
            continue
        if before is not None:
            turn = move * before.conjugate()
            turned += abs(math.atan2(turn.imag, turn.real))
        at, before = point, move
    return 1 - math.exp(-turned / _TYPICAL_TURN)
