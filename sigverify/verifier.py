"""`Verifier`: enrol people, verify and identify their signatures. Start reading here."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np

from sigverify.decision import Decision, Reason
from sigverify.embedding import embed
from sigverify.errors import EnrolmentError, MalformedTemplate, StoreError
from sigverify.matching import Embedding, References, distances, spread
from sigverify.model_file import Model
from sigverify.runtime import Embedder, Runtime
from sigverify.scoring import MAX_REFERENCES, Impostor, Scoring
from sigverify.search import Match, Searcher
from sigverify.signature import Signature
from sigverify.store import SqliteStore, Store
from sigverify.template import Template, check_user_id, stored

_log = logging.getLogger(__name__)


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
        self._searcher = Searcher(store, self._scoring)
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
        return self._searcher.search(embed(signature, self._embedder), top_k=top_k)

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

    def _compare(self, probe: Embedding, template: Template) -> float:
        return float(self._scoring.score(distances(probe, template.references), template.spread))


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
