"""`Cue`: one way to say how far two signatures lie apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError
from sigverify.matching.pairing import Pairing

MAX_CUES: Final = 8
"""Most cues of a model: a template marks its signed ones in one byte, the core in C has room for so many."""

Measure = Callable[[Pairing], Float32Array]
"""From a probe, or one for each reference, beside `r` references to `(r,)` float32; 0: alike."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """A cue: how it is measured, and how it counts as evidence.

    A modality lists its cues, a model names those it was fitted with, and everything that handles distances
    reads that list: adding a cue is a file that defines it and a line in the modality's list.

    Attributes:
        name: a token, unique within a modality; it stands in the manifest.
        measure: computes it; see `Measure`.
        elastic: whether it aligns the two, which is what a comparison costs most.
        relative: whether it counts relative to how far the references lie from each other, as logarithm;
            otherwise as it is.
        signed: whether it says in which direction a probe differs. Never relative: a logarithm has no sign.
        learned: whether it comes from the network.

    Raises:
        ConfigError: signed and relative.
    """

    name: str
    measure: Measure = field(compare=False, repr=False)
    elastic: bool = False
    relative: bool = False
    signed: bool = False
    learned: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.signed and self.relative:
            raise ConfigError(
                f"cue {self.name} is signed and relative", expected="a distance, or a signed difference"
            )

    @property
    def columns(self) -> int:
        """How many columns of evidence it gives; see `scoring.evidence`."""
        return 3 if self.relative else 2 if self.signed else 1

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in a manifest."""
        return {
            "elastic": self.elastic,
            "learned": self.learned,
            "name": self.name,
            "relative": self.relative,
            "signed": self.signed,
        }


def find_cues(known: Sequence[Cue], raw: Sequence[Mapping[str, Any]]) -> tuple[Cue, ...]:
    """Return the cues that a manifest lists, out of those that a modality has.

    Raises:
        ConfigError: none, too many, one twice, or one that is not known with just these properties.
    """
    described = [dict(each) for each in raw]
    names = [each.get("name") for each in described]
    if not 1 <= len(described) <= MAX_CUES or len(set(map(str, names))) != len(names):
        raise ConfigError("a list of cues", expected=f"1 to {MAX_CUES}, each once", received=str(names)[:200])
    by_content = {tuple(sorted(cue.to_dict().items())): cue for cue in known}
    try:
        return tuple(by_content[tuple(sorted(each.items()))] for each in described)
    except (KeyError, TypeError) as error:
        raise ConfigError(
            "a cue that this release does not compute",
            expected=", ".join(cue.name for cue in known),
            received=str(names)[:200],
        ) from error
