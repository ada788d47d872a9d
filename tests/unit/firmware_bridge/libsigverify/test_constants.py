"""Numbers that stand in C once more: each is that of Python, so that both decide alike."""

import re

import pytest

from firmware_bridge.libsigverify.build import FOLDER
from sigverify.enrollment.candidates import LINK, ODD
from sigverify.enrollment.expected_strangers import MOST_TIMES
from sigverify.manifest import MANIFEST_VERSION
from sigverify.matching import cohort, elastic, pair_inputs, strangers
from sigverify.matching.aspect import Aspect
from sigverify.matching.cues import pair, trimmed
from sigverify.matching.elastic import MOST_DEPTH, MOST_STEPS
from sigverify.matching.embedding import SEQUENCE_SCALE, SERIES_SCALE
from sigverify.matching.scoring import FLOOR
from sigverify.modality.pen import (
    assessment,
    clock,
    features,
    hover,
    marks,
    outlines,
    repaired,
    signature,
    strays,
    tempo,
)
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import MAX_COHORT_BYTES, MAX_MANIFEST_BYTES, MAX_NETWORK_BYTES
from sigverify.policy.profile import Profile
from sigverify.template import MAX_USER_ID, VERSION

HERE = {
    "alignment.c": {"FAR": elastic._FAR},
    "capture.c": {
        "MIN_SAMPLES": signature.MIN_SAMPLES,
        "MAX_COORDINATE": signature.MAX_COORDINATE,
        "MAX_STAMP": signature.MAX_STAMP,
        "LOST_PRESSURE": repaired.LOST_PRESSURE,
        "CLIPPED_PRESSURE": repaired.CLIPPED_PRESSURE,
        "STEADY_PRESSURE": repaired.STEADY_PRESSURE,
    },
    "clock.c": {
        "LIFT_MS": clock.LIFT_MS,
        "ASSUMED_INTERVAL_MS": clock.ASSUMED_INTERVAL_MS,
        "MIN_STEP_MS": clock.MIN_STEP_MS,
        "BACK_MS": clock.BACK_MS,
        "JUMP_MS": clock.JUMP_MS,
        "UNEVEN": clock.UNEVEN,
        "UNEVEN_SHARE": clock.UNEVEN_SHARE,
        "FASTEST_MS": clock.FASTEST_MS,
        "SLOWEST_MS": clock.SLOWEST_MS,
        "INDEX_SAMPLES": clock.INDEX_SAMPLES,
        "LONGEST_TICK_MS": clock.LONGEST_TICK_MS,
        "TICKS": clock.TICKS,
        "SHORT_LIFT": clock.SHORT_LIFT,
        "LEAST_LIFTS": clock.LEAST_LIFTS,
        "FEW_LIFTS": clock.FEW_LIFTS,
        "OFF_TICK": clock.OFF_TICK,
        "OFF_TICK_MS": clock.OFF_TICK_MS,
        "MOST_OFF_TICK": clock.MOST_OFF_TICK,
        "FEW_OFF": clock.FEW_OFF,
        "FEW_SHORT": clock.FEW_SHORT,
    },
    "enrollment.c": {"COPY": outlines.COPY, "LINK": LINK, "ODD": ODD},
    "features.c": {"CLIP": features.CLIP, "MIDDLE_SPEED": features.MIDDLE_SPEED},
    "hover.c": {"LEAST": hover.LEAST, "MOST": hover.MOST, "LEAST_INK": hover.LEAST_INK},
    "internal.h": {
        "SVI_COPY_DISTANCE": PEN.copy_distance,
        "SVI_FILE_VERSION": MANIFEST_VERSION,
        "SVI_MAX_COHORT": cohort.MOST,
        "SVI_MAX_DEPTH": MOST_DEPTH,
        "SVI_MAX_GAP_MS": clock.MAX_GAP_MS,
        "SVI_MAX_STEPS": MOST_STEPS,
        "SVI_MAX_USER": MAX_USER_ID,
        "SVI_MIN_COHORT": cohort.LEAST,
        "SVI_PRESSURE": PEN.optional[Aspect.PRESSURE],
        "SVI_SEQUENCE_SCALE": SEQUENCE_SCALE,
        "SVI_SERIES_SCALE": SERIES_SCALE,
    },
    "marks.c": {
        "SMALL": marks.SMALL,
        "LONE_MS": marks.LONE_MS,
        "LONE_LIFTS": marks.LONE_LIFTS,
        "FAR": marks.FAR,
        "MOST_STROKES": marks.MOST_STROKES,
        "MOST_TOUCHES": marks.MOST_TOUCHES,
        "REST": marks.REST,
        "REST_MS": marks.REST_MS,
    },
    "model_file.c": {
        "MAX_COHORT": MAX_COHORT_BYTES,
        "MAX_MANIFEST": MAX_MANIFEST_BYTES,
        "MAX_NETWORK": MAX_NETWORK_BYTES,
    },
    "outlines.c": {
        "COUNTED": outlines._COUNTED,
        "ENDS": outlines.ENDS,
        "CUT_STEP": outlines._CUTS.step,
        "FINE": outlines._FINE,
        "FLAT": outlines._FLAT,
        "LIKELY": outlines._LIKELY,
        "LONGEST": outlines._LONGEST,
        "LOOKED_AT": outlines._LOOKED_AT,
        "MOST_CUT": -outlines._CUTS.start,
        "SMOOTH": outlines._SMOOTH,
        "TAPS": len(outlines._KERNEL) // 2,
        "TINY": outlines._TINY,
        "TURNS": outlines._TURNS,
        "WINDOW": outlines._WINDOW,
    },
    "pair.c": {
        "LARGEST": pair_inputs.LARGEST,
        "LARGEST_LOG": pair.LARGEST_LOG,
        "MOST_AHEAD": pair_inputs._MOST_AHEAD,
        "UNIT": 2 * SERIES_SCALE,
    },
    "quality.c": {
        "COMPLEXITY_FLOOR": assessment.COMPLEXITY_FLOOR,
        "MAX_LOST": assessment.MAX_LOST,
        "MIN_DURATION_MS": assessment.MIN_DURATION_MS,
        "MIN_RATE_HZ": assessment.MIN_RATE_HZ,
    },
    "scoring.c": {"FLOOR": FLOOR, "MOST_ODDS": strangers.MOST_ODDS},
    "strangers.c": {
        "HALVINGS": strangers._HALVINGS,
        "HIGHEST": strangers._HIGHEST,
        "MOST_ODDS": strangers.MOST_ODDS,
        "WIDEST": strangers._WIDEST,
    },
    "strays.c": {
        "MOST": strays.MOST,
        "STEPS": strays.STEPS,
        "SHARE": strays.SHARE,
        "SUDDEN": strays.SUDDEN,
        "FEW_STEPS": strays.FEW_STEPS,
        "FEW_PLACES": strays.FEW_PLACES,
    },
    "tempo.c": {"FASTEST": tempo._FASTEST, "FULL": 2 * SERIES_SCALE},
    "template.c": {"VERSION": VERSION},
    "trimmed.c": {
        "FRACTION": trimmed.FRACTION,
        "KEPT_PERCENT": trimmed.KEPT_PERCENT,
        "SMOOTHED": trimmed.SMOOTHED,
    },
}


def defined(text):
    """Return the numbers that a file defines: plain, as float, or shifted."""
    found = re.findall(r"#define (\w+) \(?([\d.e-]+)[fu]?(?: << (\d+))?", text)
    return {name: float(value) * (1 << int(shift or 0)) for name, value, shift in found}


def numbers_of(file, name):
    """Return the numbers of a list, or of an enum that says some of them."""
    text = (FOLDER / "src" / file).read_text()
    inside = re.search(rf"{name}[^{{;]*\{{(.*?)\}}", text).group(1)
    return [int(number) for number in re.findall(r"\d+", inside.replace("SVI_PRESSURE", str(PRESSURE)))]


PRESSURE = PEN.optional[Aspect.PRESSURE]


def test_the_layout_of_pairs_is_that_of_python():
    assert numbers_of("pair.c", "with_sign") == list(PEN.pair_layout.signed)
    assert numbers_of("pair.c", "with_mean") == list(PEN.pair_layout.context)


def test_tempo_reads_the_channels_that_python_reads():
    assert numbers_of("tempo.c", "enum ") == [tempo._INK, tempo._PACE]


@pytest.mark.parametrize("file", HERE)
def test_numbers_are_those_of_python(file):
    numbers = defined((FOLDER / "src" / file).read_text())
    assert {name: numbers[name] for name in HERE[file]} == HERE[file]


def test_profiles_are_those_of_python():
    numbers = defined((FOLDER / "include" / "sigverify.h").read_text())
    assert {profile: numbers[f"SV_FMR_{profile.name}"] for profile in Profile} == {
        profile: profile.fmr for profile in Profile
    }
    assert numbers["SV_MOST_TIMES"] == MOST_TIMES
