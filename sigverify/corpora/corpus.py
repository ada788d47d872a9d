"""`Corpus`: signatures of many writers, genuine and forged, with the splits that evaluation rests on."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

import numpy as np

from sigverify.errors import ConfigError, CorpusError, SplitLeak
from sigverify.modality.pen.signature import Signature


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
        signature: the strokes.
    """

    writer: str
    kind: Kind
    number: int
    signature: Signature

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

    Raises:
        CorpusError: no samples, or two of one writer, kind and number.
    """

    name: str
    samples: tuple[Sample, ...]
    licence_note: str = ""

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
        object.__setattr__(self, "samples", ordered)

    def __len__(self) -> int:
        """Count the signatures."""
        return len(self.samples)

    def __repr__(self) -> str:
        """Describe by counts; a corpus is too large to print."""
        return f"<Corpus {self.name}: {len(self.writers)} writers, {len(self)} signatures>"

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
        wanted = set(writers)
        if unknown := sorted(wanted - set(self.writers)):
            raise self._unknown(unknown[0])
        return replace(self, samples=tuple(s for s in self.samples if s.writer in wanted))

    @cached_property
    def fingerprint(self) -> str:
        """Hex sha256 over the truth and the strokes of all samples; the order of reading does not matter."""
        whole = hashlib.sha256()
        for sample in self.samples:
            whole.update(repr((sample.writer, sample.kind.value, sample.number)).encode())
            whole.update(signature_digest(sample.signature))
        return whole.hexdigest()

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


def split_writers(corpus: Corpus, fraction: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split by writer into the larger rest and a held-out part of `fraction` of the writers.

    The same corpus, fraction and seed give the same split; each side has at least one writer.

    Returns:
        `(rest, held_out)`: train on the first, validate on the second.

    Raises:
        ConfigError: `fraction` is not between 0 and 1.
        CorpusError: fewer than two writers.
    """
    if not 0 < fraction < 1:
        raise ConfigError("split fraction out of range", expected="0 < fraction < 1", received=f"{fraction}")
    count = len(corpus.writers)
    if count < 2:
        raise CorpusError(
            f"corpus {corpus.name} is too small to split", expected="at least 2 writers", received=str(count)
        )
    held = min(max(round(count * fraction), 1), count - 1)
    order = np.random.default_rng(seed).permutation(count)
    names = [corpus.writers[index] for index in order]
    return corpus.select(names[held:]), corpus.select(names[:held])


def require_disjoint(one: Corpus, other: Corpus) -> None:
    """Refuse two corpora that share a writer, by name or by a signature that stands in both.

    Writer "1" of one corpus and writer "1" of another corpus are two people.

    Raises:
        SplitLeak: what is shared.
    """
    if shared := sorted(_qualified_writers(one) & _qualified_writers(other)):
        raise SplitLeak(
            f"{one.name} and {other.name} share writers",
            expected="no writer on both sides of a split",
            received=f"{len(shared)} shared, {shared[0]} among them",
            hint="Split by writer with split_writers, or leave the corpus out of one side",
        )
    digests = {signature_digest(sample.signature) for sample in one.samples}
    for sample in other.samples:
        if signature_digest(sample.signature) in digests:
            raise SplitLeak(
                f"{one.name} and {other.name} share a signature under two names",
                expected="no signature on both sides of a split",
                received=f"{sample.kind} signature {sample.number} of writer {sample.writer} in both",
                hint="Check that the two are not the same data opened twice",
            )


def merge(corpora: Sequence[Corpus]) -> Corpus:
    """Join corpora into one whose writers are named "corpus/writer".

    Raises:
        CorpusError: no corpora, or two of one name.
    """
    if len({corpus.name for corpus in corpora}) != len(corpora):
        raise CorpusError(
            "two corpora of one name cannot be merged",
            expected="different names",
            received=", ".join(sorted(corpus.name for corpus in corpora)),
            hint="Give each corpus once; of synthetic corpora make one larger one",
        )
    samples = [
        replace(sample, writer=_qualified(corpus, sample.writer))
        for corpus in corpora
        for sample in corpus.samples
    ]
    notes = dict.fromkeys(corpus.licence_note for corpus in corpora if corpus.licence_note)
    return Corpus("+".join(corpus.name for corpus in corpora), tuple(samples), "; ".join(notes))


def signature_digest(signature: Signature) -> bytes:
    """Return the sha256 of all samples of a signature; 32 bytes."""
    digest = hashlib.sha256()
    columns = (signature.x, signature.y, signature.time_ms, signature.pressure, signature.pen_down)
    for column in columns:
        digest.update(b"-" if column is None else column.tobytes())
    return digest.digest()


def _qualified(corpus: Corpus, writer: str) -> str:
    return writer if "/" in writer else f"{corpus.name}/{writer}"


def _qualified_writers(corpus: Corpus) -> set[str]:
    return {_qualified(corpus, writer) for writer in corpus.writers}
