"""Model files made by hand, of both versions, also such as Python would not write."""

import hashlib
import json
import struct
from dataclasses import replace

from builders import model

from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.pen import PEN

FITTED = replace(Scoring.default(PEN.cues), calibrated=True).to_dict()
"""A scoring that is written down, as one of the default is not."""

PROPERTIES = {
    "series": {"elastic": True, "learned": False, "relative": True, "signed": False},
    "sequence": {"elastic": True, "learned": True, "relative": True, "signed": False},
    "vector": {"elastic": False, "learned": True, "relative": True, "signed": False},
    "extent": {"elastic": False, "learned": False, "relative": False, "signed": False},
}
"""The cues that C computes, in the order of file version 1."""


def cue(name, **changes):
    """Return a cue as a manifest has it."""
    return {"name": name, **PROPERTIES.get(name, PROPERTIES["series"]), **changes}


def columns(cues):
    """Return how many columns of evidence these cues have."""
    return sum(3 if each["relative"] else 1 + each["signed"] for each in cues)


def packed(manifest, network=b"no network", version=1):
    """Return a model file of any manifest, with a hash that fits."""
    padding = bytes(-(24 + len(manifest)) % 16)
    header = struct.pack("<8sIIQ", b"SIGMODEL", version, len(manifest), len(network))
    body = header + manifest + padding + network
    return body + hashlib.sha256(body).digest()


def manifest(data):
    """Return the manifest of a model file."""
    return data[24 : 24 + int.from_bytes(data[12:16], "little")]


ABSENT = object()
"""Instead of a field's value: leave it out."""


def canonical(content):
    """Return the JSON that Python would write."""
    content = {name: value for name, value in content.items() if value is not ABSENT}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def version_1(**changes):
    """Return a model file with some fields changed, those set to `ABSENT` left out."""
    return packed(canonical({**_fields(model()), "file_version": 1, "scoring": FITTED, **changes}))


def version_2(names=tuple(PROPERTIES), *, of=None, **changes):
    """Return a model file with cues of these names, or with whole entries instead of names.

    Without a `scoring` among the changes all weights are 0. `of` is a model that has the rest.
    """
    entries = [cue(each) if isinstance(each, str) else each for each in names]
    row = {"bias": 0.0, "thresholds": {}, "weights": [0.0] * columns(entries)}
    named = {"cues": entries, "file_version": 2, "modality": "pen", "scoring": {"1": row}}
    source = of or model()
    return packed(canonical({**_fields(source), **named, **changes}), source.network, version=2)


def _fields(source):
    """Return the fields that both versions have."""
    content = json.loads(source.manifest.to_json())
    return {name: value for name, value in content.items() if name not in ("cues", "modality")}
