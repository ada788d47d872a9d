"""`Verification`: one try of somebody to be let in, from the probe to the decision."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

from sigverify.arrays import Float32Array
from sigverify.audit import AuditLog, Event
from sigverify.comparer import Comparer
from sigverify.decision import Decision, Outcome, Reason, confidence
from sigverify.errors import UnknownUser, UntrustedCapture, UntrustedTemplate
from sigverify.matching.aspect import Aspect
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.scoring import Impostor
from sigverify.matching.strangers import Strangers
from sigverify.modality.examined import Examined
from sigverify.modality.quality import Flaw
from sigverify.policy import Policy
from sigverify.policy.adaptation import CONFIDENCE, renew
from sigverify.policy.clock import Instant
from sigverify.policy.fusion import Thresholds, fused_score
from sigverify.policy.gate import Gate, Seen, Trial
from sigverify.policy.lockout import DEVICE, Lockout
from sigverify.policy.provenance import Claim, Provenance
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Sketcher
from sigverify.policy.sightings import remember
from sigverify.store import Records, Store, wait_for_disk
from sigverify.template import PEN, Template, normal_user_id

_EVENTS: Final = {
    Reason.ALIKE: Event.ACCEPTED,
    Reason.UNSURE: Event.REFERRED,
    Reason.UNLIKE: Event.REJECTED,
    Reason.REPLAY: Event.REPLAYED,
}
"""What the audit log says. Nothing where nothing was compared: whoever is locked out could fill the disk."""
_FAILED: Final = (Reason.UNLIKE, Reason.UNSURE, Reason.REPLAY)
"""Of these each counts as a failed try."""

Shown = Sequence[tuple[Comparer, object]]
"""Captures of one try, no two of a kind, each with what compares it; the first kind gives the scale."""


class Verification:
    """Decides by the templates of one store. Any thread may call any method."""

    def __init__(self, store: Store, provenance: Provenance, now: Callable[[], Instant]) -> None:
        """Take the parts; `now` tells the time to lock-outs."""
        self._store = store
        self._provenance = provenance
        self._now = now
        self._audit = AuditLog(store)

    def verify(
        self, user_id: str, shown: Shown, policy: Policy, *, kinds: int, claims: Sequence[Claim] = ()
    ) -> Decision:
        """Decide whether captures are that person's; see `Verifier.verify`.

        `kinds` says of how many kinds there could be captures: what `Policy.every_kind` asks for; `claims` is
        what has to be checked still of captures that are signed.

        Raises:
            UntrustedCapture: one of them does not hold, and nothing was decided.
        """
        start = time.perf_counter()
        user_id = normal_user_id(user_id)
        try:
            claim = self._claimed(user_id, shown, policy)
        except UntrustedTemplate as error:
            self._note_untrusted(user_id, error, policy)
            raise
        looked_at = [
            comparer.matcher.examine(capture, outlined=policy.replay) for comparer, capture in claim.shown
        ]
        digests = self._digests(shown) if policy.replay else {}
        compared = [
            self._compare(claim, comparer, each, each.embedding, policy, digests)
            for (comparer, _), each in zip(claim.shown, looked_at, strict=True)
            if each.embedding is not None
        ]
        flaw = next((each.flaw for each in looked_at if each.flaw), None)
        trial = _trial(claim, compared, flaw, shown, policy, kinds, tuple(digests.values()))
        durable = policy.durable_accepts or not trial.alike
        with self._store.transaction(durable=durable, local=True) as records:
            made = self._provenance.settle(records, claims) or self._decide(
                records, user_id, trial, compared, policy, shown
            )
        accepted = isinstance(made, Decision) and made.accepted
        if trial.alike and not (accepted or policy.durable_accepts):
            wait_for_disk(self._store)
        if isinstance(made, UntrustedCapture):
            raise made
        decision = made
        if decision.reason in (Reason.UNLIKE, Reason.UNSURE) and policy.reveal_score:
            decision = replace(decision, unlike=_unlike(compared))
        return policy.shown(replace(decision, latency_ms=(time.perf_counter() - start) * 1000))

    def _decide(
        self,
        records: Records,
        user_id: str,
        trial: Trial,
        compared: "Sequence[_Compared]",
        policy: Policy,
        shown: Shown,
    ) -> Decision:
        """Decide, and write all that the try leaves behind."""
        gate = Gate(policy, now=self._now)
        decision = gate.settle(records, trial)
        self._note(records, user_id, decision, policy, shown, known=trial.known)
        if decision.reason in _FAILED and math.isinf(gate.wait_s(records, trial.subject, known=trial.known)):
            decision = self._block(records, user_id, decision)
        for each in compared if policy.adaptive and decision.accepted else ():
            if each.is_sure and self._adapt(records, user_id, each, policy):
                self._audit.append(records, Event.ADAPTED, user_id)
        return decision

    def remember(self, shown: Shown) -> None:
        """Keep in mind that these captures were shown, where nothing was decided: later ones are copies."""
        with self._store.transaction(durable=False, local=True) as records:
            remember(records, tuple(self._digests(shown).values()))

    def _digests(self, shown: Shown) -> dict[str, bytes]:
        """Return what finds each capture again, by its kind."""
        return {
            comparer.modality: self._sketcher.digest(comparer.matcher.modality.fingerprint(capture))
            for comparer, capture in shown
        }

    def _note_untrusted(self, user_id: str, error: UntrustedTemplate, policy: Policy) -> None:
        """Tell the audit log that somebody put a template here that no station signed.

        It is a failed try of the device, not of that person; while that has to wait nothing is written.
        """
        lockout = None if policy.per_device is None else Lockout(policy.per_device, now=self._now)
        with self._store.transaction(local=True) as records:
            if lockout is not None and lockout.remaining_s(records, DEVICE) > 0:
                return
            self._audit.append(records, Event.TEMPLATE_REFUSED, user_id, reason=str(error.reason))
            after_s = 0.0 if lockout is None else lockout.failed(records, DEVICE)
            if math.isinf(after_s):
                self._audit.append(records, Event.BLOCKED)
            elif after_s > 0:
                self._audit.append(records, Event.LOCKED_OUT, retry_after_s=math.ceil(after_s))

    def _claimed(self, user_id: str, shown: Shown, policy: Policy) -> "_Claim":
        """Find the templates that captures are to be compared with.

        Raises:
            UnknownUser: there is none, or none of a kind that the policy asks for, and that may be known.
        """
        templates: dict[str, Template] = {}
        unknown: list[UnknownUser] = []
        for comparer, _ in shown:
            try:
                templates[comparer.modality] = comparer.template(user_id)
            except UnknownUser as error:
                unknown.append(error)
        if policy.reveal_unknown:
            if unknown and (policy.every_kind or not templates):
                raise unknown[0]
            shown = [(comparer, capture) for comparer, capture in shown if comparer.modality in templates]
        known = bool(templates) or self._is_known(user_id)
        subject = user_id if known else self._sketcher.bucket(user_id)
        return _Claim(subject=subject, known=known, templates=templates, shown=shown)

    def _is_known(self, user_id: str) -> bool:
        """Whether somebody is enrolled by any kind of capture, also by one that no model here takes."""
        try:
            return bool(self._store.modalities(user_id))
        except UnknownUser:
            return False

    def _compare(
        self,
        claim: "_Claim",
        comparer: Comparer,
        examined: Examined,
        probe: Embedding,
        policy: Policy,
        digests: Mapping[str, bytes],
    ) -> "_Compared":
        """Compare one capture, with a decoy where there is no template; nothing is decided or written yet."""
        matcher, modality = comparer.matcher, comparer.matcher.modality
        enrolled = claim.templates.get(comparer.modality)
        template = comparer.decoy.template() if enrolled is None else enrolled
        strangers = template.strangers if policy.impostor is Impostor.RANDOM else None
        plain = comparer.plain(template)
        compared = matcher.compare(probe, plain, template.spread)
        thresholds = [
            _threshold(comparer, policy, rate, strangers, len(template), reduced=compared.reduced)
            for rate in (policy.fmr, policy.refer_fmr)
            if rate is not None
        ]
        row = matcher.scoring.row(len(template), reduced=compared.reduced, strangers=strangers)
        seen = None
        if policy.replay:
            sketch = self._sketcher.sketch(digests[comparer.modality], probe.series, examined.outlines)
            seen = Seen(
                modality=comparer.modality,
                sketch=sketch,
                copy=matcher.is_copy(compared.distances, probe, plain),
                copy_bits=modality.copy_bits,
                runs_along=partial(matcher.runs_along, examined.outlines),
            )
        return _Compared(
            comparer=comparer,
            enrolled=enrolled is not None,
            probe=probe,
            plain=plain,
            seen=seen,
            score=matcher.score_of(compared),
            thresholds=thresholds,
            table=row.table(policy.impostor),
            missing=tuple(a for a, column in modality.optional.items() if compared.lacking[column]),
        )

    def _adapt(self, records: Records, user_id: str, compared: "_Compared", policy: Policy) -> bool:
        """Renew a reference, if it is time and the references signed at enrollment agree."""
        matcher = compared.comparer.matcher

        def accepted(references: References, spread: Float32Array) -> bool:
            # Of fewer references than the template has, strangers come nearer: theirs are compared anew.
            strangers = matcher.strangers(references, spread) if policy.impostor is Impostor.RANDOM else None
            threshold = _threshold(
                compared.comparer, policy, policy.fmr, strangers, len(references), reduced=False
            )
            score = float(matcher.score(matcher.distances(compared.probe, references), spread))
            return score >= threshold and confidence(score, threshold) >= CONFIDENCE

        return renew(self._store, records, matcher, user_id, compared.probe, accepted, now=self._now())

    def _note(
        self,
        records: Records,
        user_id: str,
        decision: Decision,
        policy: Policy,
        shown: Shown,
        *,
        known: bool,
    ) -> None:
        """Tell the audit log."""
        event = _EVENTS.get(decision.reason)
        if event is None:
            return
        event = event if known else Event.UNKNOWN_USER
        detail = {"reason": decision.reason.value, "fmr": float(policy.fmr), "impostor": policy.impostor}
        kinds = "+".join(comparer.modality for comparer, _ in shown)
        if kinds != PEN:  # as with records, it is the pen's that say nothing of their kind
            detail["kinds"] = kinds
        self._audit.append(records, event, user_id, **detail)
        if decision.retry_after_s > 0:
            waits = decision.to_dict()["retry_after_s"]
            self._audit.append(records, Event.LOCKED_OUT, user_id, retry_after_s=waits)

    def _block(self, records: Records, user_id: str, decision: Decision) -> Decision:
        """Note that this try was the last one until an operator unlocks, and say so."""
        self._audit.append(records, Event.BLOCKED, user_id)
        return decision if decision.outcome is Outcome.REFER else replace(decision, reason=Reason.BLOCKED)

    @cached_property
    def _sketcher(self) -> Sketcher:
        return Sketcher(self._store.secret(REPLAY))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Claim:
    """Whose captures they are claimed to be: see `Trial`; and what is to be compared with which templates."""

    subject: str
    known: bool
    templates: dict[str, Template]
    shown: Shown


@dataclass(frozen=True, kw_only=True, eq=False)
class _Compared:
    """One capture, compared."""

    comparer: Comparer
    enrolled: bool
    probe: Embedding
    plain: References
    seen: Seen | None
    score: float
    thresholds: Sequence[float]
    table: Thresholds
    missing: tuple[Aspect, ...]

    @property
    def is_sure(self) -> bool:
        """Whether it may renew a reference: it would do by itself, and has no less than the others."""
        reaches = (
            self.score >= self.thresholds[0] and confidence(self.score, self.thresholds[0]) >= CONFIDENCE
        )
        return self.enrolled and reaches and not self.missing


def _trial(
    claim: _Claim,
    compared: Sequence[_Compared],
    flaw: Flaw | None,
    shown: Shown,
    policy: Policy,
    kinds: int,
    digests: tuple[bytes, ...],
) -> Trial:
    """Sum up what was compared, by one capture or by several; `flaw` is of one that was not."""
    counted = [each for each in compared if each.enrolled]
    # Where nobody shall learn who is enrolled by what, a fit capture is enough to be answered.
    answered = counted if policy.reveal_unknown else compared
    needed = kinds if policy.every_kind else 1
    fit, judged, several = len(answered) >= needed, counted or compared, len(shown) > 1
    names = [each.comparer.modality for each in counted]
    return Trial(
        subject=claim.subject,
        known=claim.known,
        seen=tuple(each.seen for each in compared if each.seen is not None),
        digests=digests,
        fit=fit,
        flaw=None if fit else flaw,
        counts=len(counted) >= needed,
        score=_score(judged, policy),
        threshold=judged[0].thresholds[0] if judged else 1.0,
        refer_threshold=judged[0].thresholds[1] if judged and policy.refer_fmr is not None else None,
        missing=tuple(dict.fromkeys(aspect for each in counted for aspect in each.missing)),
        scores={each.comparer.modality: each.score for each in counted} if several else {},
        left_out=tuple(c.modality for c, _ in shown if several and c.modality not in names),
    )


def _threshold(
    comparer: Comparer,
    policy: Policy,
    fmr: float,
    strangers: Strangers | None,
    references: int,
    *,
    reduced: bool,
) -> float:
    return comparer.matcher.threshold(
        fmr, impostor=policy.impostor, references=references, reduced=reduced, strangers=strangers
    )


def _score(judged: Sequence[_Compared], policy: Policy) -> float:
    """Return the score of one capture; of several, what theirs amount to; of none, 0."""
    if len(judged) < 2:
        return judged[0].score if judged else 0.0
    return fused_score([each.score for each in judged], [each.table for each in judged], asked=policy.fmr)


def _unlike(compared: Sequence[_Compared]) -> tuple[Aspect, ...]:
    """Name what sets captures apart that would not do by themselves; of all, where each would."""
    counted = [each for each in compared if each.enrolled]
    blamed = [each for each in counted if each.score < each.thresholds[0]] or counted
    aspects = [each.comparer.matcher.unlike(each.probe, each.plain) for each in blamed]
    return tuple(dict.fromkeys(aspect for named in aspects for aspect in named))
