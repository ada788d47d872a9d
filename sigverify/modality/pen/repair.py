"""`Repair`: what was mended in a recording, so that it can be said."""

from enum import StrEnum


class Repair(StrEnum):
    """What was mended; none of these keeps a signature from being used."""

    COARSE_CLOCK = "coarse_clock"
    """Several samples carried one stamp, or stamps that jittered: the pen's own interval was restored."""
    CLOCK_JUMPED = "clock_jumped"
    """The clock was set, or one stamp was wrong, or two clocks stamped."""
    COUNTER_WRAPPED = "counter_wrapped"
    """A counter reached its end and began again."""
    STAMPS_RESTART = "stamps_restart"
    """Stamps begin anew with each stroke: the time between strokes is assumed."""
    MARK_BEFORE = "mark_before"
    """A touch before the name was left out."""
    MARK_AFTER = "mark_after"
    """A touch after the name was left out."""
    MARK_BETWEEN = "mark_between"
    """A touch far from the name was left out."""
    PEN_RESTED = "pen_rested"
    """The pen rested on the pad: the rest was left out or shortened."""
    PRESSURE_LOST = "pressure_lost"
    """Pressure was constant, or gone for a part: it was not used."""
    STRAY_POSITION = "stray_position"
    """A few samples lay where the pen never was, as 0, 0 or a spike: they were left out."""
    LIFTS_WITHOUT_TIME = "lifts_without_time"
    """The stamps count only samples that touch: the time between strokes is assumed."""
    HOVER_UNSAID = "hover_unsaid"
    """No `pen_down` was given, and samples without pressure lie between others: the pen hovered there."""
