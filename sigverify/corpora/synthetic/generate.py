"""From a `SyntheticConfig` to signatures: one writer at a time, or a whole corpus."""

from functools import partial
from typing import Final

import numpy as np

from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.processes import mapped
from sigverify.corpora.synthetic.config import SyntheticConfig
from sigverify.corpora.synthetic.device import Device, DeviceKind, draw_device, record
from sigverify.corpora.synthetic.forger import draw_forger, forge
from sigverify.corpora.synthetic.writer import Rendition, Writer, draw_writer, perform, vary
from sigverify.errors import ConfigError, InvalidSignature
from sigverify.modality.pen.signature import Signature

LICENCE_NOTE = "Invented by sigverify's own generator: nobody's signature; free for any use."

_DAILY = 0.9
"""How much a writer varies from sitting to sitting, as a share of how much from signature to signature."""

_AT_ONCE: Final = 400
"""Signatures that a process is asked for, about; they take it half a second."""


def synthesize(config: SyntheticConfig, *, workers: int = 1) -> Corpus:
    """Invent a whole corpus, in `workers` processes. Its name says the seed: another seed, other writers.

    Raises:
        ConfigError: fewer than one worker.
        CorpusError: a process ended by itself.
    """
    one = partial(synthesize_writer, config)
    chunk = max(1, _AT_ONCE // (config.genuine + config.skilled))
    groups = mapped(one, range(config.writers), workers=workers, chunk=chunk)
    samples = tuple(sample for group in groups for sample in group)
    return Corpus(name=f"synthetic-{config.seed}", samples=samples, licence_note=LICENCE_NOTE)


def synthesize_writer(config: SyntheticConfig, index: int) -> tuple[Sample, ...]:
    """Invent writer `index` of the corpus with his signatures and the forgeries of them.

    Depends on the seed, the index and the other settings, never on `config.writers`.

    Raises:
        ConfigError: a negative index.
    """
    if index < 0:
        raise ConfigError("synthesize_writer: index", expected="0 or more", received=str(index))
    root = np.random.SeedSequence(config.seed, spawn_key=(index,))
    own, signing, forging = (np.random.default_rng(seed) for seed in root.spawn(3))
    device = draw_device(own, DeviceKind(config.device))
    writer = draw_writer(own, config.variability)
    name = f"{index:06d}"
    genuine = _genuine(signing, config, writer, device)
    skilled = _skilled(forging, config, writer, device)
    return (
        *(Sample(name, Kind.GENUINE, number, s) for number, s in enumerate(genuine, 1)),
        *(Sample(name, Kind.SKILLED, number, s) for number, s in enumerate(skilled, 1)),
    )


def _genuine(
    rng: np.random.Generator, config: SyntheticConfig, writer: Writer, device: Device
) -> list[Signature]:
    sessions = min(config.sessions, config.genuine)
    by = writer.variability.scaled(_DAILY)
    plan, plans = writer.plan, []
    for _ in range(sessions):
        plans.append(vary(rng, plan, by))
        if config.drift:
            plan = vary(rng, plan, by.scaled(config.drift))
    return [
        _recorded(rng, perform(rng, writer, plans[number * sessions // config.genuine]), device)
        for number in range(config.genuine)
    ]


def _skilled(
    rng: np.random.Generator, config: SyntheticConfig, writer: Writer, device: Device
) -> list[Signature]:
    count = min(config.forgers, config.skilled)
    skills = rng.uniform(config.skill_min, config.skill_max, count)
    forgers = [draw_forger(rng, writer, float(skill), config.fluent) for skill in skills]
    return [
        _recorded(rng, forge(rng, forgers[number * count // config.skilled]), device)
        for number in range(config.skilled)
    ]


def _recorded(rng: np.random.Generator, rendition: Rendition, device: Device) -> Signature:
    """Record; once in a great many the ink is too short for a signature, so write again."""
    for _ in range(20):
        try:
            return record(rng, rendition, device)
        except InvalidSignature:
            continue
    return record(rng, rendition, device)
