"""`Aspect`: what a person would look at; `AspectMeasure`: how an embedding tells of it."""

from dataclasses import dataclass
from enum import StrEnum


class Aspect(StrEnum):
    """What a person would look at."""

    SHAPE = "shape"
    SPEED = "speed"
    PRESSURE = "pressure"
    DURATION = "duration"
    PROPORTION = "proportion"
    """Width against height."""


@dataclass(frozen=True, kw_only=True)
class AspectMeasure:
    """How one modality's embeddings tell of an aspect.

    Attributes:
        columns: of the series, compared elastically; empty: the aspect is the extent, compared by log ratio.
        usual: standard deviation of the aspect's deviation in genuine signatures, whose mean is near 0.
        spread: how far references usually lie apart; stands in where one reference has no others.
    """

    columns: tuple[int, ...] = ()
    usual: float
    spread: float
