"""What the benchmarks share, and the table printed after them.

They run the model that ships, or the one that SIGVERIFY_MODEL names.
"""

import io
import os
import shutil
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from firmware_bridge.libsigverify.build import build
from sigverify import Model, Policy, SignatureImage, Verifier
from sigverify.corpora.rendered import render
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import ModelError
from sigverify.matcher import Matcher
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.interpreters import Runtime
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.rekey import change_renewal

REFERENCES = 5
NAMED = os.environ.get("SIGVERIFY_MODEL")


@dataclass(frozen=True)
class Step:
    """A line of the table: which benchmark, what it does, and the most milliseconds it may take here."""

    name: str
    does: str
    target_ms: float | None = None


@dataclass(frozen=True)
class Ratio:
    """One median divided by another."""

    does: str
    above: str
    below: str


STEPS = (
    Step("test_features", "features: pen strokes to functions of time"),
    Step("test_bare_invoke", "network: Interpreter.invoke alone, nothing of ours"),
    Step("test_embed", "embed: features, network and quantization"),
    Step("test_match_dynamics", "match 5 references, one cue (as the compiled DTW below)"),
    Step("test_path", "the same, and the path of each"),
    Step("test_judge", "pair network: 5 aligned pairs"),
    Step("test_match", "match 5 references, all cues"),
    Step("test_read_template", "unpack a template of 5 references"),
    Step("test_verify", "verify: pen strokes to decision, 5 references, store on disk", 5),
    Step("test_embed_native", "embed, in C (libsigverify)"),
    Step("test_match_native", "match 5 references, all cues, in C"),
    Step("test_verify_native", "verify, in C but for policy and store"),
    Step("test_repair", "policy: is the capture fit? (clock, touches, rests)"),
    Step("test_find_copy", "policy: is it a copy of one of 64 captures?"),
    Step("test_find_copy_native", "the same in C"),
    Step("test_examine_native", "all of a capture that a policy and matching need, in C"),
    Step("test_read_picture", "picture: 600 × 300 PNG to grey levels"),
    Step("test_find_ink", "picture: ink, sheet and columns"),
    Step("test_verify_picture", "verify: PNG to decision, 5 references, store on disk", 15),
    Step("test_verify_picture_native", "verify a picture, aligned in C"),
    Step("test_enroll", "enroll 5 signatures, synced to disk"),
    Step("test_identify[1000]", "identify among 1,000 references (200 people)"),
    Step("test_identify[100000]", "identify among 100,000 references (20,000 people)"),
    Step("test_identify[500000]", "identify among 500,000 references (100,000 people)", 20),
    Step("test_dtw_baseline", "compiled DTW: match 5 references"),
    Step("test_dtw_baseline_whole", "compiled DTW: pen strokes to score, 5 references"),
)
RATIOS = (
    Ratio("SDK overhead: whole verify / bare Interpreter.invoke", "test_verify", "test_bare_invoke"),
    Ratio("matching one cue: ours in numpy / compiled DTW", "test_match_dynamics", "test_dtw_baseline"),
    Ratio("matching: all our cues / compiled DTW of one", "test_match", "test_dtw_baseline"),
    Ratio("whole verify / the same by compiled DTW alone", "test_verify", "test_dtw_baseline_whole"),
    Ratio("embedding: numpy / C", "test_embed", "test_embed_native"),
    Ratio("matching: numpy / C", "test_match", "test_match_native"),
    Ratio("whole verify: numpy / C", "test_verify", "test_verify_native"),
    Ratio("whole verify in C / matching in C", "test_verify_native", "test_match_native"),
    Ratio("policy: looking for a copy / matching in C", "test_find_copy", "test_match_native"),
    Ratio("whole verify: picture / strokes", "test_verify_picture", "test_verify"),
)


@pytest.fixture(scope="session")
def model():
    """Return the model under test."""
    try:
        return Model.read(NAMED or "base")
    except ModelError as error:
        if NAMED or type(error) is not ModelError:  # a subclass: the file is there, and bad
            raise
        pytest.skip(f"{error}; or name a file: make bench SIGVERIFY_MODEL=my.sigmodel")


@pytest.fixture(scope="session")
def embedder(model):
    """Return the model, loaded, on one thread."""
    return Embedder.open(model, threads=1)


@pytest.fixture(scope="session")
def matcher(model):
    """Return what computes in numpy."""
    return Matcher.interpreted(model, Runtime.AUTO)


@pytest.fixture(scope="session")
def native_matcher(model, tmp_path_factory):
    """Return what computes in C."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    path = build(tmp_path_factory.mktemp("native") / "libsigverify.so")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGVERIFY_NATIVE", str(path))
        return Matcher.open(model, runtime="native")


@pytest.fixture(scope="session")
def signatures():
    """Return six genuine signatures of one synthetic writer: five references and a probe."""
    corpus = synthesize(SyntheticConfig(writers=1, genuine=REFERENCES + 1, skilled=0, seed=5))
    return [sample.capture for sample in corpus.samples]


@pytest.fixture(scope="session")
def probe(signatures):
    """Return the signature in question."""
    return signatures[-1]


@pytest.fixture(scope="session")
def pictures():
    """Return six pictures of one synthetic writer's signature, 600 × 300 PNG: five references and a probe."""
    strokes = synthesize(SyntheticConfig(writers=1, genuine=REFERENCES + 1, skilled=0, seed=5))
    return [_as_png(sample.capture.grey) for sample in render(strokes).samples]


def _as_png(grey):
    file = io.BytesIO()
    Image.fromarray(grey).resize((600, 300)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def picture_verifier(pictures, tmp_path):
    """Return a verifier of pictures on a store on disk with one user enrolled; it computes in numpy."""
    matcher = Matcher.interpreted(Model.read("base-image"), Runtime.AUTO)
    with _enrolled(matcher, [SignatureImage.read(each) for each in pictures], tmp_path) as its:
        yield its


@pytest.fixture
def native_picture_verifier(pictures, native_matcher, tmp_path):
    """Return the same, aligning in C."""
    matcher = Matcher.interpreted(
        Model.read("base-image"), Runtime.AUTO, library=native_matcher.engine.aligner
    )
    with _enrolled(matcher, [SignatureImage.read(each) for each in pictures], tmp_path) as its:
        yield its


@pytest.fixture
def verifier(matcher, signatures, tmp_path):
    """Return a verifier on a store on disk with one user enrolled."""
    with _enrolled(matcher, signatures, tmp_path) as its:
        yield its


@pytest.fixture
def native_verifier(native_matcher, signatures, tmp_path):
    """Return the same, computing in C."""
    with _enrolled(native_matcher, signatures, tmp_path) as its:
        yield its


def _enrolled(matcher, signatures, folder):
    # One probe is shown again and again, which the replay check would refuse.
    its = Verifier(SqliteStore(folder / "bench.db"), matcher, policy=Policy.unguarded())
    its.enroll("alice", signatures[:REFERENCES])
    return its


@pytest.fixture(scope="session")
def template(matcher, signatures):
    """Return a template of five references, in the model's own coordinates."""
    with Verifier(SqliteStore(MEMORY), matcher) as its:
        its.enroll("alice", signatures[:REFERENCES])
        return change_renewal(its.store.get("alice", "pen"), its.store.renewal, None)


@pytest.fixture
def rng():
    """Return a seeded generator."""
    return np.random.default_rng(0)


def pytest_terminal_summary(terminalreporter, config):
    """Print the table, and the ratios that single numbers cannot show."""
    session = getattr(config, "_benchmarksession", None)
    stats = {each.name: each.stats for each in session.benchmarks if each.stats.data} if session else {}
    if not stats:
        return
    write = terminalreporter.write_line
    terminalreporter.section("milliseconds on one core")
    write(f"{'median':>9}{'fastest':>10}{'slowest 1 %':>13}{'target':>8}   what")
    for line in _table(stats):
        write(line)
    measured = [ratio for ratio in RATIOS if {ratio.above, ratio.below} <= stats.keys()]
    if measured:
        terminalreporter.section("ratios of medians")
    for ratio in measured:
        write(f"{stats[ratio.above].median / stats[ratio.below].median:9.2f}   {ratio.does}")
    write("")
    write(f"model: {NAMED or 'base'}. What each number decides is said in benchmarks/test_speed.py.")
    busy = os.getloadavg()[0] - 1
    if busy > 0.5:
        write(f"About {busy:.1f} other programs were running beside this: quiet figures are lower.")


def _table(stats):
    steps = [step for step in STEPS if step.name in stats]
    known = {step.name for step in steps}
    for step in [*steps, *(Step(name, name) for name in stats if name not in known)]:
        its = stats[step.name]
        median, fastest, slow = (1000 * value for value in (its.median, its.min, np.quantile(its.data, 0.99)))
        target = "" if step.target_ms is None else f"≤ {step.target_ms:g}"
        note = "   <- above its target" if step.target_ms is not None and median > step.target_ms else ""
        yield f"{median:9.3f}{fastest:10.3f}{slow:13.3f}{target:>8}   {step.does}{note}"
