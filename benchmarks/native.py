"""Print what libsigverify costs beside Python: each step, the first decision, memory. As Markdown.

    OMP_NUM_THREADS=1 python benchmarks/native.py [ROUNDS]

`benchmarks/native.c` plays the firmware: it opens the model that ships, LiteRT's shared library and a
template of five references, and verifies. The numbers decide whether a board that is too small for Python,
or has none, will do.
"""

import json
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from firmware_bridge.libsigverify.build import build
from sigverify import Model, Template, Verifier
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.matcher import Matcher
from sigverify.modality.pen.features import features
from sigverify.runtime.native.embedder import litert_library
from sigverify.store import MEMORY
from sigverify.store.rekey import change_renewal

REFERENCES = 5
PROBES = 20
ROUNDS = 1000
VERIFY_MS = 1.0
FIRST_MS = 50.0
RESIDENT_MB = 20.0


def packed(signature):
    """Return a signature as native.c reads it."""
    columns = np.concatenate([signature.x, signature.y, signature.time_ms, signature.pressure])
    ink = signature.ink.tobytes()
    return struct.pack("=Q", len(signature)) + columns.tobytes() + ink + bytes(-len(ink) % 8)


def measured(run, probes, rounds):
    """Return the median milliseconds of `run(probe)`."""
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        run(probes[number % len(probes)])
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def of_python(template, probes, rounds, model):
    """Measure the same steps in Python, without store and policy: `verify` has those besides."""
    matcher, scoring = Matcher.open(model, runtime="litert"), model.manifest.scoring
    content = template.to_bytes()

    def verify(probe):
        distances = matcher.distances(matcher.embed(probe), template.references)
        return scoring.score(distances, template.spread) >= scoring.threshold(0.01)

    return {
        "features": measured(features, probes, rounds),
        "import": measured(lambda _: Template.from_bytes(content), probes, rounds),
        "verify": measured(verify, probes, rounds),
    }


def of_c(folder, template, probes, rounds):
    """Compile and run native.c; the medians of three processes."""
    program = build(folder / "native", flags=(str(Path(__file__).with_suffix(".c")),))
    (folder / "base.sigmodel").write_bytes(Model.read("base").to_bytes())
    (folder / "template").write_bytes(template.to_bytes())
    (folder / "probes").write_bytes(b"".join(map(packed, probes)))
    files = (folder / "base.sigmodel", litert_library(), folder / "template", folder / "probes")
    line = [str(each) for each in (program, *files, rounds)]
    runs = [
        json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def main():
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    corpus = synthesize(SyntheticConfig(writers=1, genuine=REFERENCES + PROBES, skilled=0, seed=4))
    signatures = [sample.capture for sample in corpus.samples]
    references, probes = signatures[:REFERENCES], signatures[REFERENCES:]
    model = Model.read("base")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Verifier.open(MEMORY, model=model) as verifier:
            verifier.enroll("alice", references)
            template = change_renewal(verifier.store.get("alice", "pen"), verifier.store.renewal, None)
        native = of_c(folder, template, probes, rounds)
    python = of_python(template, probes, rounds, model)
    lines = ["| median | C | Python | target |", "|---|---|---|---|"]
    for step in ("features", "import", "verify"):
        own, other = native[f"{step}_ms"], python[step]
        target = f"≤ {VERIFY_MS:g} ms" if step == "verify" else ""
        lines.append(f"| {step} | {own:.3f} ms | {other:.3f} ms ({other / own:.1f}×) | {target} |")
    lines.append(f"| from `main` to the first decision | {native['first_ms']:.1f} ms | | ≤ {FIRST_MS:g} ms |")
    lines.append(f"| resident | {native['resident_kb'] / 1024:.1f} MB | | ≤ {RESIDENT_MB:g} MB |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
