"""`NativeEmbedder`: from strokes to an embedding, and from two of these to distances, all of it in C."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.errors import IncompatibleModel, RuntimeUnavailable
from sigverify.forking import OwnLock
from sigverify.matching.embedding import Embedding
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import DETAIL_CHANNELS, DETAIL_FRAMES, FRAMES, SERIES_CHANNELS
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.runtime.chatter import without_chatter
from sigverify.runtime.native.library import Library

_PACKAGE: Final = "ai_edge_litert"
_FILE: Final = "libLiteRt.so"


class NativeEmbedder:
    """A model's networks, run by LiteRT's shared library without its Python package. Threads may share it."""

    def __init__(self, library: Library, model: Model, litert: str | Path | None = None) -> None:
        """Load the networks; `litert` is LiteRT's library, None that of its wheel.

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
        self._lock = OwnLock("the networks", error=RuntimeUnavailable)
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
        self._cues = int(library.functions.sv_model_cues(handle))

    def embed(self, signature: Signature) -> Embedding:
        """Embed one signature, as `Matcher.embed`.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        its = Embedding(
            series=np.empty((FRAMES, SERIES_CHANNELS), np.int8),
            detail=np.empty((DETAIL_FRAMES, DETAIL_CHANNELS), np.int8),
            sequence=np.empty(self._shape, np.int8),
            vector=np.empty(self._vector_size, np.float32),
            extent=0.0,
        )
        view, library = self._view(its), self._library
        with self._lock.hold():
            library.call("sv_embed", self._verifier, library.view(signature), view)
        return replace(its, extent=float(view.extent))

    def measure(self, pairing: Pairing) -> Float32Array:
        """Measure all cues of the model, `(r, k)` in its order: `Engine.whole`.

        Raises:
            MalformedModel: the pair network yields NaN or cannot be run.
        """
        out = np.empty((len(pairing), self._cues), np.float32)
        probe, references, library = pairing.probe, pairing.references, self._library
        numbers = range(len(pairing))
        own = (
            [self._view(probe)] * len(pairing)
            if isinstance(probe, Embedding)
            else [self._view(probe[number]) for number in numbers]
        )
        with self._lock.hold():
            for number in numbers:
                other, into = self._view(references[number]), library.floats(out[number])
                library.call("sv_compare", self._verifier, own[number], other, into)
        return out

    def _view(self, its: Embedding) -> Any:
        """Point to the arrays of an embedding, which must outlive the view."""
        library = self._library
        view = library.ffi.new("sv_embedding *")
        view.series, view.detail, view.sequence = map(library.bytes, (its.series, its.detail, its.sequence))
        view.vector, view.extent = library.floats(its.vector), its.extent
        return view


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
