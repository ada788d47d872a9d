"""`Decoy`: the template compared with when nobody of that name is enrolled, so that it takes as long."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from sigverify.matching.distances import References, spread
from sigverify.modality.pen.features import DYNAMICS, FRAMES
from sigverify.model_file import Model
from sigverify.template import Template

_REFERENCES: Final = 5


class Decoy:
    """A template of noise for one model."""

    def __init__(self, model: Model) -> None:
        """Make it once: of the shapes that the model's own templates have."""
        rng = np.random.default_rng(0)
        steps, depth = model.manifest.sequence_shape or (1, 0)
        vectors = rng.normal(size=(_REFERENCES, model.manifest.vector_size)).astype(np.float32)
        references = References(
            dynamics=rng.integers(-64, 65, (_REFERENCES, FRAMES, DYNAMICS), np.int8),
            sequence=rng.integers(-64, 65, (_REFERENCES, steps, depth), np.int8),
            vector=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            duration_ms=np.full(_REFERENCES, 3000.0, np.float32),
        )
        self._packed = Template(
            user_id="?",
            model_id=model.id,
            references=references,
            spread=spread(references),
            created=datetime.fromtimestamp(0, UTC),
        ).to_bytes()

    def template(self) -> Template:
        """Unpack it, as one from the store would be."""
        return Template.from_bytes(self._packed)
