"""`SyntheticConfig`: what corpus to invent."""

from dataclasses import dataclass

from sigverify.corpora.synthetic.device import DeviceKind
from sigverify.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """The whole description of a synthetic corpus: the same settings give the same signatures.

    Attributes:
        writers: how many people. Writer `i` is the same whatever the number of writers.
        genuine: signatures of each writer.
        skilled: forgeries of each writer.
        forgers: people who forge each writer, taking turns; at most `skilled` are used.
        seed: of everything.
        sessions: in how many sittings a writer gives his signatures, in order.
        skill_min, skill_max: skill of forgers, drawn evenly between; 0 has read the name, 1 is as good
            as people get.
        fluent: part of the forgers who have seen the signature being written and practiced its rhythm.
        variability: multiplies how much writers vary.
        drift: how far the way of writing wanders from one sitting to the next, for good, as a share of what
            it differs by from day to day; 0: it comes back to what it was.
        device: what the signatures are written on.

    Raises:
        ConfigError: a value is out of range.
    """

    writers: int = 100
    genuine: int = 10
    skilled: int = 10
    forgers: int = 4
    seed: int = 0
    sessions: int = 2
    skill_min: float = 0.0
    skill_max: float = 1.0
    fluent: float = 0.85
    variability: float = 1.0
    drift: float = 0.0
    device: DeviceKind | str = DeviceKind.TABLET

    def __post_init__(self) -> None:
        """Check every range and turn the name of the device into a `DeviceKind`."""
        for name, low, high in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise _refused(name, f"a whole number, {low} to {high}", value)
        for name, most in _MEASURES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise _refused(name, f"a number, 0 to {most:g}", value)
        if self.skill_min > self.skill_max:
            raise _refused("skill_min", f"at most skill_max, {self.skill_max:g}", self.skill_min)
        try:
            object.__setattr__(self, "device", DeviceKind(self.device))
        except ValueError as error:
            raise _refused("device", " or ".join(DeviceKind), self.device) from error


def _refused(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(f"synthetic corpus: {name} is out of range", expected=expected, received=repr(value))


_COUNTS = (
    ("writers", 1, 10_000_000),
    ("genuine", 1, 10_000),
    ("skilled", 0, 10_000),
    ("forgers", 1, 1_000),
    ("seed", 0, 2**63 - 1),
    ("sessions", 1, 1_000),
)
_MEASURES = (("skill_min", 1.0), ("skill_max", 1.0), ("fluent", 1.0), ("variability", 5.0), ("drift", 5.0))
