"""`Decoy`: the template compared with when nobody of that name is enrolled, so that it takes as long."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.template import Template

_REFERENCES: Final = 5
"""As many as most people enroll."""


class Decoy:
    """A template of noise for one model."""

    def __init__(self, matcher: Matcher) -> None:
        """Make it once: of the shapes that the model's own templates have."""
        rng = np.random.default_rng(0)
        manifest = matcher.model.manifest
        steps, depth = manifest.sequence_shape or (1, 0)
        vectors = rng.normal(size=(_REFERENCES, manifest.vector_size)).astype(np.float32)
        references = References(
            series=rng.integers(-64, 65, (_REFERENCES, *matcher.modality.series_shape), np.int8),
            detail=rng.integers(-64, 65, (_REFERENCES, *matcher.modality.detail_shape), np.int8),
            sequence=rng.integers(-64, 65, (_REFERENCES, steps, depth), np.int8),
            vector=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            extent=np.full(_REFERENCES, 3000.0, np.float32),
        )
        self._packed = Template(
            user_id="?",
            model_id=matcher.model.id,
            modality=matcher.modality.name,
            references=references,
            spread=matcher.spread(references),
            created=datetime.fromtimestamp(0, UTC),
        ).to_bytes()

    def template(self) -> Template:
        """Unpack it, as one from the store would be."""
        return Template.from_bytes(self._packed)
