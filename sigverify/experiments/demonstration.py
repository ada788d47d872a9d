"""`demonstrate`: the whole path, from invented writers to decisions; `sigverify demo`.

One protocol throughout: the people, references and tries that a verifier decides about, one after the other,
are those of the report, and so are the thresholds.
"""

import secrets
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sigverify.errors import ConfigError, ConversionError, MissingExtra

if TYPE_CHECKING:
    from converter import Conversion
    from sigverify.corpora import Corpus, Sample
    from sigverify.decision import Decision
    from sigverify.evaluation import Report
    from sigverify.experiments.tries import Count, Try
    from sigverify.model_file import Model
    from sigverify.policy import Policy
    from sigverify.training import Progress, TrainConfig

MODEL: Final = "demo"
SHIPPED: Final = "base"
PICTURE_MODEL: Final = "base-image"
SITTING: Final = 7
"""Genuine signatures of each sitting: five are enrolled, two are left to try."""
SITTINGS: Final = 2
TRAINING_NAME: Final = "training"
_MARK: Final = "README.txt"
"""Tells what the folder holds, and that a demonstration made it."""
_TITLE: Final = "Made by `sigverify demo`."
_NEEDED: Final = ("tensorflow", "matplotlib", "sklearn")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a demonstration is.

    Attributes:
        writers: invented people to train on.
        test_writers: other invented people to enroll and verify.
        signatures: genuine signatures and forgeries of each that is trained on; forgeries of each other one.
        epochs, steps: length of the training.
        batch_writers: writers in a batch.
        losses: by name.
        pair_epochs, pair_steps: length of the pair network's training.
        width: channels of the network's trunk.
        picture_writers: of the people to verify, those whose signatures are drawn on paper too.
    """

    writers: int = 160
    test_writers: int = 20
    signatures: int = 8
    epochs: int = 3
    steps: int = 25
    batch_writers: int = 8
    width: int = 32
    losses: tuple[str, ...] = ("supervised",)
    pair_epochs: int = 2
    pair_steps: int = 30
    picture_writers: int = 8


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
class Demonstration:
    """What the demonstration found; rates 0 to 1, all times measured.

    Attributes:
        model: what the trained one is called in `strokes` and `eer`.
        signatures, writers: of the training corpus.
        train_s: seconds of training.
        people, references: who was enrolled, and with how many signatures each.
        fmr: the false-match rate asked for, against skilled forgers.
        strokes: tries, and how many of them each model accepts.
        pictures: the same of pictures of the signatures of `pictured_people` of them.
        differing: tries of `strokes` that the report counts otherwise than the verifier decided.
        eer: model → kind of impostor → (equal error rate, low, high), 95 % intervals over the people.
        network_bytes, network_bytes_float32: of the network, int8 and as trained.
        eer_fit, eer_fit_float32: equal error rate of both on the signatures that fitted the scores.
        enroll_ms, verify_ms: medians of enrolling somebody, and of verifying one signature.
        evaluate: the command that measures the same again.
        verify: a command that verifies a signature by what was written.
        files: what was written, by what it is.
    """

    model: str
    signatures: int
    writers: int
    train_s: float
    people: int
    references: int
    fmr: float
    strokes: "tuple[Count, ...]"
    pictures: "tuple[Count, ...]"
    pictured_people: int
    differing: int
    eer: dict[str, dict[str, tuple[float, float, float]]]
    network_bytes: int
    network_bytes_float32: int
    eer_fit: float
    eer_fit_float32: float
    enroll_ms: float
    verify_ms: float
    evaluate: str
    verify: str
    files: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


class Stage(Protocol):
    """Shows that something goes on, until it is over."""

    def __call__(self, title: str) -> AbstractContextManager[Callable[["Progress"], None]]:
        """Begin a stage; yields what to hand to `train`."""


def demonstrate(
    out: Path, *, scale: Scale, seed: int, fmr: float | str, stage: Stage, replace_old: bool = False
) -> Demonstration:
    """Invent a corpus, train, convert, enroll, verify and measure; all of it is in `out` then, or nothing.

    Raises:
        ConfigError: `out` holds something already, or, with `replace_old`, something that no demo made; or
            `fmr` is no rate, or one that no model is calibrated for.
        MissingExtra: what trains or draws is not installed.
    """
    from sigverify.model_file import Model
    from sigverify.policy import Policy, check_policy

    # No lock-out and no replay check: they would hide how well the scores separate.
    policy = Policy.unguarded().asking(fmr=fmr)
    shipped = Model.read(SHIPPED)
    check_policy(policy, shipped.manifest.scoring)
    _require_packages()
    with _new_folder(out, replace_old=replace_old) as folder:
        done = _go(folder, scale, seed, policy, shipped, stage)
        return _told(done, folder, out, policy, shipped)


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What the stages made, in a folder that has not its name yet."""

    training: "Corpus"
    synthetic: str
    train_s: float
    conversion: "Conversion"
    shown: "list[Try]"
    verified: "_Verified"
    reports: "dict[str, Report]"
    pictures: "tuple[Count, ...]"
    pictured_people: int
    files: dict[str, Path]


def _go(folder: Path, scale: Scale, seed: int, policy: "Policy", shipped: "Model", stage: Stage) -> _Done:
    """Go the whole path; everything written goes into `folder`."""
    from sigverify.experiments.tries import tries

    with stage(f"Inventing {scale.writers + scale.test_writers} people, their signatures and forgers"):
        training, test, synthetic = _corpora(scale, seed)
        drawn = _draw_examples(test, folder / "signatures.png")
    start = time.perf_counter()
    with stage(f"Training a Siamese time-delay network on {scale.writers} of them") as show:
        _train(training, folder / TRAINING_NAME, scale, seed, show)
    train_s = time.perf_counter() - start
    with stage("Converting it to int8, and fitting its thresholds"):
        conversion = _convert(folder)
    shown = list(tries(test, SITTING))
    with stage(f"Enrolling the other {scale.test_writers}, and verifying {len(shown)} signatures"):
        verified = _verify(folder / "demo.db", conversion.model, test, shown, policy)
    with stage(f"Measuring error rates by the same tries, and those of {SHIPPED}"):
        reports = {MODEL: _measure(conversion.model, test), SHIPPED: _measure(shipped, test)}
        page = _write_report(list(reports.values()), test, folder)
    with stage(f"Drawing {scale.picture_writers} people's signatures on paper, and verifying the pictures"):
        scans = _scans(test, scale.picture_writers)
        scanned = _draw_examples(scans, folder / "pictures.png")
        pictures = _verify_pictures(folder, scans, policy)
    return _Done(
        training=training,
        synthetic=synthetic,
        train_s=train_s,
        conversion=conversion,
        shown=shown,
        verified=verified,
        reports=reports,
        pictures=pictures,
        pictured_people=len(scans.writers),
        files={
            "two signatures and a forgery of three people": drawn,
            "the same on paper": scanned,
            "report with plots": page,
            "learning curves": folder / TRAINING_NAME / "curves.png",
            "model": folder / f"{MODEL}.sigmodel",
            "store of enrolled people": folder / "demo.db",
        },
    )


def _told(done: _Done, folder: Path, out: Path, policy: "Policy", shipped: "Model") -> Demonstration:
    """Put together what was found, with all files named as they will be in `out`."""
    from sigverify.experiments.tries import PROTOCOL, REFERENCES, count, reported

    model = done.conversion.model
    by_report = {
        name: reported(_trials(report), its.manifest.scoring.threshold(policy.fmr, references=REFERENCES))
        for (name, report), its in zip(done.reports.items(), (model, shipped), strict=True)
    }
    writer, probe = _write_probe(folder, done.shown, done.verified)
    files = {what: str(out / path.relative_to(folder)) for what, path in done.files.items()}
    (folder / _MARK).write_text(_about(files, out / TRAINING_NAME, out / probe.name), encoding="utf-8")
    store, path = (out / name for name in ("demo.db", f"{MODEL}.sigmodel"))
    parity = done.conversion.report
    if parity is None:
        raise ConversionError("a network that was trained here was not compared with its conversion")
    return Demonstration(
        model=MODEL,
        signatures=len(done.training),
        writers=len(done.training.writers),
        train_s=round(done.train_s, 1),
        people=len({each.writer for each in done.shown}),
        references=REFERENCES,
        fmr=policy.fmr,
        strokes=count(done.shown, {MODEL: done.verified.accepted, SHIPPED: by_report[SHIPPED]}),
        pictures=done.pictures,
        pictured_people=done.pictured_people,
        differing=sum(done.verified.accepted[key] is not found for key, found in by_report[MODEL].items()),
        eer={name: _eers(report) for name, report in done.reports.items()},
        network_bytes=parity.network_bytes,
        network_bytes_float32=parity.network_bytes_float32,
        eer_fit=parity.eer,
        eer_fit_float32=parity.eer_float32,
        enroll_ms=done.verified.enroll_ms,
        verify_ms=done.verified.verify_ms,
        verify=f"sigverify verify --store {store} --model {path} --user {writer} {out / probe.name}",
        evaluate=f"sigverify evaluate {path} --corpus {done.synthetic} --protocol {PROTOCOL.name} "
        f"--references {REFERENCES}",
        files=files,
    )


def _require_packages() -> None:
    """Say what is missing before anything is done."""
    for name in _NEEDED:
        if find_spec(name) is None:
            raise MissingExtra(f"{name} is not installed", hint="pip install 'sigverify[train-cpu]'")


@contextmanager
def _new_folder(out: Path, *, replace_old: bool) -> Iterator[Path]:
    """Yield a folder that takes the place of `out` once all is in it.

    Raises:
        ConfigError: see `demonstrate`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not _made_by_a_demo(out):
            raise ConfigError(
                f"{out} is not empty, and no demo made it",
                expected="a new folder",
                hint="Name another with --out",
            )
        if not replace_old:
            raise ConfigError(
                f"{out} is not empty: it holds an earlier demo",
                expected="a new folder",
                hint="Replace it with --force, or name another with --out",
            )
    fresh = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if out.exists():
            shutil.rmtree(out)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _made_by_a_demo(out: Path) -> bool:
    try:
        return (out / _MARK).read_text(encoding="utf-8").startswith(_TITLE)
    except (OSError, UnicodeDecodeError):
        return False


def _about(files: dict[str, str], training: Path, probe: Path) -> str:
    """Return what the folder says of itself."""
    rows = {path: what for what, path in files.items()} | {
        str(probe): "a signature to verify",
        str(training): "the trained network, as `sigverify convert` takes it",
    }
    width = max(map(len, rows))
    lines = (f"{path:{width}}  {what}\n" for path, what in rows.items())
    return f"{_TITLE} Nobody's signatures; delete the folder when you like.\n\n{''.join(lines)}"


def _corpora(scale: Scale, seed: int) -> tuple["Corpus", "Corpus", str]:
    """Return people to train on, others to test with, and what `--corpus` calls the latter."""
    from sigverify.corpora.synthetic import SyntheticConfig, synthesize

    base = SyntheticConfig(
        writers=scale.writers, genuine=scale.signatures, skilled=scale.signatures, seed=seed
    )
    others = replace(
        base, writers=scale.test_writers, genuine=SITTING * SITTINGS, sessions=SITTINGS, seed=seed + 1
    )
    name = (
        f"synthetic:writers={others.writers},genuine={others.genuine},"
        f"skilled={others.skilled},seed={others.seed}"
    )
    return synthesize(base), synthesize(others), name


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


def _convert(folder: Path) -> "Conversion":
    import converter

    done = converter.convert(folder / TRAINING_NAME, precision="int8", name=MODEL)
    done.model.write(folder / f"{MODEL}.sigmodel")
    return done


@dataclass(frozen=True, kw_only=True)
class _Verified:
    """Decisions, and median latencies."""

    decisions: "dict[Any, Decision]"
    enroll_ms: float
    verify_ms: float

    @property
    def accepted(self) -> dict[Any, bool]:
        return {key: decision.accepted for key, decision in self.decisions.items()}


def _verify(
    store: Path, model: "Model", test: "Corpus", shown: "Sequence[Try]", policy: "Policy"
) -> _Verified:
    """Enroll everybody with their first signatures, and show all others."""
    from sigverify.experiments.tries import enrolled
    from sigverify.verifier import Verifier

    with Verifier.open(store, model=model, policy=policy) as verifier:
        receipts = [
            verifier.enroll(writer, [each.capture for each in enrolled(test, writer)], quality="record")
            for writer in test.writers
        ]
        decisions = {each.key: verifier.verify(each.writer, each.sample.capture) for each in shown}
    return _Verified(
        decisions=decisions,
        enroll_ms=statistics.median(receipt.latency_ms for receipt in receipts),
        verify_ms=statistics.median(decision.latency_ms or 0.0 for decision in decisions.values()),
    )


def _verify_pictures(folder: Path, scans: "Corpus", policy: "Policy") -> "tuple[Count, ...]":
    """Do the same with pictures; their store is not kept."""
    from sigverify.experiments.tries import count, tries
    from sigverify.model_file import Model

    store = folder / "pictures.db"
    shown = list(tries(scans, SITTING))
    verified = _verify(store, Model.read(PICTURE_MODEL), scans, shown, policy)
    for path in folder.glob(f"{store.name}*"):  # its log, too
        path.unlink()
    return count(shown, {PICTURE_MODEL: verified.accepted})


def _write_probe(folder: Path, shown: "Sequence[Try]", verified: _Verified) -> tuple[str, Path]:
    """Write the genuine signature that is most alike; return whose it is, and where."""
    from sigverify.experiments.tries import TryKind
    from sigverify.formats import plain_csv

    own = [each for each in shown if each.kind is TryKind.SAME_SITTING]
    best = max(own, key=lambda each: verified.decisions[each.key].score or 0.0)
    path = folder / f"{best.writer}-{best.sample.number}.csv"
    path.write_bytes(plain_csv.encode(best.sample.capture))
    return best.writer, path


def _measure(model: "Model", test: "Corpus") -> "Report":
    from sigverify.evaluation import SdkSystem, evaluate
    from sigverify.experiments.tries import PROTOCOL, REFERENCES
    from sigverify.matcher import Matcher

    return evaluate(SdkSystem(Matcher.open(model)), test, references=(REFERENCES,), protocol=PROTOCOL)


def _trials(report: "Report") -> Any:
    if report.trials is None:
        raise ConfigError("a report without its trials", expected="one that was measured, not read")
    return report.trials


def _eers(report: "Report") -> dict[str, tuple[float, float, float]]:
    from sigverify.experiments.tries import REFERENCES

    found = report.condition(REFERENCES).impostors
    return {
        kind.value: (round(its.eer.mean, 6), round(its.eer.low, 6), round(its.eer.high, 6))
        for kind, its in found.items()
    }


def _write_report(reports: "list[Report]", test: "Corpus", folder: Path) -> Path:
    from sigverify.evaluation.page.folder import publish
    from sigverify.plotting.learning_curves import History

    history = History.read(folder / TRAINING_NAME)
    return publish(reports, folder / "report", corpora=[test] * len(reports), history=history)


def _scans(test: "Corpus", writers: int) -> "Corpus":
    """Draw the signatures of the first writers as ink on paper."""
    from sigverify.corpora.rendered import render

    return render(test.select(test.writers[:writers]))


def _draw_examples(test: "Corpus", path: Path) -> Path:
    """Draw up to three writers: their own signature, another one, a forgery."""
    from sigverify.plotting.captures import plot_captures

    rows = [
        [(f"{writer}: {name}", sample.capture) for name, sample in _examples(test, writer)]
        for writer in test.writers[:3]
    ]
    return plot_captures(rows, path)


def _examples(test: "Corpus", writer: str) -> "list[tuple[str, Sample]]":
    first, second, *_ = test.genuine(writer)
    return [("genuine", first), ("genuine", second), ("skilled forgery", test.skilled(writer)[0])]
