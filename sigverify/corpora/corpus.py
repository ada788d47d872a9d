"""`Corpus`: signatures of many writers, genuine and forged, in a fixed order."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from sigverify.corpora.splits import joined_name, joined_terms, qualified
from sigverify.errors import CorpusError
from sigverify.modality.modality import Modality
from sigverify.modality.registry import modality_of

if TYPE_CHECKING:
    from sigverify.corpora.about import About

_PEN_COLUMNS: Final = ("x", "y", "time_ms", "pressure", "pen_down")
"""What fingerprints of pen corpora are over: they stand in models and reports, and so cannot change."""


class Kind(StrEnum):
    """What a sample is to its claimed writer."""

    GENUINE = "genuine"
    SKILLED = "skilled"


@dataclass(frozen=True)
class Sample:
    """One signature with its truth.

    Attributes:
        writer: the claimed writer; of a forgery the one forged.
        kind: genuine, or a skilled forgery.
        number: orders the samples; unique among those of one writer and kind.
        capture: the signature: pen strokes, or another kind of capture.
    """

    writer: str
    kind: Kind
    number: int
    capture: Any

    @property
    def key(self) -> tuple[str, Kind, int]:
        """What names this sample within its corpus."""
        return self.writer, self.kind, self.number


@dataclass(frozen=True, eq=False)
class Corpus:
    """Samples in the order writer, kind, number, whatever order they were read in.

    Attributes:
        name: of the corpus; prefixes the writers when corpora are merged.
        samples: all signatures with their truth.
        licence_note: under what terms the data may be used; ends up in the manifest of a model.
        about: what else a folder's corpus.toml says of it; None: nothing.

    Raises:
        CorpusError: no samples, two of one writer, kind and number, or captures of different kinds.
    """

    name: str
    samples: tuple[Sample, ...]
    licence_note: str = ""
    about: "About | None" = None

    def __post_init__(self) -> None:
        """Put the samples in order and check that each is there once."""
        ordered = tuple(sorted(self.samples, key=lambda sample: sample.key))
        if not ordered:
            raise CorpusError(f"corpus {self.name} is empty", expected="at least one signature")
        for before, after in pairwise(ordered):
            if before.key == after.key:
                raise CorpusError(
                    f"corpus {self.name} holds two samples of one name",
                    expected="one sample for each writer, kind and number",
                    received=f"writer {after.writer}, {after.kind}, number {after.number} twice",
                )
        if len(kinds := {type(sample.capture) for sample in ordered}) > 1:
            raise CorpusError(
                f"corpus {self.name} holds several kinds of capture",
                expected="one",
                received=", ".join(sorted(kind.__name__ for kind in kinds)),
            )
        object.__setattr__(self, "samples", ordered)

    def __len__(self) -> int:
        """Count the signatures."""
        return len(self.samples)

    def __repr__(self) -> str:
        """Describe by counts; a corpus is too large to print."""
        return f"<Corpus {self.name}: {len(self.writers)} writers, {len(self)} signatures>"

    @property
    def modality(self) -> Modality[Any]:
        """What its captures are of.

        Raises:
            InvalidSignature: nothing known.
        """
        return modality_of(self.samples[0].capture)

    @property
    def writers(self) -> tuple[str, ...]:
        """Everybody with at least one sample, sorted."""
        return tuple(self._by_writer)

    def genuine(self, writer: str) -> tuple[Sample, ...]:
        """Return the writer's own signatures in number order.

        Raises:
            CorpusError: nobody of that name.
        """
        return self._of(writer, Kind.GENUINE)

    def skilled(self, writer: str) -> tuple[Sample, ...]:
        """Return the skilled forgeries of the writer's signature in number order.

        Raises:
            CorpusError: nobody of that name.
        """
        return self._of(writer, Kind.SKILLED)

    def select(self, writers: Iterable[str]) -> "Corpus":
        """Return the part of the corpus that belongs to `writers`.

        Raises:
            CorpusError: nobody of one of those names, or no names.
        """
        chosen = set(writers)
        if unknown := sorted(chosen - set(self.writers)):
            raise self._unknown(unknown[0])
        return replace(self, samples=tuple(s for s in self.samples if s.writer in chosen))

    @cached_property
    def fingerprint(self) -> str:
        """Hex sha256 over the truth and the captures of all samples; the order of reading does not matter."""
        whole = hashlib.sha256()
        for sample in self.samples:
            whole.update(repr((sample.writer, sample.kind.value, sample.number)).encode())
            whole.update(capture_digest(sample.capture))
        return whole.hexdigest()

    def digests(self) -> list[tuple[str, bytes]]:
        """Return the writer of each sample, and a digest of its capture alone."""
        return [(sample.writer, capture_digest(sample.capture)) for sample in self.samples]

    @cached_property
    def _by_writer(self) -> dict[str, tuple[Sample, ...]]:
        groups: dict[str, list[Sample]] = {}
        for sample in self.samples:
            groups.setdefault(sample.writer, []).append(sample)
        return {writer: tuple(group) for writer, group in groups.items()}

    def _of(self, writer: str, kind: Kind) -> tuple[Sample, ...]:
        if writer not in self._by_writer:
            raise self._unknown(writer)
        return tuple(sample for sample in self._by_writer[writer] if sample.kind is kind)

    def _unknown(self, writer: str) -> CorpusError:
        return CorpusError(
            f"corpus {self.name} has no such writer",
            expected=f"one of {len(self.writers)} writers, {self.writers[0]} to {self.writers[-1]}",
            received=repr(writer),
        )


def merge(corpora: Sequence[Corpus]) -> Corpus:
    """Join corpora into one whose writers are named "corpus/writer".

    Raises:
        CorpusError: no corpora, or two of one name.
    """
    samples = [
        replace(sample, writer=qualified(corpus.name, sample.writer))
        for corpus in corpora
        for sample in corpus.samples
    ]
    name = joined_name([corpus.name for corpus in corpora])
    return Corpus(name, tuple(samples), joined_terms(corpus.licence_note for corpus in corpora))


def capture_digest(capture: Any) -> bytes:
    """Return the sha256 of all that a capture holds; 32 bytes."""
    if not all(hasattr(capture, name) for name in _PEN_COLUMNS):
        return hashlib.sha256(modality_of(capture).fingerprint(capture)).digest()
    digest = hashlib.sha256()
    for name in _PEN_COLUMNS:
        column = getattr(capture, name)
        digest.update(b"-" if column is None else column.tobytes())
    return digest.digest()
