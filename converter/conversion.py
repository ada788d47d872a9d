"""`convert`: a training run in, a model file and its parity report out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from converter import edge_tpu as coral
from converter.calibration import Calibrate, calibrate
from converter.encoder import Encoder
from converter.options import Options, parse_precision
from converter.parity import Agreement, ParityReport
from converter.quantize import pick, to_tflite
from converter.tensors import describe
from converter.trained import Calibration, TrainedRun
from sigverify.arrays import Float32Array
from sigverify.corpora import Corpus
from sigverify.errors import ConversionError
from sigverify.manifest import Manifest, Precision
from sigverify.matcher import embedding_of
from sigverify.matching.embedding import Embedding
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder, Output

PARITY_SAMPLES: Final = 500
"""Signatures compared for the cosines; more change nothing."""
MIN_FLOAT32_COSINE: Final = 0.999
"""A float32 file that strays further from its Keras network is a conversion gone wrong, not rounding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Conversion:
    """What a conversion made.

    Attributes:
        model: ready to be written.
        report: the trained network against the converted one.
        edge_tpu: which operations the Edge TPU would take; None unless int8.
    """

    model: Model
    report: ParityReport
    edge_tpu: coral.EdgeTpuMapping | None


def convert(
    run: str | os.PathLike[str],
    *,
    precision: Precision | str = Precision.INT8,
    name: str = "",
    representatives: int = 200,
    edge_tpu: bool = False,
    calibration: Sequence[Corpus] = (),
    calibrate: Calibrate = calibrate,
) -> Conversion:
    """Convert a training run's network, fit its scoring, and compare it with the original.

    The same run and options give the same bytes.

    Args:
        run: folder that `sigverify train` wrote.
        precision: "int8", "float16" or "float32".
        name: of the model; the run folder's name if not given.
        representatives: how many training signatures set the int8 ranges.
        edge_tpu: compile for the Coral Edge TPU.
        calibration: corpora to fit scoring and thresholds on; the run's validation writers if not given.
        calibrate: fits scoring and thresholds on the calibration signatures.

    Raises:
        ConversionError: the run is incomplete, the network does not convert, or lost its meaning.
        ConfigError: an option is out of range.
        SplitLeak: the network was trained on one of the calibration corpora.
        MissingExtra: tensorflow is not installed.
    """
    options = Options(
        precision=parse_precision(precision),
        name=name,
        representatives=representatives,
        edge_tpu=edge_tpu,
    )
    if options.edge_tpu:
        coral.find_compiler()  # before the work, not after
    trained = TrainedRun.read(run, calibration=calibration)
    encoder = Encoder.load(trained.model_path)
    return _convert(trained, encoder, options, calibrate)


def _convert(trained: TrainedRun, encoder: Encoder, options: Options, calibrate: Calibrate) -> Conversion:
    representative = pick(trained.representative, options.representatives)
    float32 = _Candidate.make(trained, encoder, Precision.FLOAT32, representative)
    chosen = float32
    if options.precision is not Precision.FLOAT32:
        chosen = _Candidate.make(trained, encoder, options.precision, representative)
    labels = trained.calibration.writers, trained.calibration.genuine, chosen.model.manifest.cues
    fitted = calibrate(chosen.embeddings, *labels)
    eer_float32 = fitted.eer if chosen is float32 else calibrate(float32.embeddings, *labels).eer
    report = _compare(trained.calibration, encoder, float32, chosen, (fitted.eer, eer_float32))
    network = chosen.model.network
    manifest = replace(
        chosen.model.manifest,
        name=options.name or trained.name,
        scoring=fitted.scoring,
        parity=report.to_dict(),
        provenance={**trained.provenance, "conversion": _conversion_record(options, trained)},
    )
    mapping = coral.check(network) if options.precision is Precision.INT8 else None
    if options.edge_tpu:
        network = coral.compile_network(network)
    return Conversion(model=Model(manifest=manifest, network=network), report=report, edge_tpu=mapping)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Candidate:
    """A converted network with what it says of every calibration signature."""

    model: Model
    outputs: list[Output]
    embeddings: list[Embedding]

    @classmethod
    def make(
        cls, trained: TrainedRun, encoder: Encoder, precision: Precision, representative: Float32Array
    ) -> Self:
        """Convert, then embed the calibration signatures through the device's own code."""
        network = to_tflite(encoder, precision, representative)
        manifest = Manifest(
            name=trained.name,
            encoder=trained.encoder,
            precision=precision,
            modality="pen",
            vector_size=encoder.vector_size,
            sequence_shape=encoder.sequence_shape,
            tensors=describe(network, encoder.vector_size, encoder.sequence_shape),
        )
        model = Model(manifest=manifest, network=network)
        embedder = Embedder.open(model)
        modality = find_modality(manifest.modality)
        calibration = trained.calibration
        outputs = [embedder.run(features) for features in calibration.features]
        embeddings = [
            embedding_of(modality, features, output, duration)
            for features, output, duration in zip(
                calibration.features, outputs, calibration.duration_ms, strict=True
            )
        ]
        return cls(model=model, outputs=outputs, embeddings=embeddings)


def _compare(
    calibration: Calibration,
    encoder: Encoder,
    float32: _Candidate,
    chosen: _Candidate,
    eers: tuple[float, float],
) -> ParityReport:
    """Compare both candidates with the Keras network on a part of the calibration signatures."""
    rows = pick(np.arange(len(calibration)), PARITY_SAMPLES)
    vectors, sequences = encoder(calibration.features[rows])
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
    vectors: Float32Array, sequences: Float32Array | None, candidate: _Candidate, rows: npt.NDArray[np.int_]
) -> tuple[Agreement, Agreement | None]:
    outputs = [candidate.outputs[row] for row in rows]
    vector = Agreement.between(vectors, np.stack([output.vector for output in outputs]))
    if sequences is None:
        return vector, None
    local = [output.sequence for output in outputs if output.sequence is not None]
    return vector, Agreement.between(sequences, np.stack(local))


def _conversion_record(options: Options, trained: TrainedRun) -> dict[str, Any]:
    """Record what made the file, without a time stamp: the same run gives the same bytes."""
    packages = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "sigverify")
    return {
        "precision": options.precision,
        "representatives": min(options.representatives, len(trained.representative)),
        "edge_tpu": options.edge_tpu,
        "calibrated_on": list(trained.calibration.sources),
        "calibration_signatures": len(trained.calibration),
        "calibration_licence_note": trained.calibration.licence_note,
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
