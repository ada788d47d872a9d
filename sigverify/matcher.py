"""`Engine`: from strokes to embeddings and how far these lie apart, in numpy or, where it is built, in C."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Self

from sigverify.arrays import Float32Array
from sigverify.embedding import embed
from sigverify.errors import InvalidSignature, ModelError, RuntimeUnavailable
from sigverify.matching.distances import Align, Embedding, References, distances, elastic_distances, spread
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder, Runtime, parse_runtime
from sigverify.runtime.native.embedder import NativeEmbedder
from sigverify.runtime.native.library import Library

_log = logging.getLogger(__name__)


class Engine:
    """All that is computed of signatures by one model. Threads may share it."""

    def __init__(
        self, model: Model, runtime: Runtime, embed: Callable[[Signature], Embedding], align: Align
    ) -> None:
        """Put the steps together; `Engine.open` does it for a model."""
        self.model = model
        """The model it runs."""
        self.runtime = runtime
        """What runs it: never `Runtime.AUTO`."""
        self.align = align
        """How elastic distances are computed, as `matching.elastic_distances`."""
        self._embed = embed

    @classmethod
    def open(cls, model: Model, *, runtime: Runtime | str = Runtime.AUTO, threads: int = 1) -> Self:
        """Load what is needed.

        Args:
            model: what to run.
            runtime: what runs it; `AUTO` takes libsigverify where that is, else the first interpreter.
            threads: CPU threads the network may use; one is fastest for networks of this size.

        Raises:
            RuntimeUnavailable: the library or device is not here; the message says how to get it.
            MalformedModel: the network is no network, or not the one its manifest describes.
            ConfigError: no such runtime, or threads out of range.
        """
        chosen = parse_runtime(runtime)
        if chosen in (Runtime.AUTO, Runtime.NATIVE):
            try:
                return cls._native(Library.find(), model, threads)
            except RuntimeUnavailable as error:
                if chosen is Runtime.NATIVE:
                    raise
                level = logging.WARNING if Library.is_expected() else logging.DEBUG
                _log.log(level, "computing in numpy: %s", error)
        return cls.around(Embedder.open(model, runtime=chosen, threads=threads))

    @classmethod
    def around(cls, embedder: Embedder, library: Library | None = None) -> Self:
        """Compute all but the network in numpy, or by `library` in C."""
        if library is None:
            return cls(embedder.model, embedder.runtime, partial(embed, embedder=embedder), elastic_distances)
        step = partial(embed, embedder=embedder, encode=library.features)
        return cls(embedder.model, Runtime.NATIVE, step, library.elastic_distances)

    @classmethod
    def _native(cls, library: Library, model: Model, threads: int) -> Self:
        """Compute all in C; where LiteRT's library cannot run the network, an interpreter does that."""
        if threads == 1:
            try:
                whole = NativeEmbedder(library, model)
            except (RuntimeUnavailable, ModelError) as error:  # what is wrong with a model it says better
                _log.debug("an interpreter runs the network: %s", error)
            else:
                return cls(model, Runtime.NATIVE, whole.embed, library.elastic_distances)
        return cls.around(Embedder.open(model, threads=threads), library)

    def embed(self, signature: Signature) -> Embedding:
        """Embed one signature.

        Raises:
            InvalidSignature: something else than a `Signature`.
        """
        if not isinstance(signature, Signature):
            raise InvalidSignature(
                "no signature",
                expected="a Signature",
                received=type(signature).__name__,
                hint="Read files with read_signature, make arrays into Signature(x, y, time_ms)",
            )
        return self._embed(signature)

    def distances(self, probe: Embedding | References, references: References) -> Float32Array:
        """Compare a probe with `r` references, as `matching.distances`: `(r, 4)`."""
        return distances(probe, references, align=self.align)

    def spread(self, references: References) -> Float32Array:
        """Compare references with each other, as `matching.spread`: `(r, r, 4)`."""
        return spread(references, align=self.align)
