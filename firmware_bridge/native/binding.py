"""Call libsigverify from Python: `NativeLibrary` for the building blocks, `NativeVerifier` for the whole.

Templates go in and out as `Template`, so that what one side enrols the other verifies.
"""

import ctypes
import importlib.util
import math
from collections.abc import Callable, Iterable, Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify import errors
from sigverify.decision import Decision, Outcome, Reason
from sigverify.enrollment import AdditionReason, Screening
from sigverify.errors import EnrolmentError, RuntimeUnavailable, SigverifyError
from sigverify.features import CHANNELS, FRAMES
from sigverify.model_file import Model
from sigverify.scoring import Impostor
from sigverify.search import Match
from sigverify.signature import Signature
from sigverify.template import Template, check_user_id

Float32Array = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]

NetworkFunction = Callable[[bytes], tuple[bytes, bytes]]
"""Runs a network: its input as stored, to its vector and its sequence (empty if none) as stored."""

NO_MEMORY: Final = 2
"""The one status that is not in errors.py."""
OUTCOMES: Final = (Outcome.ACCEPT, Outcome.REJECT, Outcome.REFER)
REASONS: Final = (Reason.ALIKE, Reason.UNLIKE, Reason.UNSURE, Reason.REPLAY, Reason.POOR)
ADDITIONS: Final = (
    AdditionReason.TAKEN,
    AdditionReason.TOO_SHORT,
    AdditionReason.TOO_SIMPLE,
    AdditionReason.BAD_CAPTURE,
    AdditionReason.COPY,
    AdditionReason.UNLIKE,
)
_IMPOSTORS: Final = (Impostor.SKILLED, Impostor.RANDOM)
_SCREENINGS: Final = (Screening.ENFORCE, Screening.RECORD)


class _Signature(Structure):
    _fields_ = (
        ("count", c_size_t),
        ("x", c_void_p),
        ("y", c_void_p),
        ("time_ms", c_void_p),
        ("pressure", c_void_p),
        ("pen_down", c_void_p),
    )


class _ModelInfo(Structure):
    _fields_ = (
        ("id", ctypes.c_char * 17),
        ("network", c_void_p),
        ("network_size", c_size_t),
        ("input_bytes", c_size_t),
        ("vector_bytes", c_size_t),
        ("sequence_bytes", c_size_t),
        ("vector_position", c_int),
        ("sequence_position", c_int),
    )


_Invoke: Final = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p)


class _Network(Structure):
    _fields_ = (("invoke", _Invoke), ("context", c_void_p))


class _Policy(Structure):
    _fields_ = (("fmr", c_double), ("refer_fmr", c_double), ("impostor", c_int))


class _Decision(Structure):
    _fields_ = (
        ("outcome", c_int),
        ("reason", c_int),
        ("score", c_double),
        ("threshold", c_double),
        ("confidence", c_double),
    )


class _Match(Structure):
    _fields_ = (("index", c_size_t), ("score", c_double))


_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "sv_model_open": (c_char_p, c_size_t, POINTER(c_void_p)),
    "sv_model_describe": (c_void_p, POINTER(_ModelInfo)),
    "sv_model_threshold": (c_void_p, c_double, c_int, c_int, POINTER(c_double)),
    "sv_litert_open": (c_char_p, c_void_p, POINTER(c_void_p)),
    "sv_template_import": (c_char_p, c_size_t, POINTER(c_void_p)),
    "sv_template_export": (c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "sv_verifier_open": (c_void_p, _Network, POINTER(c_void_p)),
    "sv_enroll": (
        c_void_p,
        c_char_p,
        c_int64,
        POINTER(_Signature),
        c_size_t,
        c_int,
        POINTER(c_int),
        POINTER(c_void_p),
    ),
    "sv_verify": (c_void_p, c_void_p, POINTER(_Signature), POINTER(_Policy), POINTER(_Decision)),
    "sv_score": (c_void_p, c_void_p, POINTER(_Signature), POINTER(c_double)),
    "sv_identify": (
        c_void_p,
        POINTER(c_void_p),
        c_size_t,
        POINTER(_Signature),
        c_double,
        POINTER(_Match),
        c_size_t,
        POINTER(c_size_t),
    ),
    "sv_features": (POINTER(_Signature), c_void_p),
    "sv_quantize_input": (c_void_p, c_void_p, c_void_p),
    "sv_elastic_distance": (c_void_p, c_void_p, c_size_t, c_size_t, POINTER(ctypes.c_uint32)),
    "sv_score_distances": (c_void_p, c_void_p, c_void_p, c_int, POINTER(c_double)),
}
_CLOSERS: Final = ("sv_model_close", "sv_litert_close", "sv_template_close", "sv_verifier_close")


class NativeLibrary:
    """libsigverify, loaded. Any thread may use it."""

    def __init__(self, path: Path) -> None:
        """Load the shared library that `build` made.

        Raises:
            RuntimeUnavailable: it does not load, or lacks a function.
        """
        try:
            self.functions = ctypes.CDLL(str(path))
            for name, arguments in _PROTOTYPES.items():
                getattr(self.functions, name).argtypes = arguments
            for name in _CLOSERS:
                function = getattr(self.functions, name)
                function.argtypes, function.restype = (c_void_p,), None
            self.functions.sv_litert_network.argtypes = (c_void_p,)
            self.functions.sv_litert_network.restype = _Network
            self.functions.sv_status_text.restype = c_char_p
        except (OSError, AttributeError) as error:
            raise RuntimeUnavailable(
                "libsigverify does not load", received=str(error), hint="Build it: see docs/native.md"
            ) from error

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that returns a status.

        Raises:
            SigverifyError: the error of that status.
            MemoryError: there is no memory.
        """
        status = getattr(self.functions, name)(*arguments)
        if status == NO_MEMORY:
            raise MemoryError(name)
        if status:
            raise error_types()[status](f"{name}: {self.functions.sv_status_text(status).decode()}")

    def features(self, signature: Signature) -> Float32Array:
        """Encode one signature, as `sigverify.features.features`: `(FRAMES, CHANNELS)`."""
        values = np.empty((FRAMES, CHANNELS), np.float32)
        self.call("sv_features", byref(_view(signature)), values.ctypes.data)
        return values

    def elastic_distance(self, one: Int8Array, other: Int8Array) -> int:
        """Align two `(t, c)` int8; the whole cost, where `matching.elastic_distances` divides it by t."""
        first, second = np.ascontiguousarray(one, np.int8), np.ascontiguousarray(other, np.int8)
        cost = ctypes.c_uint32()
        self.call("sv_elastic_distance", first.ctypes.data, second.ctypes.data, *first.shape, byref(cost))
        return cost.value


class NativeModel:
    """A model file, read by the C core."""

    def __init__(self, library: NativeLibrary, data: bytes) -> None:
        """Read a model file's bytes.

        Raises:
            ModelError: as `Model.from_bytes`.
        """
        self.library = library
        self._data = data  # not copied by the library
        self.handle = c_void_p()
        library.call("sv_model_open", data, len(data), byref(self.handle))

    def describe(self) -> _ModelInfo:
        """Return the id and the sizes of the tensors.

        Raises:
            IncompatibleModel: the manifest does not describe them.
        """
        info = _ModelInfo()
        self.library.call("sv_model_describe", self.handle, byref(info))
        return info

    def threshold(self, fmr: float, *, impostor: Impostor = Impostor.SKILLED, references: int = 5) -> float:
        """Look up a threshold, as `Scoring.threshold`."""
        value = c_double()
        which = _IMPOSTORS.index(impostor)
        self.library.call("sv_model_threshold", self.handle, fmr, which, references, byref(value))
        return value.value

    def quantize(self, values: Float32Array) -> bytes:
        """Return features as the network's input stores them."""
        stored = ctypes.create_string_buffer(self.describe().input_bytes)
        self.library.call("sv_quantize_input", self.handle, values.ctypes.data, stored)
        return stored.raw

    def score(self, distances: Float32Array, spread: Float32Array) -> float:
        """Score `(r, 4)` distances to references that lie `(r, r, 4)` apart, as `Scoring.score`."""
        value = c_double()
        near, apart = (np.ascontiguousarray(each, np.float32) for each in (distances, spread))
        self.library.call(
            "sv_score_distances", self.handle, near.ctypes.data, apart.ctypes.data, len(near), byref(value)
        )
        return value.value

    def close(self) -> None:
        """Free it; closing twice is fine."""
        self.library.functions.sv_model_close(self.handle)
        self.handle = c_void_p()


class NativeVerifier:
    """Enrols, verifies and identifies by the C core; one thread at a time. It keeps no store."""

    def __init__(
        self, library: NativeLibrary, model: Model, network: NetworkFunction | Path | None = None
    ) -> None:
        """Open a model.

        Args:
            library: the C core.
            model: what to embed with.
            network: runs the network; a path is that of LiteRT's shared library, None that of its wheel.

        Raises:
            RuntimeUnavailable: there is no such library.
            ModelError: the model cannot be run.
        """
        self._library = library
        self._litert, self._handle = c_void_p(), c_void_p()
        self._model = NativeModel(library, model.to_bytes())
        self._failure: Exception | None = None
        try:
            network = litert_library() if network is None else network
            its = self._load(network) if isinstance(network, Path) else self._wrap(network)
            self._network = its  # the C side holds its function
            library.call("sv_verifier_open", self._model.handle, its, byref(self._handle))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return this verifier."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free everything."""
        self.close()

    def close(self) -> None:
        """Free everything; closing twice is fine."""
        self._library.functions.sv_verifier_close(self._handle)
        self._library.functions.sv_litert_close(self._litert)
        self._handle, self._litert = c_void_p(), c_void_p()
        self._model.close()

    def enroll(
        self,
        user_id: str,
        signatures: Sequence[Signature],
        *,
        created: datetime,
        quality: Screening = Screening.ENFORCE,
    ) -> Template:
        """Make a template; nothing is stored.

        Raises:
            EnrolmentError: the number is out of range, or they do not belong together; it says which.
        """
        check_user_id(user_id)  # C ends it at a NUL
        views = (_Signature * max(len(signatures), 1))(*map(_view, signatures))
        additions = (c_int * max(len(signatures), 1))()
        its = c_void_p()
        when = round(created.timestamp() * 1000)
        which = _SCREENINGS.index(quality)
        try:
            self._call(
                "sv_enroll",
                user_id.encode(),
                when,
                views,
                len(signatures),
                which,
                additions,
                byref(its),
            )
        except EnrolmentError as error:
            reasons = [f"{number} is {ADDITIONS[a]}" for number, a in enumerate(additions, start=1) if a]
            raise EnrolmentError(str(error), received="; ".join(reasons)) from None
        return Template.from_bytes(self._export(its))

    def verify(
        self,
        template: Template,
        signature: Signature,
        *,
        fmr: float = 0.01,
        impostor: Impostor = Impostor.SKILLED,
        refer_fmr: float | None = None,
    ) -> Decision:
        """Decide, without lock-out or memory of earlier tries."""
        policy = _Policy(fmr, refer_fmr or 0.0, _IMPOSTORS.index(impostor))
        decision = _Decision()
        with _Imported(self._library, [template]) as handles:
            self._call("sv_verify", handles[0], byref(_view(signature)), byref(policy), byref(decision))
        return Decision(
            outcome=OUTCOMES[decision.outcome],
            reason=REASONS[decision.reason],
            score=_known(decision.score),
            threshold=_known(decision.threshold),
            confidence=_known(decision.confidence),
        )

    def score(self, template: Template, signature: Signature) -> float:
        """Return the likeness, 0 to 1."""
        value = c_double()
        with _Imported(self._library, [template]) as handles:
            self._call("sv_score", handles[0], byref(_view(signature)), byref(value))
        return value.value

    def identify(
        self,
        signature: Signature,
        templates: Sequence[Template],
        *,
        top_k: int = 5,
        fpir: float | None = None,
    ) -> list[Match]:
        """Find the people most like it, best first, comparing with everybody in full."""
        matches, found = (_Match * max(top_k, 1))(), c_size_t()
        with _Imported(self._library, templates) as handles:
            self._call(
                "sv_identify",
                handles,
                len(templates),
                byref(_view(signature)),
                fpir or 0.0,
                matches,
                top_k,
                byref(found),
            )
        return [Match(templates[its.index].user_id, its.score) for its in matches[: found.value]]

    def _call(self, name: str, *arguments: Any) -> None:
        """Call a function of this verifier; what the network raised comes first."""
        try:
            self._library.call(name, self._handle, *arguments)
        except SigverifyError:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure from None
            raise

    def _export(self, its: c_void_p) -> bytes:
        size = c_size_t()
        try:
            self._library.call("sv_template_export", its, None, 0, byref(size))
            data = ctypes.create_string_buffer(size.value)
            self._library.call("sv_template_export", its, data, size.value, byref(size))
            return data.raw
        finally:
            self._library.functions.sv_template_close(its)

    def _load(self, path: Path) -> _Network:
        self._library.call("sv_litert_open", str(path).encode(), self._model.handle, byref(self._litert))
        network: _Network = self._library.functions.sv_litert_network(self._litert)
        return network

    def _wrap(self, network: NetworkFunction) -> _Network:
        info = self._model.describe()
        sizes = (info.vector_bytes, info.sequence_bytes)

        def invoke(_: int, stored: int, vector: int, sequence: int) -> int:
            try:
                outputs = network(ctypes.string_at(stored, info.input_bytes))
                if tuple(map(len, outputs)) != sizes:
                    raise RuntimeUnavailable(
                        "a network of other outputs", expected=f"{sizes} bytes", received=f"{len(outputs)}"
                    )
            except Exception as error:  # noqa: BLE001  # nothing may unwind through C
                self._failure = error
                return RuntimeUnavailable.status
            ctypes.memmove(vector, outputs[0], sizes[0])
            if sizes[1]:
                ctypes.memmove(sequence, outputs[1], sizes[1])
            return 0

        return _Network(_Invoke(invoke), None)


class _Imported:
    """Templates on the C side, for the length of a with block."""

    def __init__(self, library: NativeLibrary, templates: Iterable[Template]) -> None:
        self._library = library
        self._contents = [each.to_bytes() for each in templates]
        self._handles = (c_void_p * max(len(self._contents), 1))()

    def __enter__(self) -> "ctypes.Array[c_void_p]":
        try:
            for number, content in enumerate(self._contents):
                handle = c_void_p()
                self._library.call("sv_template_import", content, len(content), byref(handle))
                self._handles[number] = handle
        except BaseException:
            self.__exit__()
            raise
        return self._handles

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            self._library.functions.sv_template_close(handle)


def litert_library() -> Path:
    """Return LiteRT's shared library, out of the wheel that is installed.

    Raises:
        RuntimeUnavailable: it is not installed.
    """
    spec = importlib.util.find_spec("ai_edge_litert")
    path = (
        Path(spec.submodule_search_locations[0], "libLiteRt.so")
        if spec and spec.submodule_search_locations
        else None
    )
    if path is None or not path.is_file():
        raise RuntimeUnavailable("LiteRT's shared library is not here", hint="pip install ai-edge-litert")
    return path


def error_types() -> dict[int, type[SigverifyError]]:
    """Return the whole error tree by status number."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.status: kind for kind in kinds if issubclass(kind, SigverifyError)}


def _view(signature: Signature) -> _Signature:
    """Point to the arrays of a signature, which must outlive the view."""
    ink = signature.ink.view(np.uint8)
    view = _Signature(
        len(signature),
        *(each.ctypes.data for each in (signature.x, signature.y, signature.time_ms)),
        None if signature.pressure is None else signature.pressure.ctypes.data,
        ink.ctypes.data,
    )
    view.keep = signature
    return view


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
