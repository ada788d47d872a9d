"""`write_samples`: a handful of invented signature files to try commands on; `sigverify samples`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import ConfigError

if TYPE_CHECKING:
    from sigverify.corpora import Corpus

PEOPLE: Final = ("alice", "bob")
GENUINE: Final = 6
"""Five to enroll, and one to verify."""
FORGED: Final = 2
SEED: Final = 2026
"""Not the first that came: here `base` accepts all that is genuine and refuses all that is forged."""
PICTURES: Final = ("alice-1", "alice-2", "forged-alice-1")
ABOUT: Final = "samples.txt"
_ABOUT: Final = """\
Invented by `sigverify samples`: nobody's signatures, free for any use.

NAME-1.csv … NAME-6.csv   strokes, {people}; the first three of one day, the others of another
forged-NAME-1.csv …       somebody else's practiced attempts at that signature
*.png                     some of them once more, as scans of ink on paper

They were chosen: the models that ship are right about all of them. How often they are wrong: sigverify demo.

  sigverify enroll --store kiosk.db --user alice {folder}alice-[1-5].csv
  sigverify verify --store kiosk.db --user alice {folder}alice-6.csv
  sigverify verify --store kiosk.db --user alice {folder}forged-alice-1.csv
  sigverify compare {folder}alice-1.png {folder}alice-2.png
"""


def write_samples(out: Path) -> tuple[Path, ...]:
    """Write the files into a folder, all or none, and return their paths; nothing there is overwritten.

    They are the same wherever and whenever they are written.

    Raises:
        ConfigError: one of their names is taken.
        OSError: they cannot be written.
    """
    files = {out / name: content for name, content in _files(out)}
    if taken := sorted(path.name for path in files if path.exists()):
        raise ConfigError(
            f"{out} has a file {taken[0]} already",
            expected="none of the samples' names",
            hint="Name another folder with --out",
        )
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for path, content in files.items():
            written.append(path)
            path.write_bytes(content)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return tuple(sorted(files))


def write_person(out: Path, modality: str) -> tuple[Path, ...]:
    """Write the first person's own signatures, as strokes or ("image") pictures; return the paths."""
    from sigverify.corpora.rendered import render
    from sigverify.formats import plain_csv
    from sigverify.modality.image.png import to_png

    corpus = _invented()
    name = f"{PEOPLE[0]}-"
    if modality == "image":
        files = [(f"{each}.png", to_png(capture.grey)) for each, capture in _named(render(corpus))]
    else:
        files = [(f"{each}.csv", plain_csv.encode(capture)) for each, capture in _named(corpus)]
    mine = [(out / file, content) for file, content in files if file.startswith(name)]
    for path, content in mine:
        path.write_bytes(content)
    return tuple(path for path, _ in mine)


def _files(out: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each."""
    from sigverify.corpora.rendered import render
    from sigverify.formats import plain_csv
    from sigverify.modality.image.png import to_png

    corpus = _invented()
    folder = "" if out == Path() else f"{out}/"
    yield ABOUT, _ABOUT.format(people=" and ".join(PEOPLE), folder=folder).encode()
    for name, capture in _named(corpus):
        yield f"{name}.csv", plain_csv.encode(capture)
    for name, capture in _named(render(corpus)):
        if name in PICTURES:
            yield f"{name}.png", to_png(capture.grey)


def _invented() -> "Corpus":
    from sigverify.corpora.synthetic import SyntheticConfig, synthesize

    return synthesize(
        SyntheticConfig(
            writers=len(PEOPLE), genuine=GENUINE, skilled=FORGED, sessions=2, skill_min=0.5, seed=SEED
        )
    )


def _named(corpus: "Corpus") -> Iterator[tuple[str, Any]]:
    for person, writer in zip(PEOPLE, corpus.writers, strict=True):
        for sample in corpus.genuine(writer):
            yield f"{person}-{sample.number}", sample.capture
        for sample in corpus.skilled(writer):
            yield f"forged-{person}-{sample.number}", sample.capture
