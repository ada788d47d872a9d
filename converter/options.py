"""`Options` of a conversion."""

from dataclasses import dataclass

from sigverify.errors import ConfigError
from sigverify.manifest import Precision

MIN_REPRESENTATIVES = 50
"""With fewer signatures the extremes that set the int8 ranges are luck."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to convert.

    Attributes:
        precision: arithmetic of the converted network; None: int8, or of a converted model its own.
        name: of the model, for people; empty takes that of the source.
        representatives: how many training signatures set the int8 ranges. About 200 are enough.
        edge_tpu: compile for the Coral Edge TPU, with its vendor's `edgetpu_compiler`.
        cohort: bring along invented people, where they can be invented.

    Raises:
        ConfigError: a value is out of range, or the precision does not suit the Edge TPU.
    """

    precision: Precision | None = None
    name: str = ""
    representatives: int = 200
    edge_tpu: bool = False
    cohort: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if self.representatives < MIN_REPRESENTATIVES:
            raise ConfigError(
                "too few representatives",
                expected=f"at least {MIN_REPRESENTATIVES}",
                received=str(self.representatives),
            )
        if self.edge_tpu and self.precision not in (None, Precision.INT8):
            raise ConfigError(
                "the Edge TPU runs int8 only", expected=Precision.INT8, received=str(self.precision)
            )


def parse_precision(text: str) -> Precision:
    """Return the precision of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Precision(text)
    except ValueError as error:
        raise ConfigError(
            "no such precision", expected=" or ".join(Precision), received=repr(text)
        ) from error
