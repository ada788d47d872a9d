"""Model files made by hand, also such as Python would not write."""

import hashlib
import json
import struct
from dataclasses import replace

from builders import model

from sigverify.matching.cues import PAIR
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.pen import PEN

PROPERTIES = {
    "series": {"elastic": True, "learned": False, "relative": True, "signed": False},
    "trimmed": {"elastic": True, "learned": False, "relative": True, "signed": False},
    "pair": {"elastic": True, "learned": True, "relative": True, "signed": False},
    "sequence": {"elastic": True, "learned": True, "relative": True, "signed": False},
    "vector": {"elastic": False, "learned": True, "relative": True, "signed": False},
    "extent": {"elastic": False, "learned": False, "relative": False, "signed": True},
    "tempo": {"elastic": False, "learned": False, "relative": False, "signed": True},
}
"""The cues that C computes."""

WITHOUT_PAIR = tuple(name for name in PROPERTIES if name != "pair")
"""Those that need no further network."""

FITTED = replace(Scoring.default([cue for cue in PEN.cues if cue != PAIR]), calibrated=True).to_dict()
"""A scoring of these that is written down, as one of the default is not."""


def cue(name, **changes):
    """Return a cue as a manifest has it."""
    return {"name": name, **PROPERTIES.get(name, PROPERTIES["series"]), **changes}


def columns(cues):
    """Return how many columns of evidence these cues have."""
    return sum(3 if each["relative"] else 1 + each["signed"] for each in cues)


def packed(manifest, network=b"no network", pair_network=b"", version=4, cohort=b""):
    """Return a model file of any manifest, with a hash that fits."""
    sizes = len(manifest), len(network), len(pair_network), len(cohort)
    header = struct.pack("<8sIIQQQ", b"SIGMODEL", version, *sizes)
    body = _padded(_padded(header + manifest) + network) + pair_network + cohort
    return body + hashlib.sha256(body).digest()


def _padded(content):
    return content + bytes(-len(content) % 16)


def manifest(data):
    """Return the manifest of a model file."""
    return data[40 : 40 + int.from_bytes(data[12:16], "little")]


ABSENT = object()
"""Instead of a field's value: leave it out."""


def canonical(content):
    """Return the JSON that Python would write."""
    content = {name: value for name, value in content.items() if value is not ABSENT}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def model_file(names=WITHOUT_PAIR, *, of=None, pair_network=None, cohort=b"", **changes):
    """Return a model file with cues of these names, or with whole entries instead of names.

    Without a `scoring` among the changes all weights are 0. `of` is a model that has the rest. There is a
    pair network where there is the cue, or the one given. What is changed to `ABSENT` is left out.
    """
    entries = [cue(each) if isinstance(each, str) else each for each in names]
    source = of or model()
    if pair_network is None:
        has_pair = any(each["name"] == "pair" for each in entries)
        pair_network = (source.pair_network or b"no pair network") if has_pair else b""
    row = {"bias": 0.0, "thresholds": {"skilled": [[0.01, 0.9]]}, "weights": [0.0] * columns(entries)}
    content = json.loads(source.manifest.to_json()) | {"cues": entries, "scoring": {"1": row}}
    return packed(canonical({**content, **changes}), source.network, pair_network, cohort=cohort)
