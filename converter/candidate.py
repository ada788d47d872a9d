"""`Candidate`: a converted network, and what it says of the calibration signatures."""

from dataclasses import dataclass
from typing import Self

from converter.encoder import Encoder
from converter.quantize import convert_encoder
from converter.tensors import describe
from converter.trained import Calibration, TrainedNetwork
from sigverify.arrays import Float32Array
from sigverify.manifest import Manifest, Precision
from sigverify.matcher import embedding_of
from sigverify.matching.embedding import Embedding
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder, Output


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidate:
    """A model that is not calibrated yet.

    Attributes:
        model: the network, and a manifest without fitted scores.
        outputs: what the network says of every calibration signature.
        embeddings: what a device keeps of every calibration signature.
        reduced: what one without optional sensors keeps of them; empty where the modality knows none.
    """

    model: Model
    outputs: list[Output]
    embeddings: list[Embedding]
    reduced: list[Embedding]

    @classmethod
    def converted(
        cls, trained: TrainedNetwork, encoder: Encoder, precision: Precision, representative: Float32Array
    ) -> Self:
        """Convert, then embed the calibration signatures through the device's own code."""
        network = convert_encoder(encoder, precision, representative)
        manifest = Manifest(
            name=trained.name,
            encoder=trained.encoder,
            precision=precision,
            modality=trained.modality.name,
            vector_size=encoder.vector_size,
            sequence_shape=encoder.sequence_shape,
            tensors=describe(network, encoder.input_shape, encoder.vector_size, encoder.sequence_shape),
        )
        return cls.of(Model(manifest=manifest, network=network), trained.calibration)

    @classmethod
    def of(cls, model: Model, calibration: Calibration) -> Self:
        """Embed the calibration signatures by a model that there is already."""
        embedder = Embedder.open(model)
        modality = find_modality(model.manifest.modality)
        outputs, embeddings, reduced = [], [], []
        for inputs, extent in zip(calibration.inputs, calibration.extent, strict=True):
            outputs.append(embedder.run(inputs))
            embeddings.append(embedding_of(modality, inputs, outputs[-1], extent))
            if modality.optional:
                less = modality.reduce(inputs)
                reduced.append(embedding_of(modality, less, embedder.run(less), extent))
        return cls(model=model, outputs=outputs, embeddings=embeddings, reduced=reduced)
