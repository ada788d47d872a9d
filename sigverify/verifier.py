"""`Verifier`: enroll people, verify and identify their signatures. Start reading here."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, Self

from sigverify import administration
from sigverify.arrays import Float32Array
from sigverify.audit import AuditLog, Event
from sigverify.decision import Decision, Reason, confidence
from sigverify.enrollment.enrollment import (
    DEFAULT_REFERENCES,
    Candidates,
    Enrollment,
    EnrollmentReceipt,
    Screening,
    check_count,
    refuse_flaws,
)
from sigverify.errors import AlreadyEnrolled, ConfigError, MalformedTemplate, StoreError, UnknownUser
from sigverify.matcher import Engine
from sigverify.matching.distances import Embedding, References
from sigverify.matching.explanation import unlike
from sigverify.matching.scoring import MAX_REFERENCES, Impostor, Scoring
from sigverify.modality.pen.quality import capture_flaw
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.model_trust import admit
from sigverify.policy import Policy
from sigverify.policy.adaptation import CONFIDENCE, renew, undo
from sigverify.policy.adaptation import KINDS as ADAPTATION
from sigverify.policy.clock import Instant
from sigverify.policy.decoy import Decoy
from sigverify.policy.gate import Gate, Trial
from sigverify.policy.lockout import DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Memory, Role, Sketcher, is_copy
from sigverify.protection.keys import Key
from sigverify.protection.signing import Trust
from sigverify.runtime.embedder import Runtime
from sigverify.search import IndexKind, Match, Searcher
from sigverify.search.groups import groups_of, join_group, leave_group
from sigverify.store import Records, SqliteStore, Store, is_server
from sigverify.template import Template, check_user_id, stored

_log = logging.getLogger(__name__)

_EVENTS: Final = {
    Reason.ALIKE: Event.ACCEPTED,
    Reason.UNSURE: Event.REFERRED,
    Reason.UNLIKE: Event.REJECTED,
    Reason.REPLAY: Event.REPLAYED,
}


class Verifier:
    """Enrolls, verifies and identifies by one model and one store. Any thread may call any method.

    >>> with Verifier.open("kiosk.db") as verifier:                          # doctest: +SKIP
    ...     verifier.enroll("alice", references)
    ...     verifier.verify("alice", probe, fmr=0.01).accepted
    True
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        policy: Policy | None = None,
        index: IndexKind | str = IndexKind.EXACT,
        now: Callable[[], Instant] = Instant.now,
    ) -> None:
        """Put the parts together; `Verifier.open` does it from a path. `now` tells the time to lock-outs.

        Raises:
            StoreError: the store holds templates of another model.
        """
        self.store = store
        self.model = engine.model
        self.policy = policy or Policy()
        self.audit = AuditLog(store)
        self._engine = engine
        self._now = now
        self._scoring = Scoring.of(self.model.manifest.scoring)
        self._searcher = Searcher(store, self._scoring, kind=index, align=engine.align)
        bound = store.model_id
        if bound not in (None, self.model.id):
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {self.model.id} ({self.model.manifest.name})",
                hint="Open it with the model it was enrolled with, or enroll into a new store",
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
        key: Key | None = None,
        policy: Policy | None = None,
        trust: Trust | None = None,
        index: IndexKind | str = IndexKind.EXACT,
        cache: str | Path | None = None,
        max_staleness_s: float = 86_400.0,
    ) -> Self:
        """Open the store at `path` (":memory:" for one that ends with the process) with a model.

        Args:
            path: the store; made when there is none. "postgresql://…" is that of a fleet, see `FleetStore`.
            model: a `Model`, a .sigmodel file, or the name of a model that ships.
            runtime: what computes; `AUTO` takes the fastest that is installed.
            threads: CPU threads for the network.
            create: make the store when there is none; otherwise that is an error.
            key: what the store is sealed with; None takes the user's own, see `Key.default`.
            policy: the rules of `verify`; None takes `Policy()`.
            trust: whose signature the model must carry, in a file beside it; None runs unsigned models too.
            index: how `identify` finds its shortlist: exactly, or for very many people approximately.
            cache: of a fleet's store, the file of this kiosk's copy; None: one in the user's state directory.
            max_staleness_s: of a fleet's store, how long to go on without having heard from the server.

        Raises:
            UntrustedModel: `trust` is given, and the model is not signed as it demands.
            ModelError, RuntimeUnavailable, StoreError, ConfigError: what is wrong, and what to do.
        """
        loaded = model if isinstance(model, Model) else Model.read(model)
        store: Store
        if is_server(path):
            _refuse_adaptive(policy)
            from sigverify.fleet import FleetStore

            store = FleetStore(
                str(path), key=key, cache=cache, create=create, max_staleness_s=max_staleness_s
            )
        else:
            store = SqliteStore(path, key=key, create=create)
        try:
            if trust is not None:
                admit(store, loaded, model, trust)  # before anything of the network is parsed or run
            engine = Engine.open(loaded, runtime=runtime, threads=threads)
            return cls(store, engine, policy=policy, index=index)
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

    def enroll(
        self,
        user_id: str,
        signatures: Iterable[Signature],
        *,
        replace: bool = False,
        quality: Screening | str = Screening.ENFORCE,
        groups: Iterable[str] = (),
    ) -> EnrollmentReceipt:
        """Keep the embeddings of a person's genuine signatures, wholly or not at all.

        One signature works, five are much better; `MAX_REFERENCES` is the most. Where the person is present,
        `enrollment` is better: it says at once which to sign again.

        Args:
            user_id: who.
            signatures: the references.
            replace: take the place of an earlier enrollment.
            quality: "enforce" refuses flawed captures, copies and mixed hands; "record" keeps any set.
            groups: which the user joins; see `join`.

        Raises:
            EnrollmentError: no signatures, too many, or a set that is refused.
            AlreadyEnrolled: the user is there and `replace` is False.
            StoreError: the store cannot be written.
        """
        start = time.perf_counter()
        check_user_id(user_id)
        screening = _screening(quality)
        given = list(islice(signatures, MAX_REFERENCES + 1))  # somebody may hand in an iterator without end
        check_count(len(given))
        candidates = Candidates(self._scoring, self._engine.embed, self._engine.align)
        for signature in given:
            candidates.add(signature)
        if screening is Screening.ENFORCE:
            refuse_flaws(candidates)
        return self._keep(
            user_id, candidates, range(len(given)), replace_=replace, groups=tuple(groups), start=start
        )

    def enrollment(
        self,
        user_id: str,
        *,
        references: int = DEFAULT_REFERENCES,
        replace: bool = False,
        groups: Iterable[str] = (),
    ) -> Enrollment:
        """Begin to enroll somebody signature by signature; nothing is stored before its `commit`.

        Raises:
            EnrollmentError: fewer than 1 or more than `MAX_REFERENCES` wanted.
            AlreadyEnrolled: the user is there and `replace` is False.
        """
        check_user_id(user_id)
        if not replace and self._enrolled(user_id):
            raise AlreadyEnrolled(
                f"{user_id!r} is enrolled already",
                hint="Pass replace=True to enroll anew, or forget the user",
            )
        wanted = tuple(groups)
        return Enrollment(
            Candidates(self._scoring, self._engine.embed, self._engine.align),
            references,
            lambda candidates: self._keep(
                user_id, candidates, candidates.taken, replace_=replace, groups=wanted
            ),
        )

    def verify(
        self,
        user_id: str,
        signature: Signature,
        *,
        fmr: float | None = None,
        impostor: Impostor | str | None = None,
        refer_fmr: float | None = None,
    ) -> Decision:
        """Decide whether `signature` is that person's, by the policy; `score` knows none.

        Everything that a try leaves behind (failures counted, the capture remembered, the log) is written in
        one transaction before the answer is given.

        Args:
            user_id: whose it is claimed to be.
            signature: the probe.
            fmr: the false-match rate to allow, 0.01 lets one impostor in a hundred in; None: the policy's.
            impostor: whom that rate counts; None: the policy's.
            refer_fmr: a higher rate up to which a person shall decide; None: the policy's.

        Raises:
            UnknownUser: nobody of that id is enrolled, and the policy lets that be known.
            ConfigError: the model has no threshold for that rate.
            StoreError: the store cannot be read, or written: without a record there is no answer.
        """
        start = time.perf_counter()
        check_user_id(user_id)
        policy = self.policy.asking(fmr=fmr, impostor=impostor, refer_fmr=refer_fmr)
        template, known = self._claimed(user_id, policy)
        probe = self._engine.embed(signature)
        trial = self._try(user_id, known, signature, probe, template, policy)
        durable = policy.durable_accepts or not trial.alike
        with self.store.transaction(durable=durable, local=True) as records:
            decision = Gate(policy, now=self._now).settle(records, trial)
            self._note(records, user_id, decision, policy, known=known)
            renewing = policy.adaptive and decision.accepted and _confident(decision)
            if renewing and self._adapt(records, user_id, probe, policy):
                self.audit.append(records, Event.ADAPTED, user_id)
        if trial.alike and not (decision.accepted or policy.durable_accepts):
            self._wait_for_disk()
        if decision.reason in (Reason.UNLIKE, Reason.UNSURE) and policy.reveal_score:
            plain = self.store.renewal.restore(template.references)
            decision = replace(decision, unlike=unlike(probe, plain, self._engine.align))
        return policy.shown(replace(decision, latency_ms=_since(start)))

    def score(self, user_id: str, signature: Signature) -> float:
        """Return the likeness of `signature` to that person's references, 0 to 1.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        template = self._template(user_id)
        return self._compare(self._embed(signature), template)

    def identify(
        self, signature: Signature, *, top_k: int = 5, fpir: float | None = None, among: str | None = None
    ) -> list[Match]:
        """Find the people whose references are most like `signature`, best first.

        Vectors rule out all but a shortlist, and those are compared in full, as `score` does. Without `fpir`
        that is a ranking: somebody is always most alike. With it, whoever is in no reference's reach comes
        back empty.

        Args:
            signature: the probe.
            top_k: how many to return at most.
            fpir: the rate at which a stranger may be taken for somebody: 0.01 names one stranger in a
                hundred. The threshold rises with the number of people searched.
            among: search only the people in this group.

        Raises:
            ConfigError: `top_k` is less than 1, `fpir` is no rate, or `among` cannot name a group.
        """
        matches = self._searcher.search(self._embed(signature), top_k=top_k, fpir=fpir, among=among)
        return matches if self.policy.reveal_score else [replace(match, score=None) for match in matches]

    def prepare(self) -> int:
        """Read what `identify` needs, so that the first one need not wait; return how many are enrolled."""
        return self._searcher.prepare()

    def join(self, user_id: str, group: str) -> None:
        """Put a user into a group that `identify` can search; being in it already is fine.

        Raises:
            UnknownUser: nobody of that id is enrolled.
            ConfigError: this cannot name a group, or the user is in too many.
        """
        join_group(self.store, user_id, group)

    def leave(self, user_id: str, group: str) -> None:
        """Take a user out of a group; not being in it is fine.

        Raises:
            UnknownUser: nobody of that id is enrolled.
            ConfigError: this cannot name a group.
        """
        leave_group(self.store, user_id, group)

    def groups(self, user_id: str) -> tuple[str, ...]:
        """Return the groups that a user is in, sorted.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        return groups_of(self.store, user_id)

    def users(self) -> tuple[str, ...]:
        """Return the ids of all enrolled, sorted."""
        return self.store.users()

    def forget(self, user_id: str) -> None:
        """Delete a person's references for good, and all that was noted about their tries.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        administration.forget(self.store, user_id)

    def restore_references(self, user_id: str) -> bool:
        """Undo all renewals of a user's references (`Policy.adaptive`); False: there were none.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        self._template(user_id)
        with self.store.transaction() as records:
            undone = undo(self.store, records, user_id)
            if undone:
                self.audit.append(records, Event.ADAPTATION_UNDONE, user_id)
            return undone

    def unlock(self, user_id: str = DEVICE) -> None:
        """Let a user, or without a name everybody on this device, try again at once.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        administration.unlock(self.store, user_id)

    def close(self) -> None:
        """Close the store; closing twice is fine."""
        self.store.close()

    def _keep(
        self,
        user_id: str,
        candidates: Candidates,
        numbers: Sequence[int],
        *,
        replace_: bool,
        groups: Sequence[str],
        start: float | None = None,
    ) -> EnrollmentReceipt:
        """Store those candidates as references, with their sketches, in place of all that was."""
        start = time.perf_counter() if start is None else start
        plain = [candidates.embeddings[number] for number in numbers]
        sketches = [
            self._sketcher.sketch(candidates.signatures[number], candidates.embeddings[number].dynamics)
            for number in numbers
        ]
        with self.store.transaction() as records:
            # Turned in here, where no rekey comes in between.
            template = self._turned(user_id, References.stack(plain))
            event = Event.REPLACED if replace_ and self._enrolled(user_id) else Event.ENROLLED
            self.store.put(template, replace=replace_)
            self.audit.append(records, event, user_id, references=len(template), model=self.model.id)
            memory = Memory.from_bytes(records.get(REPLAY, user_id)).retired()
            memory = memory.with_(sketches, Role.REFERENCE, limit=self.policy.remembered)
            records.put(REPLAY, user_id, memory.to_bytes())
            for kind in (LOCKOUT, *ADAPTATION):
                records.delete(kind, user_id)
            for group in groups:
                join_group(self.store, user_id, group)
        _log.info("enrolled a user with %d references", len(template))
        return EnrollmentReceipt(
            user_id=user_id,
            references=len(template),
            template_bytes=len(template.to_bytes()),
            model_id=self.model.id,
            created=template.created,
            complexity=min(candidates.qualities[number].complexity for number in numbers),
            consistency=candidates.consistency(),
            flaws=tuple(candidates.reasons[number] for number in numbers),
            latency_ms=_since(start),
        )

    def _turned(self, user_id: str, plain: References) -> Template:
        """Return the template of references that are in the model's own coordinates."""
        references = stored(self.store.renewal.turn(plain))
        return Template(
            user_id=user_id,
            model_id=self.model.id,
            references=references,
            spread=self._engine.spread(references),
            created=datetime.now(UTC),
        )

    def _enrolled(self, user_id: str) -> bool:
        try:
            self.store.get(user_id)
        except UnknownUser:
            return False
        return True

    def _embed(self, signature: Signature) -> Embedding:
        """Embed in the store's own coordinates: only there can it be compared with what is stored."""
        return self.store.renewal.turn(self._engine.embed(signature))

    def _template(self, user_id: str) -> Template:
        template = self.store.get(user_id)
        if template.model_id != self.model.id:
            raise MalformedTemplate(
                "a template of another model",
                expected=self.model.id,
                received=template.model_id,
                hint="Enroll again",
            )
        return template

    def _claimed(self, user_id: str, policy: Policy) -> tuple[Template, bool]:
        """Return the template of a user; of one who is not enrolled a decoy and False, or nothing at all."""
        try:
            return self._template(user_id), True
        except UnknownUser:
            if policy.reveal_unknown:
                raise
            return self._decoy.template(), False

    def _try(
        self,
        user_id: str,
        known: bool,
        signature: Signature,
        probe: Embedding,
        template: Template,
        policy: Policy,
    ) -> Trial:
        """Compare; nothing is decided or written yet."""
        apart = self._engine.distances(self.store.renewal.turn(probe), template.references)
        rates = [policy.fmr] if policy.refer_fmr is None else [policy.fmr, policy.refer_fmr]
        thresholds = [
            self._scoring.threshold(rate, impostor=policy.impostor, references=len(template))
            for rate in rates
        ]
        sketcher = self._sketcher
        return Trial(
            subject=user_id if known else sketcher.bucket(user_id),
            known=known,
            sketch=sketcher.sketch(signature, probe.dynamics) if policy.replay else None,
            poor=capture_flaw(signature) is not None,
            copy=is_copy(apart[:, 0]),
            score=float(self._scoring.score(apart, template.spread)),
            threshold=thresholds[0],
            refer_threshold=thresholds[1] if len(thresholds) > 1 else None,
        )

    def _adapt(self, records: Records, user_id: str, probe: Embedding, policy: Policy) -> bool:
        """Renew a reference, if it is time and the references signed at enrollment agree."""
        turned = self.store.renewal.turn(probe)

        def accepted(references: References, between: Float32Array) -> bool:
            threshold = self._scoring.threshold(
                policy.fmr, impostor=policy.impostor, references=len(references)
            )
            score = float(self._scoring.score(self._engine.distances(turned, references), between))
            return score >= threshold and confidence(score, threshold) >= CONFIDENCE

        return renew(self.store, records, user_id, turned, accepted, now=self._now())

    @cached_property
    def _sketcher(self) -> Sketcher:
        return Sketcher(self.store.secret(REPLAY))

    @cached_property
    def _decoy(self) -> Decoy:
        return Decoy(self.model)

    def _note(
        self, records: Records, user_id: str, decision: Decision, policy: Policy, *, known: bool
    ) -> None:
        """Tell the audit log; not where nothing was compared: whoever is locked out could fill the disk."""
        event = _EVENTS.get(decision.reason)
        if event is None:
            return
        event = event if known else Event.UNKNOWN_USER
        self.audit.append(records, event, user_id, fmr=float(policy.fmr), impostor=policy.impostor)
        if decision.retry_after_s > 0:
            self.audit.append(records, Event.LOCKED_OUT, user_id, wait_s=round(decision.retry_after_s, 1))

    def _wait_for_disk(self) -> None:
        """Make what was just written without waiting as safe as a refusal has to be."""
        with self.store.transaction(local=True) as records:
            records.put("synced", "", b"")

    def _compare(self, probe: Embedding, template: Template) -> float:
        return float(self._scoring.score(self._engine.distances(probe, template.references), template.spread))


def _confident(decision: Decision) -> bool:
    return decision.confidence is not None and decision.confidence >= CONFIDENCE


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _refuse_adaptive(policy: Policy | None) -> None:
    if policy is not None and policy.adaptive:
        raise ConfigError(
            "references of a fleet cannot be renewed by themselves",
            expected="Policy.adaptive off",
            hint="Two kiosks' renewals of one person cannot be merged: enroll again now and then",
        )


def _screening(name: Screening | str) -> Screening:
    try:
        return Screening(name)
    except ValueError as error:
        raise ConfigError(
            "unknown way to screen references", expected=" or ".join(Screening), received=str(name)
        ) from error
