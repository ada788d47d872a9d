"""Print what libsigverify costs beside Python: each step, the first decision, memory. As Markdown.

    OMP_NUM_THREADS=1 python benchmarks/native.py [ROUNDS]

`benchmarks/native.c` plays the firmware: it opens the model that ships, LiteRT's shared library and a
template of five references, verifies, and enrolls by five, with the model's cohort and without. The numbers
decide whether a board that is too small for Python, or has none, will do.
"""

import json
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
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
VERIFY_RATIO = 2.0
ENROLL_MS = 15.0
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
        "enroll": enrolling(model, probes[:REFERENCES], rounds // 50 + 1),
        "enroll_bare": enrolling(replace(model, cohort=b""), probes[:REFERENCES], rounds // 50 + 1),
    }


def invented():
    """Return one invented person's references and probes."""
    corpus = synthesize(SyntheticConfig(writers=1, genuine=REFERENCES + PROBES, skilled=0, seed=4))
    signatures = [sample.capture for sample in corpus.samples]
    return signatures[:REFERENCES], signatures[REFERENCES:]


def enrolled(model, references):
    """Return the template as firmware has it: not turned for a store."""
    with Verifier.open(MEMORY, model=model) as verifier:
        verifier.enroll("alice", references)
        return change_renewal(verifier.store.get("alice", "pen"), verifier.store.renewal, None)


def written(folder, model, template, probes):
    """Write what firmware starts from, and return the arguments that name it."""
    (folder / "base.sigmodel").write_bytes(model.to_bytes())
    (folder / "bare.sigmodel").write_bytes(replace(model, cohort=b"").to_bytes())
    (folder / "template").write_bytes(template.to_bytes())
    (folder / "probes").write_bytes(b"".join(map(packed, probes)))
    return folder / "base.sigmodel", litert_library(), folder / "template", folder / "probes"


def enrolling(model, signatures, rounds):
    """Return the median milliseconds of the processor's time that `Verifier.enroll` takes."""
    times = []
    with Verifier.open(MEMORY, model=model, runtime="litert") as verifier:
        for number in range(rounds):
            start = time.process_time()
            verifier.enroll(str(number), signatures, quality="record")
            times.append((time.process_time() - start) * 1000)
    return median(times)


def of_c(folder, files, rounds):
    """Compile and run native.c; the medians of three processes."""
    program = build(folder / "native", flags=(str(Path(__file__).with_suffix(".c")),))
    line = [str(each) for each in (program, *files, rounds, folder / "bare.sigmodel")]
    runs = [
        json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def main():
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    references, probes = invented()
    model = Model.read("base")
    template = enrolled(model, references)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        native = of_c(folder, written(folder, model, template, probes), rounds)
    python = of_python(template, probes, rounds, model)
    lines = ["| median | C | Python | target |", "|---|---|---|---|"]
    for step in ("features", "import", "verify"):
        own, other = native[f"{step}_ms"], python[step]
        target = f"≤ {VERIFY_MS:g} ms" if step == "verify" else ""
        lines.append(f"| {step} | {own:.3f} ms | {other:.3f} ms ({other / own:.1f}×) | {target} |")
    ratio = native["verify_ms"] / native["networks_ms"]
    lines.append(f"| its networks alone | {native['networks_ms']:.3f} ms | | |")
    lines.append(f"| verify / its networks alone | {ratio:.2f} | | ≤ {VERIFY_RATIO:g} |")
    took = [(native["enroll_ms"], native["enroll_bare_ms"]), (python["enroll"], python["enroll_bare"])]
    own, other = (f"{whole:.1f} ms ({whole / bare:.1f}× without cohort)" for whole, bare in took)
    lines.append(f"| enroll five | {own} | {other} | ≤ {ENROLL_MS:g} ms |")
    lines.append(f"| from `main` to the first decision | {native['first_ms']:.1f} ms | | ≤ {FIRST_MS:g} ms |")
    lines.append(f"| resident | {native['resident_kb'] / 1024:.1f} MB | | ≤ {RESIDENT_MB:g} MB |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
