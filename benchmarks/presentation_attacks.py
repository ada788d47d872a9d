"""Print how often a default verifier accepts what was made from a person's own signatures, as Markdown.

Each row is a species of attack in the sense of ISO/IEC 30107-3: everybody enrolls five signatures; a copy of
one of them, of one that was accepted since, or a mean of several is disturbed and shown once at the default
policy. What is accepted is the impostor attack presentation accept rate (IAPAR) of that species. It decides
what docs/security.md may say of copies.

    python benchmarks/presentation_attacks.py --corpus synthetic:writers=40,genuine=10,skilled=0,seed=5
    python benchmarks/presentation_attacks.py --corpus svc2004-task2=corpora/svc2004_task2.zip
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Final

import numpy as np
import typer
from policy import COPIES, Rng

from sigverify.cli.quiet import quiet
from sigverify.corpora import open_corpus
from sigverify.errors import EnrollmentError
from sigverify.matcher import Matcher
from sigverify.modality.pen.features import trace
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

REFERENCES: Final = 5
STEP_MS: Final = 10.0


def mean_of(its: Sequence[Signature]) -> Signature:
    """Draw the mean of signatures, place by place in shares of their time; its time is the mean of theirs."""
    places = np.mean([trace(each) for each in its], axis=0)
    time = float(np.mean([each.repaired.duration_ms for each in its]))
    steps = np.linspace(0, len(places) - 1, max(int(time / STEP_MS), 8))
    x, y, pressure, ink = (np.interp(steps, np.arange(len(places)), column) for column in places.T)
    force = pressure if pressure.any() else None
    return Signature(1000 * x, 1000 * y, STEP_MS * np.arange(len(steps)), force, ink > 0.5)


def species() -> dict[str, Callable[[Sequence[Signature], Signature, Rng], Signature]]:
    """Name the attacks: each makes one presentation of the references and of a signature accepted since."""
    attacks = {}
    for what, disturb in COPIES.items():
        attacks[f"a reference, {what}"] = lambda given, _, rng, disturb=disturb: disturb(given[0], rng)
        attacks[f"an accepted one, {what}"] = lambda _, seen, rng, disturb=disturb: disturb(seen, rng)
    attacks["the mean of two references"] = lambda given, _, __: mean_of(given[:2])
    attacks["the mean of five references"] = lambda given, _, __: mean_of(given)
    return attacks


def presented(corpus: str, model: str) -> Iterator[tuple[str, bool]]:
    """Yield the species and whether it was accepted, for each presentation."""
    its, rng, attacks = open_corpus(corpus), np.random.default_rng(0), species()
    policy = Policy(per_user=None, per_device=None)  # each presentation is somebody's first
    matcher = Matcher.open(Model.read(model))
    for writer in its.writers:
        genuine = [sample.capture for sample in its.genuine(writer)]
        for what, attack in attacks.items():
            # A device of its own for each: one that saw the same captures before would know them.
            with Verifier(SqliteStore(MEMORY, key=Key.generate()), matcher, policy=policy) as verifier:
                seen = accepted_since(verifier, genuine)
                if seen is None:
                    break  # there is nothing to copy
                yield what, verifier.verify("a", attack(genuine[:REFERENCES], seen, rng)).accepted


def accepted_since(verifier: Verifier, genuine: Sequence[Signature]) -> Signature | None:
    """Enroll the first ones, and return the first of the others that is accepted."""
    try:
        verifier.enroll("a", genuine[:REFERENCES])
    except EnrollmentError:
        return None
    return next((one for one in genuine[REFERENCES:] if verifier.verify("a", one).accepted), None)


def main(
    corpus: Annotated[list[str], typer.Option("--corpus", "-c", metavar="NAME[=PATH]")],
    model: Annotated[str, typer.Option("--model", "-m")] = "base",
) -> None:
    """Print a table for each corpus."""
    for name in corpus:
        found: dict[str, list[bool]] = {}
        with quiet():
            for what, accepted in presented(name, model):
                found.setdefault(what, []).append(accepted)
        typer.echo(
            f"\n## {name.partition('=')[0]}\n\n| species | presentations | accepted % |\n|---|---|---|"
        )
        for what, each in found.items():
            typer.echo(f"| {what} | {len(each)} | {100 * np.mean(each):.1f} |")


if __name__ == "__main__":
    typer.run(main)
