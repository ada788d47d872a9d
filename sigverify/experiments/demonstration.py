"""`demonstrate`: the whole path in a few minutes, from invented writers to decisions; `sigverify demo`."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sigverify.errors import ConfigError

if TYPE_CHECKING:
    from sigverify.corpora import Corpus, Sample
    from sigverify.decision import Decision
    from sigverify.evaluation import Report
    from sigverify.model_file import Model
    from sigverify.policy import Policy
    from sigverify.training import Progress, TrainConfig

REFERENCES: Final = 5
DRAWS: Final = 5
EXAMPLES: Final = "signatures.png"
PICTURES: Final = "pictures.png"
PICTURE_MODEL: Final = "base-image"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a demonstration is.

    Attributes:
        writers: invented people to train on.
        test_writers: other invented people to enroll and verify.
        signatures: genuine signatures and forgeries of each.
        epochs, steps: length of the training.
        batch_writers: writers in a batch.
        losses: by name.
        pair_epochs, pair_steps: length of the pair network's training.
        width: channels of the network's trunk.
        picture_writers: of the people to verify, those whose signatures are drawn on paper too.
    """

    writers: int = 400
    test_writers: int = 30
    signatures: int = 8
    epochs: int = 6
    steps: int = 30
    batch_writers: int = 8
    width: int = 32
    losses: tuple[str, ...] = ("supervised",)
    pair_epochs: int = 3
    pair_steps: int = 100
    picture_writers: int = 12


FULL: Final = Scale()
QUICK: Final = Scale(
    writers=48,
    test_writers=6,
    epochs=1,
    steps=3,
    batch_writers=4,
    width=8,
    losses=("triplet",),
    pair_epochs=1,
    pair_steps=3,
    picture_writers=2,
)


@dataclass(frozen=True, kw_only=True)
class ProbeCounts:
    """How many probes of one kind were tried, and accepted."""

    kind: str
    tried: int
    accepted: int


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """What the demonstration found; rates 0 to 1.

    Attributes:
        signatures, writers: of the training corpus.
        probes: decisions of the int8 model at `fmr` against skilled forgers.
        pictures: the same of pictures of some of these people's signatures, by `PICTURE_MODEL`.
        eer_int8, eer_float32: kind of impostor → equal error rate with five references, mean over draws.
        model_bytes, float32_bytes: sizes of the two files.
        enroll_ms, verify_ms: median latencies with five references.
        files: what was written, by what it is.
    """

    signatures: int
    writers: int
    fmr: float
    probes: tuple[ProbeCounts, ...]
    pictures: tuple[ProbeCounts, ...]
    eer_int8: dict[str, float]
    eer_float32: dict[str, float]
    model_bytes: int
    float32_bytes: int
    enroll_ms: float
    verify_ms: float
    files: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        counts = {name: [asdict(each) for each in getattr(self, name)] for name in ("probes", "pictures")}
        return asdict(self) | counts


class Stage(Protocol):
    """Shows that something goes on, until it is over."""

    def __call__(self, title: str) -> AbstractContextManager[Callable[["Progress"], None]]:
        """Begin a stage; yields what to hand to `train`."""


def demonstrate(
    out: Path, *, scale: Scale, seed: int, fmr: float | str, stage: Stage, replace_old: bool = False
) -> Demonstration:
    """Invent a corpus, train, convert, enroll, verify and measure; everything written goes into `out`.

    Raises:
        ConfigError: `out` holds something already, or, with `replace_old`, something that no demo made; or
            `fmr` is no rate.
    """
    from sigverify.model_file import Model
    from sigverify.policy import Policy

    # No lock-out and no replay check: they would hide how well the scores separate.
    policy = Policy.unguarded().asking(fmr=fmr)
    if replace_old:
        _remove_old(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty", expected="a new folder", hint="Name another with --out")
    out.mkdir(parents=True, exist_ok=True)
    with stage(f"Inventing {scale.writers + scale.test_writers} writers and their forgers"):
        training, test = _corpora(scale, seed)
        drawn = _draw_examples(test, out / EXAMPLES)
    run = out / "run"
    with stage("Training a Siamese time-delay network") as show:
        _train(training, run, scale, seed, show)
    with stage("Converting to int8, and to float32 to compare with"):
        models = {precision: _convert(run, out, precision) for precision in ("int8", "float32")}
    with stage(f"Enrolling {scale.test_writers} other writers, and verifying"):
        verified = _verify_all(out / "demo.db", models["int8"], test, policy)
    with stage("Drawing their signatures on paper, and verifying the pictures"):
        scans = _scans(test, scale.picture_writers)
        pictured = _verify_all(out / "pictures.db", Model.read(PICTURE_MODEL), scans, policy)
        scanned = _draw_examples(scans, out / PICTURES)
    with stage("Measuring error rates"):
        reports = {name: _measure(model, test) for name, model in models.items()}
        written = _write_report(reports, test, run, out / "report")
    return Demonstration(
        signatures=len(training),
        writers=len(training.writers),
        fmr=policy.fmr,
        probes=verified.probes,
        pictures=pictured.probes,
        eer_int8=_eers(reports["int8"]),
        eer_float32=_eers(reports["float32"]),
        model_bytes=len(models["int8"].to_bytes()),
        float32_bytes=len(models["float32"].to_bytes()),
        enroll_ms=verified.enroll_ms,
        verify_ms=verified.verify_ms,
        files={
            "examples": drawn,
            "examples on paper": scanned,
            "learning curves": str(run / "curves.png"),
            **written,
            "model": str(out / "int8.sigmodel"),
            "store": str(out / "demo.db"),
        },
    )


def _remove_old(out: Path) -> None:
    """Remove a folder that a demo made, and no other."""
    if not out.exists():
        return
    if not (out / EXAMPLES).is_file():
        raise ConfigError(
            f"{out} was not made by a demo", hint="Delete it yourself, or name another with --out"
        )
    shutil.rmtree(out)


def _corpora(scale: Scale, seed: int) -> tuple["Corpus", "Corpus"]:
    """Return writers to train on, and others to test with."""
    from sigverify.corpora.synthetic import SyntheticConfig, synthesize

    base = SyntheticConfig(
        writers=scale.writers, genuine=scale.signatures, skilled=scale.signatures, seed=seed
    )
    return synthesize(base), synthesize(replace(base, writers=scale.test_writers, genuine=10, seed=seed + 1))


def _train(corpus: "Corpus", run: Path, scale: Scale, seed: int, show: Callable[["Progress"], None]) -> None:
    from sigverify.training import train

    train(_config(scale, seed), [corpus], run, on_progress=show)


def _config(scale: Scale, seed: int) -> "TrainConfig":
    from sigverify.training import BatchConfig, LossConfig, PairConfig, TrainConfig

    return TrainConfig(
        encoder_options={"width": scale.width},
        losses=tuple(LossConfig(name=name) for name in scale.losses),
        batch=BatchConfig(writers=scale.batch_writers, genuine=4, skilled=4),
        epochs=scale.epochs,
        steps_per_epoch=scale.steps,
        pair=PairConfig(
            epochs=scale.pair_epochs,
            steps_per_epoch=scale.pair_steps,
            writers=scale.batch_writers,
            width=scale.width,
        ),
        seed=seed,
    )


def _convert(run: Path, out: Path, precision: str) -> "Model":
    import converter

    model = converter.convert(run, precision=precision, name=f"demo-{precision}").model
    model.write(out / f"{precision}.sigmodel")
    return model


@dataclass(frozen=True, kw_only=True)
class _Verified:
    probes: tuple[ProbeCounts, ...]
    enroll_ms: float
    verify_ms: float


def _verify_all(store: Path, model: "Model", test: "Corpus", policy: "Policy") -> _Verified:
    """Enroll everybody with their first signatures, and verify the rest, forgeries, and other people's."""
    from statistics import median

    from sigverify.verifier import Verifier

    with Verifier.open(store, model=model, policy=policy) as verifier:
        enrolled = [
            verifier.enroll(
                writer,
                [sample.capture for sample in test.genuine(writer)[:REFERENCES]],
                quality="record",
            )
            for writer in test.writers
        ]
        decisions: dict[str, list[Decision]] = {}
        for kind, writer, sample in _probes(test):
            decisions.setdefault(kind, []).append(verifier.verify(writer, sample.capture))
    return _Verified(
        probes=tuple(
            ProbeCounts(kind=kind, tried=len(group), accepted=sum(each.accepted for each in group))
            for kind, group in decisions.items()
        ),
        enroll_ms=median(enrollment.latency_ms for enrollment in enrolled),
        verify_ms=median(each.latency_ms or 0.0 for group in decisions.values() for each in group),
    )


def _probes(test: "Corpus") -> Iterator[tuple[str, str, "Sample"]]:
    """Yield kind, claimed writer and sample."""
    for index, writer in enumerate(test.writers):
        for sample in test.genuine(writer)[REFERENCES:]:
            yield "genuine", writer, sample
        for sample in test.skilled(writer):
            yield "skilled forgery", writer, sample
        for sample in test.genuine(test.writers[index - 1])[:REFERENCES]:
            yield "random forgery", writer, sample


def _measure(model: "Model", test: "Corpus") -> "Report":
    from sigverify.evaluation import SdkSystem, evaluate
    from sigverify.matcher import Matcher

    return evaluate(SdkSystem(Matcher.open(model)), test, references=(1, REFERENCES), draws=DRAWS)


def _eers(report: "Report") -> dict[str, float]:
    found = report.condition(REFERENCES).impostors
    return {kind.value: round(errors.eer.mean, 6) for kind, errors in found.items()}


def _write_report(reports: dict[str, "Report"], test: "Corpus", run: Path, folder: Path) -> dict[str, str]:
    from sigverify.evaluation.page.folder import publish
    from sigverify.plotting.learning_curves import History

    page = publish(list(reports.values()), folder, corpora=[test] * len(reports), history=History.read(run))
    return {"report with plots": str(page)}


def _scans(test: "Corpus", writers: int) -> "Corpus":
    """Draw the signatures of the first writers as ink on paper."""
    from sigverify.corpora.rendered import render

    return render(test.select(test.writers[:writers]))


def _draw_examples(test: "Corpus", path: Path) -> str:
    """Draw up to three writers: their own signature, another one, a forgery."""
    from sigverify.plotting.captures import plot_captures

    rows = [
        [(f"{writer}: {name}", sample.capture) for name, sample in _examples(test, writer)]
        for writer in test.writers[:3]
    ]
    return str(plot_captures(rows, path))


def _examples(test: "Corpus", writer: str) -> list[tuple[str, "Sample"]]:
    first, second, *_ = test.genuine(writer)
    return [("genuine", first), ("genuine", second), ("skilled forgery", test.skilled(writer)[0])]
