"""How long each step takes on one core, and what each number is good for."""

import dataclasses

import numpy as np
import pytest

from sigverify import SignatureImage, Template, Verifier
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.evaluation import DtwBaseline
from sigverify.matching.elastic import NUMPY
from sigverify.matching.pairing import Pairing
from sigverify.modality.image.image import IMAGE
from sigverify.modality.pen.features import features
from sigverify.modality.pen.pen import PEN
from sigverify.store import MEMORY, START, Change, Mark, SqliteStore

REFERENCES = 5


def test_features(benchmark, probe):
    """Decides whether features are worth writing in C: they should cost less than the network."""
    assert benchmark(features, probe).shape[0] == 256


def test_bare_invoke(benchmark, embedder):
    """The floor under everything: the network alone, nothing of ours. Decides how large an encoder may be."""
    benchmark(embedder._interpreter.invoke)


def test_embed(benchmark, matcher, probe):
    """Decides whether a device keeps up with several pens, and how long enrolling takes (by references)."""
    assert benchmark(matcher.embed, probe).series.shape[0] == 256


def test_match(benchmark, matcher, probe, template):
    """Decides how many references a person may have: it grows with them, embedding does not."""
    assert len(benchmark(matcher.distances, matcher.embed(probe), template.references)) == REFERENCES


def test_match_dynamics(benchmark, matcher, probe, template):
    """The part of matching that a compiled DTW does too, on arrays of the same size.

    Decides whether elastic matching is worth compiling.
    """
    embedding = matcher.embed(probe)
    assert len(benchmark(NUMPY.distances, embedding.series, template.references.series)) == REFERENCES


def test_path(benchmark, matcher, probe, template):
    """The same with the paths, which the cues beside that one read; walked back cell by cell in Python."""
    embedding = matcher.embed(probe)
    paths = benchmark(NUMPY.paths, embedding.series, template.references.series)
    assert len(paths.total) == REFERENCES


def test_judge(benchmark, matcher, probe, template):
    """The pair network on five aligned pairs: decides how large it may be. Skips a model without one."""
    if matcher.engine.judge is None:
        pytest.skip("this model has no pair network")
    pairing = Pairing(matcher.embed(probe), template.references, matcher.engine)
    pairing.paths  # noqa: B018  # aligned before the clock starts
    assert len(benchmark(pairing.judged)) == REFERENCES


def test_read_template(benchmark, template):
    """Decides whether templates need a cache in front of the store."""
    data = template.to_bytes()
    assert benchmark(Template.from_bytes, data).user_id == "alice"


def test_enroll(benchmark, verifier, signatures):
    """What a person waits for at the counter after the fifth signature, the sync to disk included."""
    assert benchmark(verifier.enroll, "alice", signatures[:REFERENCES], replace=True).references == REFERENCES


def test_verify(benchmark, verifier, probe):
    """What a person waits for at the gate: strokes to decision. Target: 5 ms against five references."""
    assert benchmark(verifier.verify, "alice", probe).score >= 0


def test_read_picture(benchmark, pictures):
    """Decoding and choosing among colours: Pillow's share of a try by picture."""
    assert benchmark(SignatureImage.read, pictures[-1]).grey.shape == (300, 600)


def test_find_ink(benchmark, pictures):
    """Decides whether pictures are worth a core in C: all between grey levels and what is compared."""
    grey = SignatureImage.read(pictures[-1]).grey

    def columns():
        inputs = IMAGE.encode(SignatureImage(grey).sheet.ink[np.newaxis])
        return IMAGE.series(inputs), IMAGE.detail(inputs)

    assert benchmark(columns)[0].shape == (1, *IMAGE.series_shape)


def test_verify_picture(benchmark, picture_verifier, pictures):
    """What a clerk waits for at the counter: file to decision. Target: 15 ms against five references."""
    verify = picture_verifier.verify
    assert benchmark(lambda: verify("alice", SignatureImage.read(pictures[-1]))).score >= 0


def test_verify_picture_native(benchmark, native_picture_verifier, pictures):
    """The same where a C compiler was at hand: how much of it was alignment."""
    verify = native_picture_verifier.verify
    assert benchmark(lambda: verify("alice", SignatureImage.read(pictures[-1]))).score >= 0


def test_embed_native(benchmark, native_matcher, probe):
    """Decides, with the next two, whether a device that has a C compiler should run `sigverify native`."""
    assert benchmark(native_matcher.embed, probe).series.shape[0] == 256


def test_match_native(benchmark, native_matcher, probe, template):
    """How much of the matching was numpy's overhead."""
    matched = benchmark(native_matcher.distances, native_matcher.embed(probe), template.references)
    assert len(matched) == REFERENCES


def test_verify_native(benchmark, native_verifier, probe):
    """What is left is policy, the seal and the record in the store: the floor of `verify` in Python."""
    assert benchmark(native_verifier.verify, "alice", probe).score >= 0


def test_repair(benchmark, probe):
    """Decides, with the next one, what of a policy is worth a place in the core in C."""

    def fit():
        return PEN.unfit(dataclasses.replace(probe))  # anew: what is found out of a capture is kept

    assert benchmark(fit) is None


def test_find_copy(benchmark):
    """As many captures are kept of one person, and looked at if the score would do."""
    people = synthesize(SyntheticConfig(writers=1, genuine=65, skilled=0, seed=3))
    its, *known = (PEN.outlines(sample.capture)[:1] for sample in people.samples)
    known = [line for each in known for line in each]
    assert not benchmark(PEN.runs_along, its, known)


def test_find_copy_native(benchmark, native_matcher):
    """The same in C: decides how many captures a person may have remembered."""
    people = synthesize(SyntheticConfig(writers=1, genuine=65, skilled=0, seed=3))
    its, *known = (PEN.outlines(sample.capture)[:1] for sample in people.samples)
    known = [line for each in known for line in each]
    assert not benchmark(native_matcher.runs_along, its, known)


def test_examine_native(benchmark, native_matcher, probe):
    """Repaired once for all that a comparison needs: decides whether the rest of `verify` is worth more."""
    assert benchmark(native_matcher.examine, probe, outlined=True).flaw is None


@pytest.mark.parametrize("references", [1_000, 100_000, 500_000])
def test_identify(benchmark, matcher, probe, template, rng, references):
    """Decides up to how many people 1:N search needs no index beyond a matrix of vectors."""
    with Verifier(_Crowd(template, references, rng), matcher) as verifier:
        verifier.prepare()
        assert len(benchmark(verifier.identify, probe, top_k=5)) == 5


def test_dtw_baseline(benchmark, probe, signatures):
    """What matching costs without a network, in well-kept compiled C: one probe against five references.

    Decides whether our matching, in numpy on integers, is good enough on a device without a compiler.
    """
    baseline = DtwBaseline()
    references = [baseline.embed(signature) for signature in signatures[:REFERENCES]]
    embedded = baseline.embed(probe)
    assert benchmark(baseline.distances, [embedded], references).shape == (1, REFERENCES, 1)


def test_dtw_baseline_whole(benchmark, probe, signatures):
    """The same from pen strokes to score, to set beside the whole of `verify`."""
    baseline = DtwBaseline()
    references = [baseline.embed(signature) for signature in signatures[:REFERENCES]]
    spread = baseline.spread(references)

    def whole():
        return baseline.score(baseline.distances([baseline.embed(probe)], references), spread)

    assert 0 <= benchmark(whole)[0] <= 1


class _Crowd(SqliteStore):
    """A store of many people without their gigabytes: random vectors, and one template under every name."""

    def __init__(self, template, references, rng):
        super().__init__(MEMORY)
        people = references // REFERENCES
        vectors = rng.normal(size=(people, REFERENCES, template.references.vector.shape[1]))
        self._data = template.to_bytes()
        self._vectors = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float16)

    def count(self, modality):
        del modality
        return len(self._vectors)

    def changes(self, modality, after=START, *, limit=1000):
        del modality
        first = int.from_bytes(after.subject[:8], "big") + 1 if after != START else 0
        return [
            # Subjects differ in their first eight bytes, as digests do: people are put in order by those.
            Change(Mark(1, number.to_bytes(8, "big") + bytes(8)), f"user-{number:06d}", self._vectors[number])
            for number in range(first, min(first + limit, len(self._vectors)))
        ]

    def get(self, user_id, modality):
        del modality
        return dataclasses.replace(Template.from_bytes(self._data), user_id=user_id)
