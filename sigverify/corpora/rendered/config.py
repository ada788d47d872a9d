"""`RenderConfig`: how strokes become pictures."""

from dataclasses import dataclass
from enum import StrEnum

from sigverify.errors import ConfigError


class NibKind(StrEnum):
    """What a signature is written with; `MIXED` draws another one for each writer."""

    BALL = "ball"
    GEL = "gel"
    FOUNTAIN = "fountain"
    FELT = "felt"
    FINE = "fine"
    MIXED = "mixed"


class ScannerKind(StrEnum):
    """What takes the picture; `MIXED` draws another one for each writer."""

    FLATBED = "flatbed"
    CAMERA = "camera"
    BILEVEL = "bilevel"
    """A scanner or a program that leaves black and white."""
    PHONE = "phone"
    """No paper: a finger's or stylus's line on a screen, as wide all along as the program draws it."""
    MIXED = "mixed"


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """The whole description of a rendering: the same settings and strokes give the same pictures.

    Attributes:
        seed: of everything.
        nib: what is written with; `ScannerKind.PHONE` has its own.
        scanner: what takes the pictures.
        same_pen: probability that a signature is written and scanned with what its writer mostly has.
        forgers_same_pen: the same for a forgery. A forger seldom has the very pen; but people change theirs
            too, so that another pen speaks against nobody by more than the two probabilities say.
        strength: multiplies what scanners and paper add: noise, blur, shadows, tilt.
        flip_y: whether y grows downwards in the strokes, as in browsers.

    Raises:
        ConfigError: a value is out of range.
    """

    seed: int = 0
    nib: NibKind | str = NibKind.MIXED
    scanner: ScannerKind | str = ScannerKind.MIXED
    same_pen: float = 0.6
    forgers_same_pen: float = 0.2
    strength: float = 1.0
    flip_y: bool = False

    def __post_init__(self) -> None:
        """Check every range and turn names into kinds."""
        for name, numbers, most in _MEASURES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers) or not 0 <= value <= most:
                what = "a whole number" if numbers is int else "a number"
                raise _refused(name, f"{what}, 0 to {most}", value)
        for name, kind in (("nib", NibKind), ("scanner", ScannerKind)):
            try:
                object.__setattr__(self, name, kind(getattr(self, name)))
            except ValueError:
                raise _refused(name, " or ".join(kind), getattr(self, name)) from None


def _refused(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"rendered corpus: {name} is out of range", expected=expected, received=repr(value))


_MEASURES = (
    ("seed", int, 2**63 - 1),
    ("same_pen", int | float, 1),
    ("forgers_same_pen", int | float, 1),
    ("strength", int | float, 5),
)
