"""`NativeEmbedder`: from strokes to an embedding, all of it in C."""

import importlib.util
import os
from pathlib import Path
from typing import Final

import numpy as np

from sigverify.errors import IncompatibleModel, RuntimeUnavailable
from sigverify.forking import OwnLock
from sigverify.matching.embedding import Embedding
from sigverify.modality.pen.features import FRAMES, SERIES_CHANNELS
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.runtime.chatter import without_chatter
from sigverify.runtime.native.library import Library

_PACKAGE: Final = "ai_edge_litert"
_FILE: Final = "libLiteRt.so"


class NativeEmbedder:
    """A network, run by LiteRT's shared library without its Python package. Threads may share it."""

    def __init__(self, library: Library, model: Model, litert: str | Path | None = None) -> None:
        """Load the network; `litert` is LiteRT's library, None that of its wheel.

        Raises:
            RuntimeUnavailable: there is no such library, or it is too old.
            IncompatibleModel: of another modality, or the manifest does not describe the network's tensors.
            MalformedModel: the network is no network, or not the one its manifest describes.
        """
        if model.manifest.modality != library.modality:
            raise IncompatibleModel(
                "libsigverify does not compute these features",
                expected=f"modality {library.modality}",
                received=model.manifest.modality,
            )
        self._library = library
        self._lock = OwnLock("the network", error=RuntimeUnavailable)
        content = library.ffi.from_buffer(model.to_bytes())
        handle = library.open("sv_model", content, len(content))
        with without_chatter():
            self._litert = library.open("sv_litert", os.fsencode(litert or litert_library()), handle)
        network = library.functions.sv_litert_network(self._litert)
        self._verifier = library.open("sv_verifier", handle, network)
        info = library.ffi.new("sv_model_info *")
        library.call("sv_model_describe", handle, info)
        self._shape = (int(info.steps), int(info.depth))
        self._vector_size = int(info.vector_size)

    def embed(self, signature: Signature) -> Embedding:
        """Embed one signature, as `Matcher.embed`.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        library = self._library
        series, sequence = np.empty((FRAMES, SERIES_CHANNELS), np.int8), np.empty(self._shape, np.int8)
        vector = np.empty(self._vector_size, np.float32)
        embedding = library.ffi.new("sv_embedding *")
        embedding.series, embedding.vector = library.bytes(series), library.floats(vector)
        embedding.sequence = library.bytes(sequence)
        with self._lock:
            library.call("sv_embed", self._verifier, library.view(signature), embedding)
        return Embedding(series=series, sequence=sequence, vector=vector, extent=embedding.extent)


def litert_library() -> Path:
    """Return LiteRT's shared library, out of the wheel that is installed.

    Raises:
        RuntimeUnavailable: it is not installed.
    """
    try:
        spec = importlib.util.find_spec(_PACKAGE)
    except ValueError:  # something put another module in its place
        spec = None
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder, _FILE)
        if path.is_file():
            return path
    raise RuntimeUnavailable("LiteRT's shared library is not here", hint="pip install ai-edge-litert")
