"""What the benchmarks share, and the ratios printed after them.

They run the model that ships, or the one that SIGVERIFY_MODEL names.
"""

import os

import numpy as np
import pytest

from sigverify import Model, Verifier
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import ModelError
from sigverify.runtime import Embedder
from sigverify.store import MEMORY

REFERENCES = 5
RATIOS = (
    ("SDK overhead: whole verify / bare Interpreter.invoke", "test_verify", "test_bare_invoke"),
    ("our matching of two cues / compiled DTW of one, 5 references", "test_match", "test_dtw_baseline"),
    ("whole verify / the same by compiled DTW alone", "test_verify", "test_dtw_baseline_whole"),
)


@pytest.fixture(scope="session")
def model():
    """Return the model under test."""
    try:
        return Model.read(os.environ.get("SIGVERIFY_MODEL", "base"))
    except ModelError as error:
        pytest.skip(f"no model to measure: {error}")


@pytest.fixture(scope="session")
def embedder(model):
    """Return the model, loaded, on one thread."""
    return Embedder.open(model, threads=1)


@pytest.fixture(scope="session")
def signatures():
    """Return six genuine signatures of one synthetic writer: five references and a probe."""
    corpus = synthesize(SyntheticConfig(writers=1, genuine=REFERENCES + 1, skilled=0, seed=5))
    return [sample.signature for sample in corpus.samples]


@pytest.fixture(scope="session")
def probe(signatures):
    """Return the signature in question."""
    return signatures[-1]


@pytest.fixture
def verifier(model, signatures, tmp_path):
    """Return a verifier on a store on disk with one user enrolled."""
    with Verifier.open(tmp_path / "bench.db", model=model) as its:
        its.enroll("alice", signatures[:REFERENCES])
        yield its


@pytest.fixture(scope="session")
def template(model, signatures):
    """Return a template of five references."""
    with Verifier.open(MEMORY, model=model) as its:
        its.enroll("alice", signatures[:REFERENCES])
        return its.store.get("alice")


@pytest.fixture
def rng():
    """Return a seeded generator."""
    return np.random.default_rng(0)


def pytest_terminal_summary(terminalreporter, config):
    """Print what the single numbers cannot say."""
    session = getattr(config, "_benchmarksession", None)
    medians = {each.name: each.stats.median for each in session.benchmarks} if session else {}
    lines = [
        f"{medians[above] / medians[below]:8.2f}  {title}"
        for title, above, below in RATIOS
        if above in medians and below in medians
    ]
    if lines:
        terminalreporter.section("ratios of medians")
        terminalreporter.write("\n".join(lines) + "\n")
