"""`Verifier`: enrol people, verify and identify their signatures. Start reading here."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.errors import ConfigError, EnrolmentError, MalformedTemplate, StoreError, UnknownUser
from sigverify.features import DYNAMICS, clean_duration_ms, features
from sigverify.matching import Embedding, References, distances, spread
from sigverify.model_file import Model
from sigverify.runtime import Embedder, Output, Runtime
from sigverify.scoring import MAX_REFERENCES, Impostor, Scoring
from sigverify.signature import Signature
from sigverify.store import Gallery, SqliteStore, Store
from sigverify.template import Template, check_user_id, stored

SHORTLIST: Final = 20
"""People whom `identify` compares in full, at least; the rest are ruled out by their vectors alone."""

_log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a probe was accepted or rejected, in words for an audit log."""

    ALIKE = "the score reaches the threshold"
    UNLIKE = "the score is below the threshold"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer to one probe.

    Attributes:
        accepted: `score >= threshold`.
        score: likeness to the references, 0 to 1.
        threshold: of the false-match rate asked for, global (the same for every writer).
        reason: why.
        latency_ms: from the call to the answer.
    """

    accepted: bool
    score: float
    threshold: float
    reason: Reason
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What became of one enrolment.

    Attributes:
        user_id: who.
        references: how many signatures were taken.
        template_bytes: size of what is stored.
        model_id: of the model that the template is bound to.
        latency_ms: from the call until it was safely stored.
    """

    user_id: str
    references: int
    template_bytes: int
    model_id: str
    latency_ms: float


@dataclass(frozen=True)
class Match:
    """One person found by `Verifier.identify`, with the score that `Verifier.score` would give."""

    user_id: str
    score: float


class Verifier:
    """Enrols, verifies and identifies by one model and one store. Any thread may call any method.

    >>> with Verifier.open("kiosk.db") as verifier:                          # doctest: +SKIP
    ...     verifier.enroll("alice", references)
    ...     verifier.verify("alice", probe, fmr=0.01).accepted
    True
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        """Put the parts together; `Verifier.open` does it from a path.

        Raises:
            StoreError: the store holds templates of another model.
        """
        self.store = store
        self.model = embedder.model
        self._embedder = embedder
        self._scoring = Scoring.of(self.model.manifest.scoring)
        self._gallery_lock = threading.Lock()
        self._gallery: tuple[int, Gallery] | None = None
        bound = store.model_id
        if bound not in (None, self.model.id):
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {self.model.id} ({self.model.manifest.name})",
                hint="Open it with the model it was enrolled with, or enrol into a new store",
            )

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        model: str | Path | Model = "base",
        runtime: Runtime | str = Runtime.AUTO,
        threads: int = 1,
        create: bool = True,
    ) -> Self:
        """Open the store at `path` (":memory:" for one that ends with the process) with a model.

        Args:
            path: the store; made when there is none.
            model: a `Model`, a .sigmodel file, or the name of a model that ships.
            runtime: what runs the network; `AUTO` takes the first that is installed.
            threads: CPU threads for the network.
            create: make the store when there is none; otherwise that is an error.

        Raises:
            ModelError, RuntimeUnavailable, StoreError, ConfigError: what is wrong, and what to do.
        """
        loaded = model if isinstance(model, Model) else Model.read(model)
        embedder = Embedder.open(loaded, runtime=runtime, threads=threads)
        store = SqliteStore(path, create=create)
        try:
            return cls(store, embedder)
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        """Return this verifier."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def __repr__(self) -> str:
        """Name the model."""
        return f"<Verifier with {self.model!r}>"

    def enroll(self, user_id: str, signatures: Iterable[Signature], *, replace: bool = False) -> Enrolment:
        """Keep the embeddings of a person's genuine signatures, wholly or not at all.

        One signature works, five are much better; `MAX_REFERENCES` is the most.

        Raises:
            EnrolmentError: no signatures, too many, or the same capture twice.
            AlreadyEnrolled: the user is there and `replace` is False.
            StoreError: the store cannot be written.
        """
        start = time.perf_counter()
        check_user_id(user_id)
        given = list(signatures)
        if not 1 <= len(given) <= MAX_REFERENCES:
            raise EnrolmentError(
                "wrong number of references", expected=f"1 to {MAX_REFERENCES}", received=str(len(given))
            )
        references = stored(References.stack([embed(signature, self._embedder) for signature in given]))
        _refuse_copies(references)
        template = Template(
            user_id=user_id,
            model_id=self.model.id,
            references=references,
            spread=spread(references),
            created=datetime.now(UTC),
        )
        self.store.put(template, replace=replace)
        _log.info("enrolled a user with %d references", len(template))
        return Enrolment(
            user_id=user_id,
            references=len(template),
            template_bytes=len(template.to_bytes()),
            model_id=self.model.id,
            latency_ms=_since(start),
        )

    def verify(
        self,
        user_id: str,
        signature: Signature,
        *,
        fmr: float = 0.01,
        impostor: Impostor | str = Impostor.SKILLED,
    ) -> Decision:
        """Decide whether `signature` is that person's.

        Args:
            user_id: whose it is claimed to be.
            signature: the probe.
            fmr: the false-match rate to allow: 0.01 lets one impostor in a hundred in.
            impostor: whom that rate counts.

        Raises:
            UnknownUser: nobody of that id is enrolled.
            ConfigError: the model has no threshold for that rate.
        """
        start = time.perf_counter()
        template = self._template(user_id)
        threshold = self._scoring.threshold(fmr, impostor=impostor, references=len(template))
        score = self._compare(embed(signature, self._embedder), template)
        accepted = score >= threshold
        return Decision(
            accepted=accepted,
            score=score,
            threshold=threshold,
            reason=Reason.ALIKE if accepted else Reason.UNLIKE,
            latency_ms=_since(start),
        )

    def score(self, user_id: str, signature: Signature) -> float:
        """Return the likeness of `signature` to that person's references, 0 to 1.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        template = self._template(user_id)
        return self._compare(embed(signature, self._embedder), template)

    def identify(self, signature: Signature, *, top_k: int = 5) -> list[Match]:
        """Find the people whose references are most like `signature`, best first.

        Vectors rule out all but a shortlist, and those are compared in full, as `score` does.

        Raises:
            ConfigError: `top_k` is less than 1.
        """
        if top_k < 1:
            raise ConfigError("top_k out of range", expected="at least 1", received=str(top_k))
        probe = embed(signature, self._embedder)
        shortlist = _nearest(self._current_gallery(), probe.vector, max(SHORTLIST, 2 * top_k))
        matches = self._rank(probe, self._templates(shortlist))
        return sorted(matches, key=lambda match: (-match.score, match.user_id))[:top_k]

    def users(self) -> tuple[str, ...]:
        """Return the ids of all enrolled, sorted."""
        return self.store.users()

    def forget(self, user_id: str) -> None:
        """Delete a person's references for good.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        self.store.delete(user_id)
        _log.info("forgot a user")

    def close(self) -> None:
        """Close the store; closing twice is fine."""
        self.store.close()

    def _template(self, user_id: str) -> Template:
        template = self.store.get(user_id)
        if template.model_id != self.model.id:
            raise MalformedTemplate(
                "a template of another model",
                expected=self.model.id,
                received=template.model_id,
                hint="Enrol again",
            )
        return template

    def _templates(self, user_ids: Iterable[str]) -> list[Template]:
        """Read the templates of those who are still enrolled: another process may just have forgotten one."""
        templates = []
        for user_id in user_ids:
            with contextlib.suppress(UnknownUser):
                templates.append(self._template(user_id))
        return templates

    def _compare(self, probe: Embedding, template: Template) -> float:
        return float(self._scoring.score(distances(probe, template.references), template.spread))

    def _rank(self, probe: Embedding, templates: Sequence[Template]) -> list[Match]:
        """Score each template as `_compare` does, with all their references matched in one go."""
        if not templates:
            return []
        apart = distances(probe, References.join([template.references for template in templates]))
        ends = np.cumsum([len(template) for template in templates])
        return [
            Match(template.user_id, float(self._scoring.score(own, template.spread)))
            for template, own in zip(templates, np.split(apart, ends[:-1]), strict=True)
        ]

    def _current_gallery(self) -> Gallery:
        """Return the store's gallery, read again only after a change by any process."""
        with self._gallery_lock:
            revision = self.store.revision()
            if self._gallery is None or self._gallery[0] != revision:
                self._gallery = (revision, self.store.gallery())
            return self._gallery[1]


def embed(signature: Signature, embedder: Embedder) -> Embedding:
    """Embed one signature, exactly as enrolment and verification do."""
    values = features(signature)
    return assemble(values, embedder.run(values), clean_duration_ms(signature))


def assemble(values: npt.NDArray[np.float32], output: Output, duration_ms: float) -> Embedding:
    """Put together what is kept of a signature: its features `(t, c)`, the network's output, its duration."""
    return Embedding.from_floats(values[:, :DYNAMICS], output.sequence, output.vector, duration_ms)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _refuse_copies(references: References) -> None:
    """The same capture twice would claim a writer without any variation."""
    times, dynamics = references.duration_ms, references.dynamics
    for one, other in combinations(range(len(references)), 2):
        if times[one] == times[other] and np.array_equal(dynamics[one], dynamics[other]):
            raise EnrolmentError(
                f"references {one + 1} and {other + 1} are one capture",
                expected="each signature written anew",
                hint="Leave one of them out",
            )


def _nearest(gallery: Gallery, vector: npt.NDArray[np.float32], count: int) -> list[str]:
    """Return the `count` users with a reference of the highest cosine to `vector`, in any order."""
    if not gallery.user_ids:
        return []
    best = np.maximum.reduceat(gallery.vectors @ vector, gallery.starts)
    count = min(count, len(best))
    return [gallery.user_ids[index] for index in np.argpartition(-best, count - 1)[:count]]
