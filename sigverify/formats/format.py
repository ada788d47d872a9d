"""`Format`: a kind of signature file, how it is told from others, read and written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sigverify.errors import FormatError
from sigverify.formats.channel import Quantity
from sigverify.formats.losses import Loss
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.modality.pen.signature import Signature

NEEDED: Final = frozenset({Quantity.X, Quantity.Y})


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: a file of this package each, and a line in the registry.

    Attributes:
        name: the token by which it is asked for and named in results.
        title: what people call it.
        suffixes: how its files usually end; the first is what is written. Content alone tells a format.
        specification: where it is defined.
        begins: how its files begin, as an error lists them.
        recognizes: whether content is of this format. Of text it is given UTF-8 without a byte order mark,
            of binary formats the bytes as they are; the order of the registry decides between two.
        decode: reads one recording from content.
        encode: writes one; None where that is not done.
        keeps: the channels that `encode` can say.
        loses: what else of a recording `encode` cannot say.
        explain: what each field of the content means, also where it cannot be decoded; None: nothing more
            than the recording tells.
        binary: whether its content is no text; it is recognized by marks that nothing else has, then.
        sure: whether a text is so, too: it is asked before content that is known and not read is refused.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    specification: str
    begins: str
    recognizes: Callable[[bytes], bool]
    decode: Callable[[bytes, Notes], Recording]
    encode: Callable[[Recording | Signature], bytes] | None = None
    keeps: frozenset[Quantity] = NEEDED
    loses: tuple[Loss, ...] = ()
    explain: Callable[[bytes], list["Field"]] | None = field(default=None)
    binary: bool = False
    sure: bool = False

    def write(self, recorded: Recording | Signature) -> bytes:
        """Encode a recording, or a signature alone.

        Raises:
            FormatError: nothing writes this format, or it cannot say what is recorded at all.
        """
        if self.encode is None:
            raise FormatError(
                f"{self.title} is read only", hint="Write csv or another format that is written"
            )
        return self.encode(recorded)

    def lost(self, recorded: Recording | Signature) -> tuple[str, ...]:
        """Name what of a recording this format does not keep: channels, then those of `loses` that it has."""
        recording = Recording.of(recorded)
        return (
            *(quantity.value for quantity in recording.channels if quantity not in self.keeps),
            *(loss.words for loss in self.loses if loss.concerns(recording)),
        )


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a file, explained.

    Attributes:
        name: as the specification names it.
        value: what it says; of samples a count or a range, never the samples.
        meaning: in words.
        offset: the number of its first byte, where the format is binary.
        problem: what is wrong with it; empty where nothing is.
    """

    name: str
    value: Any
    meaning: str = ""
    offset: int | None = None
    problem: str = ""
