"""Is a device's model better for fitting it to twenty people? The numbers behind docs/training.md.

    python benchmarks/few_people.py --data corpora/
    python benchmarks/few_people.py                        # invented devices alone

Of each device 40 people with 5 genuine signatures and up to 10 skilled forgeries: twenty are fitted to, the
other twenty tried, 20 times over. It decides whether thresholds may be moved without forgeries.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from converter.adjustment import Fit, mean_forged
from converter.invented import TO_COMPARE
from converter.tries import PROFILES, Probe, Trier, Tries
from sigverify.corpora import Corpus, open_corpus
from sigverify.experiments.left_out import LEFT_OUT, open_real
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.training import TraceSet

PEOPLE = 40
GENUINE, SKILLED = 5, 10
SPLITS = 20
INVENTED = {
    "a finger": "synthetic:writers=40,genuine=6,skilled=10,seed=93,device=finger",
    "a finger, sittings": "synthetic:writers=40,genuine=6,skilled=10,seed=96,device=finger,drift=0.8",
    "a pad": "synthetic:writers=40,genuine=6,skilled=10,seed=92,device=pad",
    "a tablet, sittings": "synthetic:writers=40,genuine=6,skilled=10,seed=95,drift=0.5",
}


def main(
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the public corpora.")] = None,
) -> None:
    """Print what skilled forgeries get in, and what genuine signatures do not, of people not fitted to."""
    matcher = Matcher.open(Model.read("base"))
    compared = mean_forged(_tries(matcher, open_corpus(TO_COMPARE["pen"].format(genuine=GENUINE))))
    real = {} if data is None else {name: its for name, its in open_real(data).items() if name in LEFT_OUT}
    devices = real | {name: open_corpus(spec) for name, spec in INVENTED.items()}
    typer.echo(f"skilled accepted / genuine refused, %, and the shift: {', '.join(PROFILES)}")
    for name, corpus in devices.items():
        tries = _tries(matcher, _few(corpus))
        fits = {
            "as it is": None,
            "without forgeries": Fit(Probe.FORGED, compared),
            "with forgeries": Fit(Probe.SKILLED, 0.0),
        }
        for what, fit in fits.items():
            typer.echo(f"{name:20s} {what:18s} {_measured(tries, fit)}")


def _few(corpus: Corpus) -> Corpus:
    """Keep the first people, and of each the first signatures."""
    chosen = corpus.select(corpus.writers[:PEOPLE])
    samples = [
        sample
        for writer in chosen.writers
        for sample in (*chosen.genuine(writer)[:GENUINE], *chosen.skilled(writer)[:SKILLED])
    ]
    return Corpus(corpus.name, tuple(samples))


def _tries(matcher: Matcher, corpus: Corpus) -> list[Tries]:
    return Trier(matcher, TraceSet.from_corpus(corpus)).tries(lambda *_: None, "")


def _measured(tries: list[Tries], fit: Fit | None) -> str:
    rows = []
    for split in range(SPLITS):
        order = np.random.default_rng(split).permutation(len(tries))
        known, others = ([tries[at] for at in half] for half in (order[: PEOPLE // 2], order[PEOPLE // 2 :]))
        shift = fit(known) if fit else 0.0
        accepted = np.mean([each.share_accepted(Probe.SKILLED, shift) for each in others], axis=0)
        refused = np.mean([1 - each.share_accepted(Probe.GENUINE, shift) for each in others], axis=0)
        rows.append([*accepted, *refused, shift])
    mean, deviation = np.mean(rows, axis=0), np.std(rows, axis=0)
    count = len(PROFILES)
    shares = [f"{100 * mean[at]:.1f} / {100 * mean[count + at]:.1f}" for at in range(count)]
    return f"{'   '.join(shares)}   {mean[-1]:+.2f} ± {deviation[-1]:.2f}"


if __name__ == "__main__":
    typer.run(main)
