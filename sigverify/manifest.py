"""`Manifest`: what a device must know about a network before it runs it.

It stands in a model file as UTF-8 JSON, keys sorted, no white space, no NaN.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NoReturn, Self

from sigverify.errors import ConfigError, IncompatibleModel, MalformedModel
from sigverify.matching.cue import Cue, find_cues
from sigverify.matching.cues import PAIR
from sigverify.matching.elastic import ALIGNABLE, can_be_aligned
from sigverify.matching.scoring import ScoreRow, Scoring
from sigverify.modality.modality import Modality
from sigverify.modality.registry import find_modality

MANIFEST_VERSION: Final = 4
"""A change of the fields, or of the layout of the file, raises it."""

MAX_VECTOR: Final = 1 << 20
"""Numbers in a vector: a thousand times those of any encoder."""
MAX_POSITION: Final = 15
"""Of a tensor among the inputs or outputs; networks have two at most."""
LEAST_SCALE: Final = 1e-30
"""Of a tensor's step where bytes are stored: float32 can still divide by it."""
MAX_SCALE: Final = 1e6
"""Of a tensor's step; those of the models that ship are below 1."""
_MAX_DIGITS: Final = 64
"""Characters of a number; Python writes a float in 24 at most. `MAX_NUMBER` in C."""
_MAX_SIZE: Final = (1 << 31) - 1
_TENSORS: Final = {"input": True, "pair": False, "pair_input": False, "sequence": False, "vector": True}
"""Names in `Manifest.tensors`, and whether every network has it."""
_TENSOR: Final = {"dtype", "position", "scale", "shape", "zero_point"}

UNFITTED: Final = Scoring(cues=(), rows={1: ScoreRow(weights=(), bias=0.0, thresholds={})})
"""Stands for `Scoring.default` of a manifest's cues, which are not known before they were looked up."""


class Precision(StrEnum):
    """Arithmetic of the network's weights and activations."""

    INT8 = "int8"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a device must know about a network.

    Attributes:
        name: what people call the model.
        encoder: architecture, as the training registry names it.
        precision: arithmetic of the network.
        modality: name of the kind of capture that it was trained on.
        vector_size: length of the global embedding.
        sequence_shape: `(steps, dimensions)` of the local sequence, None where there is none.
        cues: what its scoring was fitted with; if not given those of the modality that need no further
            network.
        input_shape: what the network takes of one capture; the modality's if not given.
        features_version: `Modality.version` that it was trained on; the modality's if not given.
        file_version: `MANIFEST_VERSION`.
        tensors: the network's own view of "input", "vector" and "sequence", and of the pair network's
            "pair_input" and "pair": position among the inputs or outputs, dtype,
            `real = scale * (stored - zero_point)` (scale 0 where stored as float). For readers without an
            interpreter's introspection; may be empty.
        scoring: weights and thresholds; `Scoring.default` if not given.
        parity: how the converted network compares with the trained one.
        provenance: config, seed, data hash, versions, `trained_on`, `licence_note`, `created`.

    Mappings are kept as their JSON round trip, so that a manifest equals itself read back.

    Raises:
        MalformedModel: a field is of the wrong type or range, or no JSON can hold it.
        IncompatibleModel: of a modality, a version of its features, or cues that this release does not have.
    """

    name: str
    encoder: str
    precision: Precision
    modality: str
    vector_size: int
    sequence_shape: tuple[int, int] | None = None
    cues: tuple[Cue, ...] = ()
    input_shape: tuple[int, ...] = ()
    features_version: int = 0
    file_version: int = MANIFEST_VERSION
    tensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scoring: Scoring = UNFITTED
    parity: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in what the modality says, check every field and normalize the mappings."""
        modality = self._check_modality()
        for name in ("name", "encoder"):
            _require(name, "a non-empty string", getattr(self, name), _is_text)
        _require("vector_size", f"1 to {MAX_VECTOR}", self.vector_size, _is_vector_size)
        if self.sequence_shape is not None:
            _require("sequence_shape", f"null, or {ALIGNABLE}", self.sequence_shape, _is_sequence_shape)
            object.__setattr__(self, "sequence_shape", tuple(self.sequence_shape))
        _require("precision", " or ".join(Precision), self.precision, lambda value: value in list(Precision))
        object.__setattr__(self, "precision", Precision(self.precision))
        object.__setattr__(self, "cues", self._check_cues(modality))
        if self.scoring is UNFITTED:
            object.__setattr__(self, "scoring", Scoring.from_dict(self.cues, {}))
        _require("scoring", "a Scoring of the manifest's cues", self.scoring, self._can_be_scored_by)
        for name in ("tensors", "parity", "provenance"):
            object.__setattr__(self, name, _plain(name, getattr(self, name)))
        if self.tensors:
            _check_tensors(self.tensors)

    def to_json(self) -> bytes:
        """Encode canonically: UTF-8, sorted keys, no white space."""
        return _to_json(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain JSON types."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        content["scoring"] = self.scoring.to_dict()
        content["cues"] = [cue.to_dict() for cue in self.cues]
        return content

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Decode what `to_json` wrote.

        Raises:
            MalformedModel: not such JSON, or a field is missing, unknown or wrong.
            IncompatibleModel: see the class.
        """
        content = _from_json(text)
        if not isinstance(content, dict):
            raise MalformedModel("the manifest is no JSON object", received=type(content).__name__)
        known = set(cls.__dataclass_fields__)
        if set(content) != known:
            raise MalformedModel(
                "the manifest has other fields",
                expected=", ".join(sorted(known)),
                received=", ".join(sorted(content))[:500],
            )
        _require("modality", "a non-empty string", content["modality"], _is_text)
        # The class takes 0 and () for "what the modality says"; in a file they are mistakes.
        _require("features_version", "a positive whole number", content["features_version"], _is_count)
        _require("input_shape", "positive whole numbers", content["input_shape"], _is_shape)
        modality = find_modality(content["modality"])
        cues = _read_cues(modality, content["cues"])
        fields = {"modality": modality.name, "cues": cues, "scoring": _scoring(cues, content["scoring"])}
        return cls(**content | fields)

    def _check_modality(self) -> Modality[Any]:
        """Return the modality, once the network is known to be of its features."""
        _require("modality", "a non-empty string", self.modality, _is_text)
        modality = find_modality(self.modality)
        _require("file_version", str(MANIFEST_VERSION), self.file_version, _is_version)
        for name, ours in (("features_version", modality.version), ("input_shape", modality.input_shape)):
            object.__setattr__(self, name, getattr(self, name) or ours)
        _require("features_version", "a positive whole number", self.features_version, _is_count)
        _require("input_shape", "positive whole numbers", self.input_shape, _is_shape)
        object.__setattr__(self, "input_shape", tuple(self.input_shape))
        received, ours = (self.features_version, *self.input_shape), (modality.version, *modality.input_shape)
        if received != ours:
            raise IncompatibleModel(
                "a model for other features",
                expected=f"{modality.name} features version {ours[0]} of shape {ours[1:]}",
                received=f"version {received[0]} of shape {received[1:]}",
                hint="Install the sigverify release it was trained with, or train and convert it again",
            )
        return modality

    def _can_be_scored_by(self, scoring: object) -> bool:
        return isinstance(scoring, Scoring) and scoring.cues == self.cues

    def _check_cues(self, modality: Modality[Any]) -> tuple[Cue, ...]:
        """Return the cues: those given, out of the modality's, or all that need no network of their own."""
        cues = self.cues or tuple(cue for cue in modality.cues if cue != PAIR)
        return _read_cues(modality, [cue.to_dict() for cue in cues])


def _read_cues(modality: Modality[Any], raw: Any) -> tuple[Cue, ...]:
    _require("cues", "a list of objects", raw, _is_list_of_objects)
    try:
        return find_cues(modality.cues, raw)
    except ConfigError as error:
        raise IncompatibleModel(
            f"a model of cues that this release does not compute of {modality.name}", received=str(error)
        ) from error


def _scoring(cues: tuple[Cue, ...], raw: Any) -> Scoring:
    if not isinstance(raw, Mapping):
        raise MalformedModel("manifest field scoring", expected="a mapping", received=type(raw).__name__)
    return Scoring.from_dict(cues, raw)


def _to_json(content: object) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _from_json(text: bytes) -> Any:
    """Parse strictly: hostile depth, NaN, endless numbers, doubled keys and bad UTF-8 are refused."""
    try:
        return _parse(text)
    except (ValueError, RecursionError) as error:
        raise MalformedModel("the manifest is no JSON", received=str(error)[:200]) from error


def _parse(text: bytes) -> Any:
    return json.loads(
        text.decode(),
        parse_constant=_refuse_constant,
        parse_int=lambda digits: int(_short(digits)),
        parse_float=_finite,
        object_pairs_hook=_without_doubles,
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _short(digits: str) -> str:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} characters")
    return digits


def _finite(digits: str) -> float:
    value = float(_short(digits))
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object: of two equal keys one reader takes the first and another one the last."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key that stands twice")
    return content


def _check_tensors(tensors: Mapping[str, Any]) -> None:
    """Refuse what no network's inputs and outputs are; those who read this run or allocate by it."""
    needed = {name for name, is_needed in _TENSORS.items() if is_needed}
    _require(
        "tensors",
        "input, vector and what else there is",
        list(tensors),
        lambda names: needed <= set(names) <= set(_TENSORS),
    )
    for name, tensor in tensors.items():
        expected = "a position, dtype, shape, scale and zero point that a network can have"
        _require(f"tensors.{name}", expected, tensor, _is_tensor)


def _is_tensor(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != _TENSOR:
        return False
    scale, zero_point = value["scale"], value["zero_point"]
    return (
        _is_text(value["dtype"])
        and _is_whole(value["position"], 0, MAX_POSITION)
        and _is_shape(value["shape"])
        and isinstance(scale, float)
        and 0 <= scale <= MAX_SCALE
        and (scale >= LEAST_SCALE or value["dtype"] not in ("int8", "uint8"))
        # The least and the greatest that a byte can hold, with a sign or without.
        and _is_whole(zero_point, -128, 255)
    )


def _plain(name: str, value: object) -> dict[str, Any]:
    """Return the JSON round trip of a mapping: tuples become lists, keys strings, NaN is refused."""
    if not isinstance(value, Mapping):
        raise MalformedModel(f"manifest field {name}", expected="a mapping", received=type(value).__name__)
    try:
        plain: dict[str, Any] = _parse(_to_json(dict(value)))
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedModel(
            f"manifest field {name} is not JSON",
            expected="strings, finite numbers, lists and dicts",
            received=str(error)[:200],
        ) from error
    return plain


def _require(name: str, expected: str, value: object, holds: Callable[[Any], bool]) -> None:
    if not holds(value):
        raise MalformedModel(f"manifest field {name}", expected=expected, received=repr(value)[:200])


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: object) -> bool:
    return _is_whole(value, 1, _MAX_SIZE)


def _is_vector_size(value: object) -> bool:
    return _is_whole(value, 1, MAX_VECTOR)


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_version(value: object) -> bool:
    return _is_count(value) and value == MANIFEST_VERSION


def _is_shape(value: object) -> bool:
    return isinstance(value, tuple | list) and bool(value) and all(_is_count(size) for size in value)


def _is_sequence_shape(value: Any) -> bool:
    return _is_shape(value) and len(value) == 2 and can_be_aligned(*value)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)
