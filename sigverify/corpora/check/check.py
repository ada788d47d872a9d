"""`check_corpus`: all that can be told of a corpus before anything is trained or measured on it."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from sigverify.corpora.about import About
from sigverify.corpora.check.clocks import Clocks, time
from sigverify.corpora.check.copies import Copies, copies
from sigverify.corpora.check.counts import Counts, count
from sigverify.corpora.check.finding import MAX_SAMPLES, Finding, Severity, Token
from sigverify.corpora.check.fitness import unfit
from sigverify.corpora.check.leaks import leaks
from sigverify.corpora.check.pictures import Pictures, look
from sigverify.corpora.check.pressure import Pressures, press
from sigverify.corpora.check.repetitions import Odd, repetitions
from sigverify.corpora.check.size import Sizes, size
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Progress, Subject, silent
from sigverify.corpora.corpus import Corpus
from sigverify.corpora.folder import Problem, Survey, Trouble, survey_folder
from sigverify.corpora.registry import FOLDER, expanded, open_corpus
from sigverify.corpora.split_file import SplitFile, is_split_file
from sigverify.errors import CorpusError

VERSION: Final = 1
"""Of `Check.to_dict`."""

TROUBLES: Final[Mapping[Trouble, tuple[Token, str]]] = {
    Trouble.UNREADABLE: (Token.UNREADABLE, "Files that cannot be read"),
    Trouble.MISPLACED: (Token.MISPLACED, "Files that lie where no signature is looked for"),
    Trouble.DOUBLED: (Token.DOUBLED, "Files whose place in the corpus another one has"),
    Trouble.OTHER_KIND: (Token.OTHER_KIND, "Pictures among strokes, or strokes among pictures"),
}
_ORDER: Final = tuple(Severity)


@dataclass(frozen=True, kw_only=True, eq=False)
class Check:
    """What was found.

    Attributes:
        name: of the corpus.
        about: what the corpus says of itself.
        fingerprint: `Corpus.fingerprint`; "" where no signature could be read.
        modality: what the captures are of; "" likewise.
        counts, sizes, copies: figures; None where no signature could be read.
        clocks, pressure: of strokes alone.
        pictures: of pictures alone.
        repetitions: how far a writer's genuine signatures lie apart, medians of writers.
        oddest: genuine signatures that are least like their writer's others.
        findings: what is wrong or to be known, the worst first.
        against: the name of what it was compared with; "" nothing.
        problems: the files that are not part of the corpus, each with its error.
    """

    name: str
    about: About
    findings: tuple[Finding, ...]
    fingerprint: str = ""
    modality: str = ""
    counts: Counts | None = None
    clocks: Clocks | None = None
    pressure: Pressures | None = None
    pictures: Pictures | None = None
    sizes: Sizes | None = None
    copies: Copies | None = None
    repetitions: Spread | None = None
    oddest: tuple[Odd, ...] = ()
    against: str = ""
    problems: tuple[Problem, ...] = ()

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings that are so bad."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def __bool__(self) -> bool:
        """Whether nothing is wrong with it, warnings and notes apart."""
        return not self.of(Severity.ERROR)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; without any capture."""
        figures = ("counts", "clocks", "pressure", "pictures", "sizes", "copies", "repetitions")
        return {
            "format": "sigverify-corpus-check",
            "version": VERSION,
            "name": self.name,
            "licence_note": self.about.licence_note,
            "forgers": self.about.forgers,
            "sessions": self.about.sessions,
            "fingerprint": self.fingerprint,
            "modality": self.modality,
            "against": self.against,
            "ok": bool(self),
            **{
                name: None if getattr(self, name) is None else asdict(getattr(self, name)) for name in figures
            },
            "oddest": [{"name": odd.name, "writer": odd.writer, "times": odd.times} for odd in self.oddest],
            "findings": [finding.to_dict() for finding in self.findings],
            "files": [
                {"file": each.file, "trouble": each.trouble.value, "error": str(each.error)}
                for each in self.problems[:MAX_SAMPLES]
            ],
        }


def check_corpus(
    source: str | os.PathLike[str] | Corpus,
    *,
    against: str | os.PathLike[str] | Corpus | None = None,
    progress: Progress = silent,
) -> Check:
    """Check a corpus, and perhaps what it shares with another one.

    Args:
        source: a folder or zip file of the folder layout, of which every file is looked at; whatever else
            `open_corpus` takes, which must be readable as a whole; or a corpus.
        against: a corpus that shall share nothing with it, named in the same ways; or a split file, whose two
            sides shall share nothing.
        progress: told how far it is.

    Raises:
        CorpusError: nothing there, no such corpus, or a split file of another one.
        MissingExtra: scikit-learn is not installed.
    """
    survey = _survey(source)
    findings = _troubles(survey)
    if survey.corpus is None:
        words = "There is no signature at all that can be read."
        findings.append(Finding.of(Token.NO_SIGNATURES, Severity.ERROR, words))
        return Check(
            name=survey.about.name, about=survey.about, findings=tuple(findings), problems=survey.problems
        )
    subject = Subject(survey.corpus, survey.files, progress)
    other = None if against is None else _other(subject, against)
    checked = _figures(subject, survey.about, findings)
    if other is not None:
        one, its, name = other
        findings = [*checked.findings, *leaks(one, its)]
        checked = replace(checked, findings=tuple(findings), against=name)
    return replace(
        checked,
        problems=survey.problems,
        findings=tuple(sorted(checked.findings, key=lambda each: _ORDER.index(each.severity))),
    )


def _figures(subject: Subject, about: About, findings: list[Finding]) -> Check:
    """Run all checks, those first that need what may not be installed."""
    corpus = subject.corpus

    def take(found: "tuple[Any, list[Finding]]") -> Any:
        figures, said = found
        findings.extend(said)
        return figures

    counts, sizes = take(count(subject)), take(size(subject))
    clocks, pressure = (take(measure(subject)) if subject.pen else None for measure in (time, press))
    findings += unfit(subject)
    pictures = None if subject.pen else look(subject)
    repeated = repetitions(subject)
    copied = take(copies(subject, repeated.usual))
    return Check(
        name=corpus.name,
        about=about,
        findings=tuple(findings),
        fingerprint=corpus.fingerprint,
        modality=subject.modality.name,
        counts=counts,
        clocks=clocks,
        pressure=pressure,
        pictures=pictures,
        sizes=sizes,
        copies=copied,
        repetitions=repeated.spread,
        oddest=repeated.oddest,
    )


def _survey(source: str | os.PathLike[str] | Corpus) -> Survey:
    if isinstance(source, Corpus):
        return _whole(source)
    name, _, path = os.fspath(source).partition("=")
    if Path(source).exists():
        return survey_folder(source)
    if name.strip() == FOLDER and path.strip():
        return survey_folder(expanded(path.strip()))
    return _whole(open_corpus(os.fspath(source)))


def _whole(corpus: Corpus) -> Survey:
    about = corpus.about or About(licence_note=corpus.licence_note)
    return Survey(about=about, corpus=corpus, files={}, problems=())


def _troubles(survey: Survey) -> list[Finding]:
    """Sum up what is wrong with single files: one finding a trouble, with the error of the first."""
    found = []
    for trouble, (token, words) in TROUBLES.items():
        if problems := [problem for problem in survey.problems if problem.trouble is trouble]:
            said = f"{words}. Of the first: {problems[0].error}"
            found.append(Finding.of(token, Severity.ERROR, said, (each.file for each in problems)))
    return found


def _other(subject: Subject, against: str | os.PathLike[str] | Corpus) -> tuple[Subject, Corpus, str]:
    """Return what is compared, with what, and the name of the other."""
    if not isinstance(against, Corpus) and is_split_file(against):
        split = SplitFile.read(against)
        train, held_out = split.sides(subject.corpus)
        return Subject(train, subject.files, subject.progress), held_out, os.fspath(against)
    its = _survey(against).corpus
    if its is None:
        raise CorpusError(f"no signatures in {against!r}", expected="a corpus to compare with")
    return subject, its, its.name
