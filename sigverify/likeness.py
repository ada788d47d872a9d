"""`similarity`: whether two captures are by one hand. No store, no key and no user; nothing is kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sigverify.card import Tone, card
from sigverify.decision import Outcome, Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.candidates import Candidates
from sigverify.enrollment.enroller import Screening, screening_of
from sigverify.errors import ConfigError, InvalidSignature
from sigverify.image_model import DEFAULT as DEFAULT_IMAGE_MODEL
from sigverify.image_model import MODALITY as PICTURES
from sigverify.matcher import Matcher
from sigverify.matching.aspect import Aspect
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.scoring import MAX_REFERENCES, Impostor
from sigverify.modality.quality import Flaw
from sigverify.modality.registry import modality_of
from sigverify.model_file import Model
from sigverify.policy import Profile
from sigverify.policy.fusion import Thresholds, rate_of, score_at
from sigverify.policy.profile import false_match_rate
from sigverify.runtime.interpreters import Runtime
from sigverify.template import stored
from sigverify.words import phrase, preferred_language, sentence

DEFAULT_MODEL: Final = "base"
"""The model of strokes that ships."""
_ENOUGH: Final = 5
"""References from which on more of them change little."""

_FILES: Final = (str, os.PathLike, bytes, bytearray, memoryview)
"""What `read_capture` reads."""


class Worth(StrEnum):
    """What so many references are worth; `words.sentence` says it."""

    ONE = "one"
    """Nothing shows how much that person's signatures vary."""
    FEW = "few"
    ENOUGH = "enough"


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """How alike a capture is to others by one person; true where `Profile.BALANCED` would accept it.

    Attributes:
        kind: of the captures, the name of their modality ("pen", "image").
        references: how many the first one was compared with, each counted once.
        impostor: whom rates count.
        score: 0 to 1; None where a capture is too poor, and nothing was compared.
        thresholds: (fmr, score to reach), …, of the model for so many references; fmr falling.
        unlike: of what the strictest profile would not accept, what sets it apart, the worst first.
        missing: what was not compared, since the device of one of them does not sense it.
        flaws: of each capture, the first one and then the references, what makes it too poor; None: nothing.
        copy: whether the first capture is one of the others once more, which tells nothing of who signed.
    """

    kind: str
    references: int
    impostor: Impostor
    score: float | None
    thresholds: Thresholds
    unlike: tuple[Aspect, ...] = ()
    missing: tuple[Aspect, ...] = ()
    flaws: tuple[Flaw | None, ...] = ()
    copy: bool = False

    def __bool__(self) -> bool:
        return self._reaches(Profile.BALANCED.fmr)

    @property
    def rate(self) -> float | None:
        """The false-match rate at which it would just be accepted, not below those of the model."""
        if self.score is None:
            return None
        return max(rate_of(self.score, self.thresholds), self.thresholds[-1][0])

    def rate_in_words(self, language: str) -> str:
        """Say at which false-match rate it would be accepted; only where something was compared."""
        lowest, highest_score = self.thresholds[-1]
        is_beyond = self.score is not None and self.score > highest_score
        rate = lowest if is_beyond or self.rate is None else self.rate
        name = "accepted_still" if is_beyond else "just_accepted"
        return phrase(name, language=language, rate=f"{100 * rate:.3g}")

    @property
    def note(self) -> Worth:
        """What so many references are worth."""
        if self.references == 1:
            return Worth.ONE
        return Worth.FEW if self.references < _ENOUGH else Worth.ENOUGH

    def threshold(self, rate: float | str) -> float:
        """Return the score to reach at a false-match rate, or at the rate of a profile of that name.

        Raises:
            ConfigError: no rate, or one that the model was not calibrated for.
        """
        asked = false_match_rate(rate)
        highest, lowest = self.thresholds[0][0], self.thresholds[-1][0]
        if not lowest <= asked <= highest:
            raise ConfigError(
                "false-match rate outside the model's calibration",
                expected=f"{lowest:g} to {highest:g}",
                received=str(rate)[:40],
            )
        return score_at(asked, self.thresholds)

    def same_writer_at(self, rate: float | str) -> bool:
        """Whether they pass for one hand's at a false-match rate; never where one is a copy, or too poor.

        Raises:
            ConfigError: see `threshold`.
        """
        return self.score is not None and not self.copy and self.score >= self.threshold(rate)

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it."""
        return {
            "kind": self.kind,
            "references": self.references,
            "impostor": self.impostor.value,
            "score": self.score,
            "rate": self.rate,
            "same_writer": {profile.value: self._reaches(profile.fmr) for profile in Profile},
            "unlike": [aspect.value for aspect in self.unlike],
            "missing": [aspect.value for aspect in self.missing],
            "flaws": [None if flaw is None else flaw.value for flaw in self.flaws],
            "copy": self.copy,
            "note": self.note.value,
        }

    def _repr_html_(self) -> str:
        """Show in a notebook what `sigverify compare` says, at `Profile.BALANCED`."""
        language = preferred_language()
        outcome, reason = self._answer()
        lines = []
        if self.score is not None:
            shown = {"score": f"{self.score:.3g}"}
            threshold = score_at(Profile.BALANCED.fmr, self.thresholds)
            lines.append(phrase("score", language=language, threshold=f"{threshold:.3g}", **shown))
        if self.rate is not None and not self.copy:
            lines.append(self.rate_in_words(language))
        for name, aspects in (("unlike", self.unlike), ("missing", self.missing)):
            if aspects:
                named = ", ".join(sentence(aspect, language=language) for aspect in aspects)
                lines.append(phrase(name, language=language, aspects=named))
        if self.score is not None and not self.copy:
            lines.append(sentence(self.note, language=language))
        tone = Tone.YES if outcome else Tone.NO
        title, why = (sentence(each, language=language) for each in (outcome, reason))
        return card(tone, title, why, lines, language=language)

    def _answer(self) -> tuple[Outcome, StrEnum]:
        """Return the outcome at `Profile.BALANCED`, and why."""
        if self:
            return Outcome.ACCEPT, Reason.ALIKE
        if self.score is None:
            return Outcome.REJECT, next((flaw for flaw in self.flaws if flaw is not None), Reason.POOR)
        return Outcome.REJECT, Reason.REPLAY if self.copy else Reason.UNLIKE

    def _reaches(self, rate: float) -> bool:
        """Whether a rate would accept it, also one that the model was not calibrated for."""
        return self.score is not None and not self.copy and self.score >= score_at(rate, self.thresholds)


def similarity(
    probe: object,
    references: object,
    *,
    model: str | Path | Model | Matcher | None = None,
    image_model: str | Path | Model = DEFAULT_IMAGE_MODEL,
    runtime: Runtime | str = Runtime.AUTO,
    impostor: Impostor | str = Impostor.SKILLED,
    quality: Screening | str = Screening.ENFORCE,
) -> Similarity:
    """Say how alike a capture is to another one, or to several by one person.

    Each is a `Signature`, a `SignatureImage`, or what `read_capture` reads one from: a path, or bytes. Only
    the model of their kind is opened, anew with each call; for many calls pass a `Matcher`, or use
    `Verifier.similarity`.

    Args:
        probe: the capture in question.
        references: a capture, or a sequence of up to `MAX_REFERENCES`.
        model: what compares strokes; of another kind, or a `Matcher`, what compares captures of that kind.
        image_model: what compares pictures, where `model` does not.
        runtime: what computes.
        impostor: whom rates count.
        quality: of references: "enforce" counts copies once and refuses several hands; "record" takes any.

    Raises:
        InvalidSignature: no captures, captures of different kinds, or references of different hands.
        FormatError: a file that cannot be read.
        ConfigError: no references, too many of them, or no model for captures of this kind.
        ModelError, RuntimeUnavailable: what is wrong with the model, and what to do.

    >>> similarity("a.csv", "b.csv").same_writer_at("strict")                # doctest: +SKIP
    False
    """
    captures = read_captures(probe, references)
    matcher = _open(modality_of(captures[0]).name, model, image_model, runtime)
    return compare(matcher, captures, impostor=impostor, quality=quality)


def read_captures(probe: object, references: object) -> list[object]:
    """Return captures of one kind, read where they are files: that in question, then its references.

    Raises:
        InvalidSignature, FormatError, ConfigError: see `similarity`.
    """
    # Only here: it knows pictures too, which a device of strokes alone never loads.
    from sigverify.formats import read_capture

    several = isinstance(references, Sequence) and not isinstance(references, _FILES)
    others = list(references) if several and isinstance(references, Sequence) else [references]
    if not 1 <= len(others) <= MAX_REFERENCES:
        raise ConfigError(
            "number of references", expected=f"1 to {MAX_REFERENCES}", received=str(len(others))
        )
    captures = [read_capture(each) if isinstance(each, _FILES) else each for each in (probe, *others)]
    kinds = [modality_of(each).name for each in captures]
    if len(set(kinds)) > 1:
        raise InvalidSignature(
            "captures of different kinds cannot be compared",
            expected="strokes with strokes, pictures with pictures",
            received=", ".join(kinds),
        )
    return captures


def compare(
    matcher: Matcher,
    captures: Sequence[object],
    *,
    impostor: Impostor | str = Impostor.SKILLED,
    quality: Screening | str = Screening.ENFORCE,
) -> Similarity:
    """Compare the first of `read_captures` with the others, as `Verifier.verify` does.

    Raises:
        InvalidSignature: not of the kind that the matcher takes, or references of different hands.
        ConfigError: an unknown impostor, or one that the model knows nothing of.
    """
    counted, screening = _impostor(impostor), screening_of(quality)
    count = len(captures) - 1
    wrong = next((each for each in captures if not isinstance(each, matcher.modality.capture)), None)
    if wrong is not None:
        matcher.embed(wrong)  # raises, and says what is expected
    flaws = tuple(matcher.modality.unfit(each) for each in captures)
    if any(flaws):
        table = matcher.scoring.row(count).table(counted)
        return Similarity(
            kind=matcher.modality.name,
            references=count,
            impostor=counted,
            score=None,
            thresholds=table,
            flaws=flaws,
        )
    if screening is Screening.ENFORCE and count > 1:
        others = _of_one_hand(matcher, captures[1:])
        count = len(others)
    else:
        others = [matcher.embed(each) for each in captures[1:]]
    probe = matcher.embed(captures[0])
    references = stored(matcher.common(References.stack(others)))
    spread = matcher.spread(references)
    compared = matcher.compare(probe, references, spread)
    # Only the thresholds for strangers are raised where these come near, and asking takes long.
    strangers = matcher.strangers(references, spread) if counted is Impostor.RANDOM else None
    table = matcher.scoring.row(count, reduced=compared.reduced, strangers=strangers).table(counted)
    score, copy = matcher.score_of(compared), matcher.is_copy(compared.distances, probe, references)
    sure = copy or score >= score_at(Profile.STRICT.fmr, table)
    return Similarity(
        kind=matcher.modality.name,
        references=count,
        impostor=counted,
        score=score,
        thresholds=table,
        unlike=() if sure else matcher.unlike(probe, references),
        missing=tuple(a for a, column in matcher.modality.optional.items() if compared.lacking[column]),
        flaws=flaws,
        copy=copy,
    )


def _of_one_hand(matcher: Matcher, references: Sequence[object]) -> list[Embedding]:
    """Embed the references, each once: a copy would say that their writer never varies.

    Raises:
        InvalidSignature: they are of more hands than one, so that each of these would be taken for the other.
    """
    candidates = Candidates(matcher)
    for reference in references:
        candidates.add(reference)
    reasons = candidates.reasons
    odd = [str(number) for number, reason in enumerate(reasons, start=1) if reason is AdditionReason.UNLIKE]
    if odd:
        raise InvalidSignature(
            "the references are not by one hand",
            expected="signatures of one person",
            received=f"number {', '.join(odd)} of {len(references)} unlike the others",
            hint='Leave it out, or take any set with quality="record" (--quality record)',
        )
    return [
        each
        for each, reason in zip(candidates.embeddings, reasons, strict=True)
        if reason is not AdditionReason.COPY
    ]


def _impostor(asked: Impostor | str) -> Impostor:
    try:
        return Impostor(asked)
    except ValueError:
        raise ConfigError(
            "unknown impostor", expected=f"one of {', '.join(Impostor)}", received=str(asked)[:40]
        ) from None


def _open(
    kind: str,
    model: str | Path | Model | Matcher | None,
    image_model: str | Path | Model,
    runtime: Runtime | str,
) -> Matcher:
    """Open the one model that takes captures of a kind; a default of another kind is not even read."""
    if isinstance(model, Matcher):
        chosen = model.model
    elif model is None and kind == PICTURES:
        chosen = _read(image_model)
    else:
        chosen = _read(DEFAULT_MODEL if model is None else model)
        if kind == PICTURES != chosen.manifest.modality:
            chosen = _read(image_model)
    if chosen.manifest.modality != kind:
        raise ConfigError(
            "the model takes captures of another kind",
            expected=f"one of modality {kind}",
            received=f"{chosen.manifest.name!r} of modality {chosen.manifest.modality}",
        )
    return model if isinstance(model, Matcher) else Matcher.open(chosen, runtime=runtime)


def _read(source: str | Path | Model) -> Model:
    return source if isinstance(source, Model) else Model.read(source)
