"""`TrainedNetwork`: a trained network and the signatures to convert and calibrate it with."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from converter.invented import TO_CALIBRATE
from converter.pair import representative_pairs
from sigverify.arrays import BoolArray, Float32Array, FloatArray
from sigverify.corpora import Corpus, open_corpus
from sigverify.errors import ConfigError, ConversionError, CorpusError, SplitLeak, TrainingError
from sigverify.matching.embedding import Embedding
from sigverify.modality.modality import Modality
from sigverify.modality.registry import find_modality
from sigverify.training.config import PEN
from sigverify.training.data.trace_set import TraceSet, trace_digests
from sigverify.training.run.origin import Origin
from sigverify.training.run.run import Run

MIN_CALIBRATION: Final = 100
"""Fewer signatures say too little of parity, and nothing of thresholds."""
MIN_FORGERIES: Final = 30
MIN_FORGED: Final = 5
"""Forgeries, and people forged, below which a threshold is one forger's: by a single forgery among 160
genuine signatures `strict` let nine forgers in ten in, by twenty of two people one in three."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """Signatures of writers whom training never saw.

    Attributes:
        inputs: `(n, *input_shape)` float32.
        extent: `(n,)` float64.
        writers: `(n,)` str; of a forgery, the writer forged.
        genuine: `(n,)` bool; False on skilled forgeries.
        sources: names of the corpora they come from.
        licence_note: terms of those corpora: the fitted scores owe something to them.
        why: where they stand in for a run's own held-out writers, why so; otherwise empty.
        corpora: a record of each corpus that was named; of a run's own held-out writers none, as the run has
            one.
    """

    inputs: Float32Array
    extent: FloatArray
    writers: npt.NDArray[np.str_]
    genuine: BoolArray
    sources: tuple[str, ...]
    licence_note: str
    why: str = ""
    corpora: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_traces(cls, traces: TraceSet) -> Self:
        """Encode traces.

        Raises:
            ConversionError: fewer than `MIN_CALIBRATION`, or no forgeries.
        """
        if lacking := shortage(traces):
            raise ConversionError(
                "too little to calibrate on",
                expected=_NEEDED,
                received=lacking,
                hint="Add forgeries or other corpora; a model that ships is fitted to a few people without "
                "forgeries by `sigverify calibrate`",
            )
        writers = traces.qualified_writer
        return cls(
            inputs=find_modality(traces.modality).encode(traces.traces),
            extent=traces.extent,
            writers=writers,
            genuine=traces.genuine,
            sources=tuple(sorted({str(writer).partition("/")[0] for writer in writers})),
            licence_note=traces.licence_note,
        )

    @classmethod
    def from_corpora(
        cls,
        corpora: Sequence[Corpus],
        provenance: Mapping[str, Any],
        modality: Modality[Any],
        *,
        seen: Float32Array | None = None,
    ) -> Self:
        """Take corpora that the network of this provenance has not seen.

        Args:
            corpora: what to calibrate on.
            provenance: of the network.
            modality: of the network.
            seen: traces `(n, *trace_shape)` that the network was trained on, some of them or all; None: none
                are at hand.

        Raises:
            SplitLeak: the network was trained on one of them, under this name or another one.
            ConversionError: another kind of capture, or too few signatures.
        """
        refuse_seen(provenance, [corpus.name for corpus in corpora])
        if others := sorted({corpus.modality.name for corpus in corpora} - {modality.name}):
            raise ConversionError(
                "corpora of another kind of capture", expected=modality.name, received=", ".join(others)
            )
        sets = [TraceSet.from_corpus(corpus) for corpus in corpora]
        refuse_copies(provenance, sets, seen=seen)
        return replace(cls.from_traces(TraceSet.join(sets)), corpora=tuple(each.record() for each in sets))

    def embeddings(self, modality: Modality[Any]) -> list[Embedding]:
        """Embed the signatures, but for what a network says of each."""
        series, detail = modality.series(self.inputs), modality.detail(self.inputs)
        return [
            Embedding.from_floats(one, other, None, np.zeros(1), extent)
            for one, other, extent in zip(series, detail, self.extent, strict=True)
        ]

    def __len__(self) -> int:
        """Count the signatures."""
        return len(self.inputs)


_NEEDED: Final = (
    f"at least {MIN_CALIBRATION} signatures, among them {MIN_FORGERIES} forgeries of {MIN_FORGED} people"
)


def shortage(traces: TraceSet) -> str:
    """Say what there is where that is too little to fit scores on; otherwise nothing."""
    forged = traces.qualified_writer[~traces.genuine]
    count, people = len(forged), len(np.unique(forged))
    if len(traces) >= MIN_CALIBRATION and count >= MIN_FORGERIES and people >= MIN_FORGED:
        return ""
    said = f"{count} of them forgeries of {people} people" if count else "none of them forgeries"
    return f"{len(traces)} signatures of {len(traces.writers)} people, {said}"


def _own_or_invented(
    held_out: TraceSet | None, provenance: Mapping[str, Any], modality: Modality[Any]
) -> Calibration:
    """Take the writers that a run held out or, where these are too few, invented people.

    Those do not count whom the network that the run started from may have seen.
    """
    seen = _seen_before(provenance)
    unseen = held_out if held_out is None or not seen else _without(held_out, seen)
    lacking = shortage(unseen) if unseen is not None else "nobody"
    if unseen is not None and not lacking:
        return Calibration.from_traces(unseen)
    corpus = open_corpus(TO_CALIBRATE[modality.name])
    why = f"The run held out too little to fit scores on: {lacking}; {_NEEDED} are needed"
    if seen:
        why += (
            f". Writers of {', '.join(seen)} do not count: the network that the run started from may have "
            "been trained on them"
        )
    return replace(Calibration.from_corpora([corpus], provenance, modality), why=why)


def _seen_before(provenance: Mapping[str, Any]) -> list[str]:
    """Name the corpora whose held-out writers the network that a run started from may have seen."""
    transfer = provenance.get("transfer")
    names = transfer.get("may_have_seen", ()) if isinstance(transfer, Mapping) else ()
    return sorted({str(name) for name in names})


def _without(held_out: TraceSet, corpora: Sequence[str]) -> TraceSet | None:
    """Leave out the writers of these corpora; None: nobody is left, or nobody knows who is of them."""
    corpus_of = {writer: writer.rpartition("/")[0] for writer in held_out.writers}
    if set(corpora) - set(corpus_of.values()):
        return None  # of a corpus that was joined of others, writers are called by those
    left = [writer for writer, corpus in corpus_of.items() if corpus not in corpora]
    return held_out.select(left) if left else None


def refuse_copies(
    provenance: Mapping[str, Any], sets: Sequence[TraceSet], *, seen: Float32Array | None = None
) -> None:
    """Refuse to calibrate on what the network of this provenance has seen under whatever name.

    Known are whole corpora, the part of them that was trained on, and single signatures that are `seen`,
    traces `(n, *trace_shape)`. A part of a corpus is not known by the provenance.

    Raises:
        SplitLeak: it has.
    """
    corpora = provenance.get("corpora", ())
    records = [each for each in (*corpora, provenance.get("train")) if isinstance(each, Mapping)]
    known = set() if seen is None else set(trace_digests(seen))
    for each in sets:
        named = next((str(record.get("name")) for record in records if each.is_of(record)), "")
        shared = 0 if named else sum(digest in known for _, digest in each.digests())
        if named or shared:
            raise SplitLeak(
                f"the network was trained on signatures of {each.name} to calibrate on",
                expected="signatures that it has not seen",
                received=f"those of {named} under another name" if named else f"{shared} that it has seen",
                hint=_LEAVE_OUT,
            )


_LEAVE_OUT: Final = "Leave them out: a run's own validation writers are used where none is named"


def refuse_seen(provenance: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse to calibrate on corpora of those names where the network of this provenance has seen one.

    Raises:
        SplitLeak: it has.
    """
    seen = {str(name) for name in provenance.get("trained_on", ())}
    if leaked := sorted(seen & set(names)):
        raise SplitLeak(
            "the network was trained on a corpus to calibrate on",
            expected="corpora that it has not seen",
            received=", ".join(leaked),
            hint=_LEAVE_OUT,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedNetwork:
    """A trained network's file, its data samples and its record.

    Attributes:
        name: what to call the model if nothing else is said.
        encoder: architecture.
        modality: what it was trained on.
        model_path: the trained `.keras` file.
        pair_path: the trained `.keras` file of its pair network; None where it has none.
        representative: `(n, *input_shape)` float32 that set the int8 ranges.
        calibration: signatures to fit scores on.
        provenance: config, seed, data hash, versions, `trained_on`, `licence_note`, `created`.
    """

    name: str
    encoder: str
    modality: Modality[Any]
    model_path: Path
    pair_path: Path | None
    representative: Float32Array
    calibration: Calibration
    provenance: Mapping[str, Any]

    @cached_property
    def pairs(self) -> Float32Array:
        """Pairs of calibration signatures, laid out, that set the int8 ranges of the pair network."""
        its = self.calibration
        return representative_pairs(its.embeddings(self.modality), its.writers.tolist(), self.modality)

    @classmethod
    def from_run(cls, folder: str | os.PathLike[str], *, calibration: Sequence[Corpus] = ()) -> Self:
        """Read a run folder.

        Args:
            folder: what `sigverify train` wrote.
            calibration: corpora to calibrate on, instead of the run's validation writers; where these are
                too few for it, or the network that the run started from may have seen them, and nothing is
                named, invented people are.

        Raises:
            ConversionError: a file is missing, or does not hold what a run writes.
            SplitLeak: the network was trained on one of the calibration corpora.
        """
        run = Run(path=Path(folder))
        try:
            provenance = run.provenance
            encoder, modality = run.encoder, find_modality(run.config.modality)
            representative = run.representative
            model_path = run.existing(run.model_path.name)
            nobody = "held_out" in provenance and provenance["held_out"] is None
            held_out = None if calibration or nobody else run.calibration
            if run.config.pair.epochs and "pair" not in provenance:
                raise TrainingError(
                    "it was stopped before its pair network was trained", hint="Go on with it by --resume"
                )
        except (TrainingError, ConfigError, CorpusError) as error:
            raise ConversionError(f"the training run cannot be read: {error}") from error
        return cls(
            name=run.path.resolve().name,
            encoder=encoder,
            modality=modality,
            model_path=model_path,
            pair_path=run.pair_path if run.pair_path.is_file() else None,
            representative=modality.encode(representative),
            calibration=Calibration.from_corpora(calibration, provenance, modality, seen=representative)
            if calibration
            else _own_or_invented(held_out, provenance, modality),
            provenance=provenance,
        )

    @classmethod
    def from_keras(cls, path: str | os.PathLike[str], *, calibration: Sequence[Corpus]) -> Self:
        """Read a `.keras` file and its settings in `NAME.keras.json`, such as a model that ships has.

        No signatures lie beside it: those of the calibration corpora set the int8 ranges, too.

        Raises:
            ConversionError: no such file, no settings, or no corpora.
            SplitLeak: the network was trained on one of the calibration corpora.
        """
        try:
            origin = Origin.find(os.fspath(path))
        except TrainingError as error:
            raise ConversionError("the network cannot be read", received=str(error)) from error
        config = origin.facts.get("config")
        if not isinstance(config, Mapping) or not isinstance(config.get("encoder"), str):
            raise ConversionError(
                "the network has no settings",
                expected=f"{origin.network.name}.json beside it, with the config it was trained by",
                received=str(origin.network),
            )
        if not calibration:
            raise ConversionError(
                "no signatures to calibrate on",
                expected="corpora: no validation writers lie beside a .keras file",
                hint="Name some with --calibrate-on",
            )
        modality = find_modality(str(config.get("modality", PEN)))
        signatures = Calibration.from_corpora(calibration, origin.facts, modality)
        return cls(
            name=origin.network.stem,
            encoder=config["encoder"],
            modality=modality,
            model_path=origin.network,
            pair_path=origin.pair_network,
            representative=signatures.inputs,
            calibration=signatures,
            provenance=origin.facts,
        )
