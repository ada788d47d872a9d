"""`Candidate`: a converted network, and what it says of the calibration signatures."""

from dataclasses import dataclass
from typing import Any, Self

from converter.encoder import Encoder
from converter.pair import PairEncoder
from converter.quantize import convert_encoder
from converter.tensors import describe, describe_pair
from converter.trained import Calibration, TrainedNetwork
from sigverify.arrays import Float32Array
from sigverify.manifest import Manifest, Precision
from sigverify.matcher import Matcher, embedding_of
from sigverify.matching.cue import Cue
from sigverify.matching.cues import PAIR, SEQUENCE
from sigverify.matching.embedding import Embedding
from sigverify.matching.pairing import Engine
from sigverify.modality.modality import Modality
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
        engine: what compares them.
    """

    model: Model
    outputs: list[Output]
    embeddings: list[Embedding]
    reduced: list[Embedding]
    engine: Engine

    @classmethod
    def converted(
        cls,
        trained: TrainedNetwork,
        encoder: Encoder,
        pair: PairEncoder | None,
        precision: Precision,
        representative: Float32Array,
    ) -> Self:
        """Convert, then embed the calibration signatures through the device's own code."""
        network, pair_network = convert_encoder(encoder, precision, representative), b""
        tensors = describe(network, encoder.input_shape, encoder.vector_size, encoder.sequence_shape)
        if pair is not None:
            pairs = trained.pairs
            pair_network = convert_encoder(pair, precision, pairs)
            tensors |= describe_pair(pair_network, pair.input_shape)
        manifest = Manifest(
            name=trained.name,
            encoder=trained.encoder,
            precision=precision,
            modality=trained.modality.name,
            vector_size=encoder.vector_size,
            sequence_shape=encoder.sequence_shape,
            cues=fitted_cues(trained.modality, encoder, pair),
            tensors=tensors,
        )
        model = Model(manifest=manifest, network=network, pair_network=pair_network)
        return cls.of(model, trained.calibration)

    @classmethod
    def of(cls, model: Model, calibration: Calibration) -> Self:
        """Embed the calibration signatures by a model that there is already."""
        embedder = Embedder.open(model)
        engine = Matcher.open(model).engine
        modality = find_modality(model.manifest.modality)
        outputs, embeddings, reduced = [], [], []
        for inputs, extent in zip(calibration.inputs, calibration.extent, strict=True):
            outputs.append(embedder.run(inputs))
            embeddings.append(embedding_of(modality, inputs, outputs[-1], extent))
            if modality.optional:
                less = modality.reduce(inputs)
                reduced.append(embedding_of(modality, less, embedder.run(less), extent))
        return cls(model=model, outputs=outputs, embeddings=embeddings, reduced=reduced, engine=engine)


def fitted_cues(modality: Modality[Any], encoder: Encoder, pair: PairEncoder | None) -> tuple[Cue, ...]:
    """Return the cues of a modality that a model of these networks is scored by.

    A pair network takes the place of local vectors: it sees more of what they are compared for.
    """
    left_out = {PAIR} if pair is None else {SEQUENCE}
    left_out |= {SEQUENCE} if encoder.sequence_shape is None else set()
    return tuple(cue for cue in modality.cues if cue not in left_out)
