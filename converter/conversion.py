"""`convert`: a trained network in, a model file and its parity report out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from converter import edge_tpu as coral
from converter.calibration import Calibrate, calibrate
from converter.candidate import Candidate
from converter.cohort import with_cohort
from converter.encoder import Encoder
from converter.invented import TO_MEET
from converter.options import Options, parse_precision
from converter.pair import PairEncoder
from converter.parity import Agreement, PairAgreement, ParityReport
from converter.quantize import pick
from converter.trained import Calibration, TrainedNetwork
from sigverify.arrays import Float32Array, IndexArray
from sigverify.corpora import Corpus
from sigverify.errors import ConfigError, ConversionError
from sigverify.manifest import Precision
from sigverify.modality.registry import find_modality
from sigverify.model_file import SUFFIX, Model, shipped_models
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.pair_network import PairNetwork

PARITY_SAMPLES: Final = 500
"""Signatures compared for the cosines; more change nothing."""
MIN_FLOAT32_COSINE: Final = 0.999
"""A float32 file that strays further from its Keras network is a conversion gone wrong, not rounding."""
KERAS_SUFFIX: Final = ".keras"


@dataclass(frozen=True, eq=False, kw_only=True)
class Conversion:
    """What a conversion made.

    Attributes:
        model: ready to be written.
        eer: equal error rate on the calibration signatures, 0 to 1; see `Calibrated`. None where scores stay.
        report: the trained network against the converted one; None where a model that was converted before
            got other scores.
        edge_tpu: which operations the Edge TPU would take; None unless int8.
        compiled: what the vendor's compiler said of each network; empty unless it was asked for.
    """

    model: Model
    eer: float | None
    report: ParityReport | None
    edge_tpu: coral.EdgeTpuMapping | None
    compiled: tuple[coral.Compiled, ...] = ()


def convert(
    source: str | os.PathLike[str],
    *,
    precision: Precision | str | None = None,
    name: str = "",
    representatives: int = 200,
    edge_tpu: bool = False,
    cohort: bool = False,
    calibration: Sequence[Corpus] = (),
    calibrate: Calibrate = calibrate,
) -> Conversion:
    """Convert a trained network, fit its scoring, and compare it with the original.

    The same source and options give the same bytes.

    Args:
        source: the folder that `sigverify train` wrote; a `.keras` file with its settings beside it; or a
            `.sigmodel` file, or the name of a model that ships, whose network stays as it is and gets scores
            fitted on the calibration corpora, or only a cohort.
        precision: "int8", "float16" or "float32"; int8 if not given, and of a model its own.
        name: of the model; that of the run folder, file or model if not given.
        representatives: how many training signatures set the int8 ranges.
        edge_tpu: compile for the Coral Edge TPU.
        cohort: bring along invented people, by whom enrollment tells how near strangers come to somebody;
            left out where nobody can be invented for such captures.
        calibration: corpora to fit scoring and thresholds on; only a run has writers of its own for that, or
            has invented people where they are too few.
        calibrate: fits scoring and thresholds on the calibration signatures.

    Raises:
        ConversionError: the source is incomplete, the network does not convert, or lost its meaning.
        ConfigError: an option is out of range.
        ModelError: the model cannot be read.
        SplitLeak: the network was trained on one of the calibration corpora.
        MissingExtra: tensorflow is not installed.
    """
    options = Options(
        precision=None if precision is None else parse_precision(precision),
        name=name,
        representatives=representatives,
        edge_tpu=edge_tpu,
        cohort=cohort,
    )
    if options.edge_tpu:
        coral.find_compiler()  # before the work, not after
    path = Path(source)
    if path.is_dir():
        trained = TrainedNetwork.from_run(path, calibration=calibration)
    elif path.suffix == KERAS_SUFFIX:
        trained = TrainedNetwork.from_keras(path, calibration=calibration)
    elif path.is_file() or os.fspath(source) in shipped_models():
        return _refit(Model.read(source), options, calibration, calibrate)
    else:
        raise ConversionError(
            "no such training run",
            expected=f"a folder that `sigverify train` wrote, a {KERAS_SUFFIX} or {SUFFIX} file, or one of "
            + ", ".join(shipped_models()),
            received=os.fspath(source),
        )
    return _convert(trained, options, calibrate)


def _convert(trained: TrainedNetwork, options: Options, calibrate: Calibrate) -> Conversion:
    encoder = Encoder.load(trained.model_path, trained.modality.input_shape)
    pair = None if trained.pair_path is None else PairEncoder.load(trained.pair_path, trained.modality)
    precision = options.precision or Precision.INT8
    representative = pick(trained.representative, options.representatives)
    float32 = Candidate.converted(trained, encoder, pair, Precision.FLOAT32, representative)
    chosen = float32
    if precision is not Precision.FLOAT32:
        chosen = Candidate.converted(trained, encoder, pair, precision, representative)
    labels = trained.calibration.writers, trained.calibration.genuine, chosen.model.manifest.cues
    fitted = calibrate(chosen.embeddings, chosen.reduced, *labels, chosen.engine)
    # Of the float32 network only the rate is asked for.
    eer_float32 = (
        fitted.eer if chosen is float32 else calibrate(float32.embeddings, (), *labels, float32.engine).eer
    )
    report = _compare(trained.calibration, encoder, float32, chosen, (fitted.eer, eer_float32))
    if pair is not None:
        report = replace(report, pair=_pair_agreement(pair, chosen.model, trained.pairs))
    manifest = replace(
        chosen.model.manifest,
        name=options.name or trained.name,
        scoring=fitted.scoring,
        parity=report.to_dict(),
        provenance={**trained.provenance, "conversion": _conversion_record(precision, options, trained)},
    )
    return _finished(replace(chosen.model, manifest=manifest), fitted.eer, report, options)


def _refit(model: Model, options: Options, corpora: Sequence[Corpus], calibrate: Calibrate) -> Conversion:
    """Fit the scores of a converted model anew; its network stays as it is."""
    manifest = model.manifest
    if options.precision not in (None, manifest.precision):
        raise ConfigError(
            "a converted network keeps its precision",
            expected=manifest.precision,
            received=options.precision,
            hint=f"Convert the training run or its {KERAS_SUFFIX} file",
        )
    if options.edge_tpu and manifest.precision is not Precision.INT8:
        raise ConfigError("the Edge TPU runs int8 only", expected=Precision.INT8, received=manifest.precision)
    if not corpora and options.cohort and manifest.modality in TO_MEET:
        named = replace(model, manifest=replace(manifest, name=options.name or manifest.name))
        return _finished(named, None, None, options)
    if not corpora:
        raise ConversionError(
            "no signatures to calibrate on",
            expected="corpora: a model file holds none",
            hint="Name some with --calibrate-on",
        )
    modality = find_modality(manifest.modality)
    calibration = Calibration.from_corpora(corpora, manifest.provenance, modality)
    candidate = Candidate.of(model, calibration)
    labels = calibration.writers, calibration.genuine, manifest.cues
    fitted = calibrate(candidate.embeddings, candidate.reduced, *labels, candidate.engine)
    before = dict(manifest.provenance.get("conversion", {}))
    before.pop("adjustment", None)  # `calibrate` had shifted the scores that are replaced here
    before.pop("calibration_why", None)  # of the calibration before
    record = {
        **before,
        **_calibration_record(calibration),
        "refitted_from": model.id,
        "calibration_versions": _versions(),
    }
    # The cosines are of the network, which stays; the rates are of other scores and other writers.
    kept = {name: value for name, value in manifest.parity.items() if not name.startswith("eer")}
    manifest = replace(
        manifest,
        name=options.name or manifest.name,
        scoring=fitted.scoring,
        parity={**kept, "eer": round(fitted.eer, 6)},
        provenance={**manifest.provenance, "conversion": record},
    )
    return _finished(replace(model, manifest=manifest), fitted.eer, None, options)


def _finished(model: Model, eer: float | None, report: ParityReport | None, options: Options) -> Conversion:
    """Add the cohort, check both networks against the Edge TPU, and compile them, as far as is asked for."""
    if options.cohort and model.manifest.modality in TO_MEET:
        # Before a processor is needed that is not here. What was converted just now has run for the report.
        model = with_cohort(model, trusted=report is not None)
    mapping = None
    networks = [network for network in (model.network, model.pair_network) if network]
    if model.manifest.precision is Precision.INT8:
        mapping = coral.EdgeTpuMapping(
            operations=tuple(each for network in networks for each in coral.check(network).operations)
        )
    compiled: tuple[coral.Compiled, ...] = ()
    if options.edge_tpu:
        compiled = tuple(coral.compile_network(network) for network in networks)
        first, *others = (each.network for each in compiled)
        model = replace(model, network=first, pair_network=b"".join(others))
    return Conversion(model=model, eer=eer, report=report, edge_tpu=mapping, compiled=compiled)


def _pair_agreement(pair: PairEncoder, model: Model, pairs: Float32Array) -> PairAgreement:
    """Compare the trained pair network with the converted one."""
    network = PairNetwork.open(model, runtime=Runtime.AUTO)
    if network is None:
        raise ConversionError("the model was converted with a pair network, and holds none")
    return PairAgreement.between(pair(pairs), network.run(pairs))


def _compare(
    calibration: Calibration,
    encoder: Encoder,
    float32: Candidate,
    chosen: Candidate,
    eers: tuple[float, float],
) -> ParityReport:
    """Compare both candidates with the Keras network on a part of the calibration signatures."""
    rows = pick(np.arange(len(calibration)), PARITY_SAMPLES)
    vectors, sequences = encoder(calibration.inputs[rows])
    vector_float32, sequence_float32 = _agreement(vectors, sequences, float32, rows)
    if not vector_float32.minimum >= MIN_FLOAT32_COSINE:
        raise ConversionError(
            "the converted float32 network says something else than the trained one",
            expected=f"cosine of at least {MIN_FLOAT32_COSINE}",
            received=f"{vector_float32.minimum}",
            hint="A layer of the encoder does not convert faithfully",
        )
    vector, sequence = _agreement(vectors, sequences, chosen, rows)
    return ParityReport(
        samples=len(rows),
        vector=vector,
        sequence=sequence,
        vector_float32=vector_float32,
        sequence_float32=sequence_float32,
        eer=eers[0],
        eer_float32=eers[1],
        network_bytes=len(chosen.model.network),
        network_bytes_float32=len(float32.model.network),
    )


def _agreement(
    vectors: Float32Array, sequences: Float32Array | None, candidate: Candidate, rows: IndexArray
) -> tuple[Agreement, Agreement | None]:
    outputs = [candidate.outputs[row] for row in rows]
    vector = Agreement.between(vectors, np.stack([output.vector for output in outputs]))
    if sequences is None:
        return vector, None
    local = [output.sequence for output in outputs if output.sequence is not None]
    return vector, Agreement.between(sequences, np.stack(local))


def _conversion_record(precision: Precision, options: Options, trained: TrainedNetwork) -> dict[str, Any]:
    """Record what made the file, without a time stamp: the same run gives the same bytes."""
    return {
        "precision": precision,
        "representatives": min(options.representatives, len(trained.representative)),
        "edge_tpu": options.edge_tpu,
        **_calibration_record(trained.calibration),
        "versions": _versions(),
    }


def _calibration_record(calibration: Calibration) -> dict[str, Any]:
    why = {"calibration_why": calibration.why} if calibration.why else {}
    return why | {
        "calibrated_on": list(calibration.sources),
        "calibration_corpora": list(calibration.corpora),
        "calibration_signatures": len(calibration),
        "calibration_licence_note": calibration.licence_note,
    }


def _versions() -> Mapping[str, str]:
    versions = {}
    for package in ("tensorflow", "tensorflow-cpu", "keras", "numpy", "sigverify"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
