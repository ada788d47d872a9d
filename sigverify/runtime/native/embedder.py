"""`NativeEmbedder`: from strokes to an embedding, and from two of these to distances, all of it in C."""

import importlib.util
import os
from pathlib import Path
from typing import Any, Final
from weakref import ref

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.errors import IncompatibleModel, RuntimeUnavailable
from sigverify.forking import OwnLock
from sigverify.matching.embedding import Embedding, References, check_model
from sigverify.matching.pairing import Pairing
from sigverify.modality.examined import Examined
from sigverify.modality.pen.features import DETAIL_CHANNELS, DETAIL_FRAMES, FRAMES, SERIES_CHANNELS
from sigverify.modality.pen.outlines import distinct
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
        self._last: tuple[ref[References], tuple[Any, tuple[Any, ...]]] | None = None

    def embed(self, signature: Signature) -> Embedding:
        """Embed one signature, as `Matcher.embed`.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        parts, view = self._new()
        with self._lock.hold():
            self._library.call("sv_embed", self._verifier, self._library.view(signature), view)
        return Embedding(**parts, extent=view.extent)

    def examine(self, signature: Signature, outlined: bool) -> Examined:
        """Judge one signature, embed it where it is fit, and follow its outlines if asked: `Engine.examine`.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        library = self._library
        parts, view = self._new()
        flaw = library.ffi.new("sv_addition *")
        lines = library.new_lines()
        into = library.bytes(lines) if outlined else library.ffi.NULL
        with self._lock.hold():
            library.call("sv_examine", self._verifier, library.view(signature), flaw, view, into)
        if flaw[0]:
            return Examined(flaw=library.flaw(flaw[0]))
        embedding = Embedding(**parts, extent=view.extent)
        return Examined(embedding=embedding, outlines=distinct(lines) if outlined else ())

    def measure(self, pairing: Pairing) -> Float32Array:
        """Measure all cues of the model, `(r, k)` in its order: `Engine.whole`.

        Raises:
            MalformedModel: the pair network yields NaN or cannot be run.
        """
        out = np.empty((len(pairing), self._cues), np.float32)
        library = self._library
        probes, references = self._view(pairing.probe), self._references(pairing.references)
        with self._lock.hold():
            library.call("sv_compare_each", self._verifier, probes[0], references[0], library.floats(out))
        return out

    def across(self, probes: References, references: References) -> Float32Array:
        """Measure all cues between every probe and each reference, `(n, r, k)`: `Engine.across`.

        Raises:
            InvalidSignature: they are of different models.
            MalformedModel: the pair network yields NaN or cannot be run.
        """
        check_model(probes[0], references)
        out = np.empty((len(probes), len(references), self._cues), np.float32)
        library = self._library
        views = self._view(probes), self._view(references)
        with self._lock.hold():
            library.call("sv_compare_all", self._verifier, views[0][0], views[1][0], library.floats(out))
        return out

    def _new(self) -> tuple[dict[str, Any], Any]:
        """Return new arrays for an embedding, and what points to them."""
        library = self._library
        parts: dict[str, Any] = {
            "series": np.empty((FRAMES, SERIES_CHANNELS), np.int8),
            "detail": np.empty((DETAIL_FRAMES, DETAIL_CHANNELS), np.int8),
            "sequence": np.empty(self._shape, np.int8),
            "vector": np.empty(self._vector_size, np.float32),
        }
        view = library.ffi.new("sv_embedding *")
        view.series, view.detail = library.bytes(parts["series"]), library.bytes(parts["detail"])
        view.sequence, view.vector = library.bytes(parts["sequence"]), library.floats(parts["vector"])
        return parts, view

    def _references(self, references: References) -> tuple[Any, tuple[Any, ...]]:
        """Point to references, once as long as the same ones come: as where somebody tries again."""
        last = self._last
        if last is None or last[0]() is not references:
            self._last = last = (ref(references), self._view(references))
        return last[1]

    def _view(self, its: Embedding | References) -> tuple[Any, tuple[Any, ...]]:
        """Point to the arrays of embeddings; also what must outlive the view: these, in one piece each."""
        library = self._library
        vector = np.ascontiguousarray(its.vector, np.float32)
        extent = np.array(its.extent, np.float32, ndmin=1)
        parts = tuple(np.ascontiguousarray(each, np.int8) for each in (its.series, its.detail, its.sequence))
        view = library.ffi.new("sv_embeddings *")
        view.count = len(extent)
        view.series, view.detail, view.sequence = map(library.bytes, parts)
        view.vector, view.extent = library.floats(vector), library.floats(extent)
        return view, (*parts, vector, extent)


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
