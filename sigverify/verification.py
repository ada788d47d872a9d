"""`Verification`: one try of somebody to be let in, from the probe to the decision."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Final

from sigverify.arrays import Float32Array
from sigverify.audit import AuditLog, Event
from sigverify.decision import Decision, Reason, confidence
from sigverify.errors import MalformedTemplate, UnknownUser
from sigverify.matcher import Matcher
from sigverify.matching.aspect import Aspect
from sigverify.matching.comparison import Comparison
from sigverify.matching.embedding import Embedding, References
from sigverify.policy import Policy
from sigverify.policy.adaptation import CONFIDENCE, renew
from sigverify.policy.clock import Instant
from sigverify.policy.decoy import Decoy
from sigverify.policy.gate import Gate, Trial
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Sketcher
from sigverify.store import Records, Store
from sigverify.template import Template, normal_user_id

_EVENTS: Final = {
    Reason.ALIKE: Event.ACCEPTED,
    Reason.UNSURE: Event.REFERRED,
    Reason.UNLIKE: Event.REJECTED,
    Reason.REPLAY: Event.REPLAYED,
}
"""What the audit log says. Nothing where nothing was compared: whoever is locked out could fill the disk."""


class Verification:
    """Decides by one model and one store. Any thread may call any method."""

    def __init__(self, store: Store, matcher: Matcher, now: Callable[[], Instant]) -> None:
        """Take the parts; `now` tells the time to lock-outs."""
        self._store = store
        self._matcher = matcher
        self._now = now
        self._audit = AuditLog(store)

    def verify(self, user_id: str, capture: object, policy: Policy) -> Decision:
        """Decide whether a capture is that person's; see `Verifier.verify`."""
        start = time.perf_counter()
        user_id = normal_user_id(user_id)
        template, known = self._claimed(user_id, policy)
        probe = self._matcher.embed(capture)
        trial = self._try(user_id, known, capture, probe, template, policy)
        durable = policy.durable_accepts or not trial.alike
        with self._store.transaction(durable=durable, local=True) as records:
            decision = Gate(policy, now=self._now).settle(records, trial)
            self._note(records, user_id, decision, policy, known=known)
            # A reference is not renewed by a capture that has less than the others.
            whole = decision.accepted and not decision.missing
            renewing = policy.adaptive and whole and _is_confident(decision)
            if renewing and self._adapt(records, user_id, probe, policy):
                self._audit.append(records, Event.ADAPTED, user_id)
        if trial.alike and not (decision.accepted or policy.durable_accepts):
            self._wait_for_disk()
        if decision.reason in (Reason.UNLIKE, Reason.UNSURE) and policy.reveal_score:
            decision = replace(decision, unlike=self._matcher.unlike(probe, self._plain(template)))
        return policy.shown(replace(decision, latency_ms=(time.perf_counter() - start) * 1000))

    def score(self, user_id: str, capture: object) -> float:
        """Return the likeness of a capture to that person's references, 0 to 1; see `Verifier.score`."""
        template = self.template(user_id)
        compared = self.compare(self.embed(capture), template)
        return self._matcher.score_of(compared)

    def compare(self, probe: Embedding, template: Template) -> Comparison:
        """Compare a probe in the model's own coordinates with somebody's references."""
        return self._matcher.compare(probe, self._plain(template), template.spread)

    def embed(self, capture: object) -> Embedding:
        """Embed in the model's own coordinates."""
        return self._matcher.embed(capture)

    def _plain(self, template: Template) -> References:
        """Return references out of the store's coordinates, which tell a network nothing."""
        return self._store.renewal.restore(template.references)

    def template(self, user_id: str) -> Template:
        """Return somebody's template.

        Raises:
            UnknownUser: nobody of that id is enrolled.
            MalformedTemplate: it is of another model.
        """
        template = self._store.get(user_id, self._matcher.modality.name)
        if template.model_id != self._matcher.model.id:
            raise MalformedTemplate(
                "a template of another model",
                expected=self._matcher.model.id,
                received=template.model_id,
                hint="Enroll again",
            )
        return template

    def _claimed(self, user_id: str, policy: Policy) -> tuple[Template, bool]:
        """Return the template of a user; of one who is not enrolled a decoy and False, or nothing at all."""
        try:
            return self.template(user_id), True
        except UnknownUser:
            if policy.reveal_unknown:
                raise
            return self._decoy.template(), False

    def _try(
        self,
        user_id: str,
        known: bool,
        capture: object,
        probe: Embedding,
        template: Template,
        policy: Policy,
    ) -> Trial:
        """Compare; nothing is decided or written yet."""
        plain = self._plain(template)
        compared = self._matcher.compare(probe, plain, template.spread)
        rates = [policy.fmr] if policy.refer_fmr is None else [policy.fmr, policy.refer_fmr]
        thresholds = [
            self._threshold(policy, rate, len(template), reduced=compared.reduced) for rate in rates
        ]
        modality, sketcher = self._matcher.modality, self._sketcher
        return Trial(
            subject=user_id if known else sketcher.bucket(user_id),
            known=known,
            sketch=sketcher.sketch(modality.fingerprint(capture), probe.series) if policy.replay else None,
            flaw=modality.unfit(capture),
            copy=self._matcher.is_copy(compared.distances, probe, plain),
            copy_bits=modality.copy_bits,
            score=self._matcher.score_of(compared),
            threshold=thresholds[0],
            refer_threshold=thresholds[1] if len(thresholds) > 1 else None,
            missing=self._missing(compared),
        )

    def _missing(self, compared: Comparison) -> tuple[Aspect, ...]:
        """Name what was not compared."""
        optional = self._matcher.modality.optional
        return tuple(aspect for aspect, column in optional.items() if compared.lacking[column])

    def _threshold(self, policy: Policy, fmr: float, references: int, *, reduced: bool) -> float:
        return self._matcher.threshold(fmr, impostor=policy.impostor, references=references, reduced=reduced)

    def _adapt(self, records: Records, user_id: str, probe: Embedding, policy: Policy) -> bool:
        """Renew a reference, if it is time and the references signed at enrollment agree."""

        def accepted(references: References, spread: Float32Array) -> bool:
            threshold = self._threshold(policy, policy.fmr, len(references), reduced=False)
            score = float(self._matcher.score(self._matcher.distances(probe, references), spread))
            return score >= threshold and confidence(score, threshold) >= CONFIDENCE

        return renew(self._store, records, self._matcher, user_id, probe, accepted, now=self._now())

    def _note(
        self, records: Records, user_id: str, decision: Decision, policy: Policy, *, known: bool
    ) -> None:
        """Tell the audit log."""
        event = _EVENTS.get(decision.reason)
        if event is None:
            return
        event = event if known else Event.UNKNOWN_USER
        said = decision.to_dict()
        detail = {"reason": said["reason"], "fmr": float(policy.fmr), "impostor": policy.impostor}
        self._audit.append(records, event, user_id, **detail)
        if decision.retry_after_s > 0:
            self._audit.append(records, Event.LOCKED_OUT, user_id, retry_after_s=said["retry_after_s"])

    def _wait_for_disk(self) -> None:
        """Make what was just written without waiting as safe as a refusal has to be."""
        with self._store.transaction(local=True) as records:
            records.put("synced", "", b"")

    @cached_property
    def _sketcher(self) -> Sketcher:
        return Sketcher(self._store.secret(REPLAY))

    @cached_property
    def _decoy(self) -> Decoy:
        return Decoy(self._matcher)


def _is_confident(decision: Decision) -> bool:
    return decision.confidence is not None and decision.confidence >= CONFIDENCE
