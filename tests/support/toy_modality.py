"""`MELODY`: a modality that is no pen: notes, with shapes, cues and an extent of its own."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from builders import matcher_around

from sigverify.manifest import Manifest, Precision
from sigverify.matching.aspect import Aspect, AspectMeasure
from sigverify.matching.cue import Cue
from sigverify.matching.cues import EXTENT, SERIES, VECTOR
from sigverify.matching.pair_inputs import PairLayout
from sigverify.modality.quality import Flaw, Quality
from sigverify.model_file import Model
from sigverify.runtime.embedder import Output


@dataclass(frozen=True)
class Melody:
    """What is captured: pitches, one a note."""

    pitches: tuple[float, ...]


def measure_size(pairing):
    """How many more notes the probe has than each reference, as a logarithm: negative where it has fewer."""
    extent = np.asarray(pairing.probe.extent, np.float32)
    return np.asarray(np.log(extent) - np.log(pairing.references.extent), np.float32)


SIZE = Cue(name="size", measure=measure_size, signed=True)


class MelodyModality:
    """See `Modality`."""

    name = "melody"
    version = 7
    capture = Melody
    trace_shape = (30,)
    input_shape = (30, 2, 1)
    series_shape = (30, 2)
    detail_shape = (15, 0)
    pair_layout = PairLayout(channels=2)
    cues = (VECTOR, SIZE, SERIES, EXTENT)
    aspects = MappingProxyType(
        {
            Aspect.SHAPE: AspectMeasure(columns=(0, 1), usual=0.2, spread=0.4),
            Aspect.DURATION: AspectMeasure(usual=0.5, spread=0.1),
        }
    )
    optional = MappingProxyType({})
    copy_distance = 0.01
    copy_bits = 0

    def trace(self, capture):
        pitches = np.asarray(capture.pitches)
        return np.interp(np.linspace(0, len(pitches) - 1, 30), np.arange(len(pitches)), pitches)

    def encode(self, traces):
        values = np.asarray(traces, np.float32)
        steps = np.diff(values, axis=-1, prepend=values[..., :1])
        return np.clip(np.stack([values, steps], axis=-1), -4, 4)[..., np.newaxis]

    def series(self, inputs):
        return inputs[..., 0]

    def detail(self, inputs):
        return np.zeros((len(inputs), 15, 0), np.float32)

    def reduce(self, inputs):
        return inputs

    def extent(self, capture):
        return float(len(capture.pitches))

    def assess(self, capture):
        return Quality(flaw=self.unfit(capture), duration_ms=0.0, complexity=0.5)

    def unfit(self, capture):
        return Flaw.TOO_SHORT if len(capture.pitches) < 5 else None

    def outlines(self, capture):
        del capture
        return ()

    def runs_along(self, outlines, known):
        del outlines, known
        return False

    def fingerprint(self, capture):
        return np.asarray(capture.pitches).tobytes()


MELODY = MelodyModality()


def melody(person=0, repetition=0):
    """A melody of that person; repetitions differ a little."""
    own, now = np.random.default_rng(person), np.random.default_rng((person + 1) * 100 + repetition)
    notes = int(own.integers(20, 60))
    pitches = np.cumsum(own.normal(size=notes)) / 3 + 0.4 * now.normal(size=notes)
    return Melody(tuple((pitches - pitches.mean()).tolist()))


def melody_model(**changes):
    """A model of melodies whose network nobody runs."""
    fields = {
        "name": "sing",
        "encoder": "toy",
        "precision": Precision.INT8,
        "modality": "melody",
        "vector_size": 8,
    }
    return Model(manifest=Manifest(**fields | changes), network=b"no network")


class MelodyEmbedder:
    """Stands in for `Embedder`: a fixed random projection."""

    def __init__(self, model):
        self.model = model
        self._projection = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)

    def run(self, inputs):
        vector = inputs.reshape(-1) @ self._projection
        return Output(vector / np.linalg.norm(vector), None)


def melody_matcher(model):
    """Return a matcher of melodies."""
    return matcher_around(MelodyEmbedder(model))
