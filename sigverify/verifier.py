"""`Verifier`: enroll people, verify and identify their signatures. Start reading here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from sigverify import administration
from sigverify.audit import AuditLog, Event
from sigverify.decision import Decision
from sigverify.enrollment.enroller import DEFAULT_REFERENCES, Screening, listed
from sigverify.enrollment.enrollment import Enrollment
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import ConfigError
from sigverify.image_model import DEFAULT as DEFAULT_IMAGE_MODEL
from sigverify.image_model import open_later
from sigverify.likeness import Similarity, compare, read_captures
from sigverify.matcher import Matcher
from sigverify.matching.scoring import MAX_REFERENCES, Impostor
from sigverify.model_file import Model
from sigverify.model_trust import admit
from sigverify.policy import Policy
from sigverify.policy.adaptation import undo
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE
from sigverify.policy.provenance import Provenance
from sigverify.protection.keys import Key
from sigverify.protection.signing import Trust
from sigverify.protection.stations import Stations
from sigverify.recognizers import Recognizers
from sigverify.runtime.interpreters import Runtime
from sigverify.search import IndexKind, Matches, find_kind
from sigverify.search.groups import groups_of, join_group, leave_group
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.signed.signed_capture import Purpose
from sigverify.store import Erasure, SqliteStore, Store, is_server
from sigverify.store.counter import Counter
from sigverify.verification import Verification


class Verifier:
    """Enrolls, verifies and identifies, by strokes and by pictures. Any thread may call any method.

    Which it is, the captures say; each kind has its model, and all are in one store.

    >>> with Verifier.open("kiosk.db") as verifier:                          # doctest: +SKIP
    ...     verifier.enroll("alice", references)
    ...     verifier.verify("alice", probe, fmr=0.01).accepted
    True
    """

    def __init__(
        self,
        store: Store,
        matcher: Matcher,
        *,
        others: Mapping[str, Callable[[], Matcher]] = MappingProxyType({}),
        policy: Policy | None = None,
        index: IndexKind | str = IndexKind.EXACT,
        now: Callable[[], Instant] = Instant.now,
        capture_keys: CaptureKeys | None = None,
        stations: Stations | None = None,
    ) -> None:
        """Put the parts together; `Verifier.open` does it from a path.

        Args:
            store: of the templates.
            matcher: of the kind of capture that most are of.
            others: of each further kind, by the name of its modality, what opens its matcher on first use.
            policy: the rules of `verify`; None takes `Policy()`.
            index: how `identify` finds its shortlist.
            now: tells the time to lock-outs.
            capture_keys: see `Verifier.open`.
            stations: see `Verifier.open`.

        Raises:
            ConfigError: a policy is given that cannot work with this model.
            StoreError: the store holds templates of another model.
        """
        self.store = store
        self.model = matcher.model
        self.policy = policy or Policy()
        self.audit = AuditLog(store)
        if stations is not None and self.policy.adaptive:
            raise ConfigError(
                "signed references cannot be renewed by themselves",
                expected="Policy.adaptive off where `stations` are given",
                hint="A device that renews them could enroll: enroll again now and then at a station",
            )
        self._recognizers = Recognizers(store, matcher, others, policy=policy, index=index, stations=stations)
        self._provenance = Provenance(store, capture_keys, self.policy, now)
        self._verification = Verification(store, self._provenance, now)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        model: str | Path | Model = "base",
        image_model: str | Path | Model | None = DEFAULT_IMAGE_MODEL,
        runtime: Runtime | str = Runtime.AUTO,
        threads: int = 1,
        create: bool = True,
        key: Key | None = None,
        policy: Policy | None = None,
        trust: Trust | None = None,
        index: IndexKind | str = IndexKind.EXACT,
        cache: str | Path | None = None,
        max_staleness_s: float = 86_400.0,
        capture_keys: CaptureKeys | None = None,
        stations: Stations | None = None,
        counter: Counter | None = None,
    ) -> Self:
        """Open the store at `path` (":memory:" for one that ends with the process) with a model.

        Args:
            path: the store; made when there is none. "postgresql://…" is that of a fleet, see `FleetStore`.
            model: a `Model`, a .sigmodel file, or the name of a model that ships: of strokes, or of pictures.
            image_model: one of pictures, beside one of strokes. The default is read when the first picture
                comes; another one now, and its network is loaded then. None: pictures are not taken.
            runtime: what computes; `AUTO` takes the fastest that is installed, and of a model that is neither
                signed nor one that ships an interpreter for the networks, see docs/native.md.
            threads: CPU threads for the network.
            create: make the store when there is none; otherwise that is an error.
            key: what the store is sealed with; None takes the user's own, see `Key.default`.
            policy: the rules of `verify`; None takes `Policy()`.
            trust: whose signature each model must carry, in a file beside it; None runs unsigned models too.
            index: how `identify` finds its shortlist: exactly, or for very many people approximately; or by
                a server with pgvector, and then no copy is kept here: every call asks the server.
            cache: of a fleet's store, the file of this kiosk's copy; None: one in the user's state directory.
            max_staleness_s: of a fleet's store, how long to go on without having heard from the server.
            capture_keys: of the pens whose captures are taken, each a `SignedCapture`; any other is refused,
                and counted against this device. None: captures are taken as they are.
            stations: those whose signature each template must carry, and the key of this one, where it is a
                station; else it enrolls nobody. None: all templates are used, and none is signed.
            counter: counts the states of the store, or of this kiosk's copy, outside of it, so that an older
                copy of the whole file is refused. See `sigverify.store.counter`.

        Raises:
            UntrustedModel: `trust` is given, and the model is not signed as it demands.
            ModelError, RuntimeUnavailable, StoreError, ConfigError: what is wrong, and what to do.
        """
        loaded = model if isinstance(model, Model) else Model.read(model)
        by_server = find_kind(index) is IndexKind.SERVER
        store: Store
        if by_server:
            _refuse_copy(path, cache, counter)
            _refuse_adaptive(policy)
            from sigverify.store.postgres import PostgresStore

            store = PostgresStore(str(path), key=key, create=create)
        elif is_server(path):
            _refuse_adaptive(policy)
            from sigverify.fleet import FleetStore

            store = FleetStore(
                str(path),
                key=key,
                cache=cache,
                create=create,
                max_staleness_s=max_staleness_s,
                counter=counter,
            )
        else:
            store = SqliteStore(path, key=key, create=create, counter=counter)
        try:
            if trust is not None:
                admit(store, loaded, model, trust)  # before anything of the network is parsed or run
            matcher = Matcher.open(loaded, runtime=runtime, threads=threads, trusted=trust is not None)
            others = open_later(
                image_model, beside=loaded, store=store, trust=trust, runtime=runtime, threads=threads
            )
            return cls(
                store,
                matcher,
                others=others,
                policy=policy,
                index=index,
                capture_keys=capture_keys,
                stations=stations,
            )
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
        signatures: Iterable[object],
        *,
        replace: bool = False,
        quality: Screening | str = Screening.ENFORCE,
        groups: Iterable[str] = (),
        names: Sequence[str] = (),
    ) -> EnrollmentReceipt:
        """Keep the embeddings of a person's genuine signatures, wholly or not at all.

        One signature works, five are much better; `MAX_REFERENCES` is the most of a kind. Where the person is
        present, `enrollment` is better: it says at once which to sign again. Strokes and pictures in one list
        enroll the person by both.

        Args:
            user_id: who.
            signatures: the references.
            replace: take the place of an earlier enrollment by the same kind of capture.
            quality: "enforce" refuses flawed captures, copies and mixed hands; "record" keeps any set.
            groups: which the user joins; see `join`.
            names: what a refusal calls the signatures, such as their files; else "reference 3".

        Raises:
            EnrollmentError: no signatures, too many, or a set that is refused.
            UntrustedCapture: they have to be signed, and one is not as it has to be.
            AlreadyEnrolled: the user is there, by that kind of capture, and `replace` is False.
            InvalidSignature: no captures.
            ConfigError: no model takes captures of that kind, or there are names, and not for each.
            StoreError: the store cannot be written.
        """
        # One more than is allowed is enough to refuse: somebody may hand in an iterator without end.
        offered = listed(signatures, len(self.modalities) * MAX_REFERENCES + 1)
        return self._recognizers.enroll(
            user_id,
            [self._as_reference(each) for each in offered],
            replace=replace,
            quality=quality,
            groups=tuple(groups),
            names=names,
        )

    def enrollment(
        self,
        user_id: str,
        *,
        references: int = DEFAULT_REFERENCES,
        replace: bool = False,
        groups: Iterable[str] = (),
        modality: str | None = None,
    ) -> Enrollment:
        """Begin to enroll somebody signature by signature; nothing is stored before its `commit`.

        Args:
            user_id: who.
            references: how many signatures are wanted.
            replace: take the place of an earlier enrollment by the same kind of capture.
            groups: which the user joins; see `join`.
            modality: kind of the captures, one of `modalities`; None: that of `model`.

        Raises:
            EnrollmentError: fewer than 1 or more than `MAX_REFERENCES` wanted.
            AlreadyEnrolled: the user is there, by that kind of capture, and `replace` is False.
            ConfigError: no model takes captures of that kind, what cannot name a group, or too many of them.
        """
        recognizer = self._recognizers.first if modality is None else self._recognizers.at(modality)
        return Enrollment(
            recognizer.enroller,
            user_id,
            references=references,
            replace=replace,
            groups=groups,
            opened=self._as_reference,
        )

    def verify(
        self,
        user_id: str,
        signature: object,
        *,
        fmr: float | str | None = None,
        impostor: Impostor | str | None = None,
        refer_fmr: float | str | None = None,
    ) -> Decision:
        """Decide whether `signature` is that person's, by the policy; `score` knows none.

        Everything that a try leaves behind (failures counted, the capture remembered, the log) is written in
        one transaction before the answer is given. Of strokes and a picture both count, see
        `sigverify.policy.fusion`; one that is too poor, or that the person is not enrolled by, is left out.

        Args:
            user_id: whose it is claimed to be.
            signature: the probe; or a tuple of a `Signature` and a `SignatureImage`, of one act of signing.
                With `capture_keys` each is a `SignedCapture`, signed to decide.
            fmr: the false-match rate to allow, 0.01 lets one impostor in a hundred in, or the name of a
                `Profile`; None: the policy's.
            impostor: whom that rate counts; None: the policy's.
            refer_fmr: a higher rate up to which a person shall decide; None: the policy's.

        Raises:
            UnknownUser: nobody of that id is enrolled by such captures, and the policy lets that be known.
            UntrustedCapture: they have to be signed, and one is not as it has to be: nothing is decided, and
                no failure of that person is counted.
            InvalidSignature: no captures, or two of one kind.
            ConfigError: the model has no threshold for that rate, or no model takes captures of that kind.
            StoreError: the store cannot be read, or written: without a record there is no answer.
        """
        policy = self.policy.asking(fmr=fmr, impostor=impostor, refer_fmr=refer_fmr)
        captures, claims = self._provenance.opened(signature, Purpose.DECIDE)
        shown = self._recognizers.each_of(captures)
        return self._verification.verify(user_id, shown, policy, kinds=len(self.modalities), claims=claims)

    def score(self, user_id: str, signature: object) -> float:
        """Return the likeness of `signature` to that person's references, 0 to 1.

        Raises:
            UnknownUser: nobody of that id is enrolled by such captures.
            UntrustedCapture: it has to be signed, and is not as it has to be.
        """
        signature = self._provenance.used(signature, Purpose.DECIDE)
        return self._recognizers.of(signature).comparer.score(user_id, signature)

    def similarity(self, probe: object, references: object) -> Similarity:
        """Say how alike captures are that nobody is enrolled by, with the models at hand.

        See `sigverify.similarity`. Neither the store nor the policy has a part in it: whoever may ask can try
        out a forgery as often as they like, so it is not for callers that are not trusted.

        Raises:
            InvalidSignature: no captures, or captures of different kinds.
            FormatError: a file that cannot be read.
            ConfigError: no references, too many of them, or no model for captures of this kind.
        """
        captures = read_captures(probe, references)
        return compare(self._recognizers.of(captures[0]).matcher, captures)

    def identify(
        self,
        signature: object,
        *,
        top_k: int = 5,
        fpir: float | None = None,
        among: str | None = None,
        remember: bool = True,
    ) -> Matches:
        """Find the people whose references of the same kind are most like `signature`, best first.

        Vectors rule out all but a shortlist, and those are compared in full, as `score` does. Without `fpir`
        that is a ranking: somebody is always most alike. With it, whoever is in no reference's reach comes
        back empty, and the result is true only where somebody was found. For a capture that is too poor to be
        compared, blank paper or a dot, nobody is named, and `Matches.flaw` says why.

        Args:
            signature: the probe.
            top_k: how many to return at most.
            fpir: the rate at which a stranger may be taken for somebody: 0.01 names one stranger in a
                hundred. The threshold rises with the number of people searched.
            among: search only the people in this group.
            remember: take the same capture for a copy from now on, where the policy looks for copies. Turn it
                off where `verify` decides by this very capture next.

        Raises:
            UntrustedCapture: it has to be signed, and is not as it has to be.
            ConfigError: `top_k` is less than 1, `fpir` is no rate, or `among` cannot name a group.
        """
        if remember:
            signature = self._provenance.used(signature, Purpose.DECIDE)
        else:
            signature, _ = self._provenance.opened(signature, Purpose.DECIDE)
        recognizer = self._recognizers.of(signature)
        matcher = recognizer.matcher
        examined = matcher.examine(signature)
        # What is asked for is checked of a poor capture too, by a search whose result is not told.
        probe = matcher.embed(signature) if examined.embedding is None else examined.embedding
        matches = recognizer.searcher.search(probe, top_k=top_k, fpir=fpir, among=among)
        if examined.flaw is not None:
            return Matches(fpir=fpir, flaw=examined.flaw)
        if remember and self.policy.replay:
            self._verification.remember([(recognizer.comparer, signature)])
        if self.policy.reveal_score:
            return matches
        return Matches((replace(match, score=None) for match in matches), fpir=fpir)

    def challenge(self) -> bytes:
        """Return 16 random bytes for a pen to sign its next capture with: good once, for two minutes.

        Where each line has challenges of its own, make `Challenges` for each, and name them in
        `SignedCapture.line`.
        """
        return self._provenance.challenges.give()

    def checked(self, signature: object, purpose: Purpose | str = Purpose.DECIDE) -> object:
        """Check who signed a capture that `identify` and then `verify` are asked about.

        What it returns is taken by both, of this verifier: by `identify` with `remember=False`, and `verify`
        uses it up. One signed to be enrolled an enrollment takes. Where captures need not be signed, that is
        the capture itself.

        Raises:
            UntrustedCapture: it has to be signed, and is not as it has to be.
            InvalidSignature, FormatError: what was signed is no capture.
        """
        return self._provenance.checked(signature, Purpose(purpose))

    @property
    def takes_signed_only(self) -> bool:
        """Whether captures have to be signed."""
        return self._provenance.keys is not None

    def prepare(self) -> int:
        """Read what `identify` needs, so that the first one need not wait; return how many are enrolled."""
        return self._recognizers.prepare()

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

    def users(self, modality: str | None = None) -> tuple[str, ...]:
        """Return the ids of all enrolled, or of those enrolled by one kind of capture, sorted."""
        return self.store.users(modality)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the kinds of capture that are taken ("pen", "image"); that of `model` first."""
        return self._recognizers.kinds

    def forget(self, user_id: str) -> Erasure:
        """Delete a person's references of all kinds for good, and all that was noted about their tries.

        Returns:
            whether they are overwritten, too; `PENDING` (not true) where somebody has been reading for long.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        return administration.forget(self.store, user_id)

    def restore_references(self, user_id: str) -> bool:
        """Undo all renewals of a user's references (`Policy.adaptive`); False: there were none.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        with self.store.transaction() as records:
            enrolled = self.store.modalities(user_id)  # raises for who is unknown
            taken = [each for each in self.modalities if each in enrolled]
            undone = [each for each in taken if undo(self.store, records, user_id, each)]
            if undone:
                self.audit.append(records, Event.ADAPTATION_UNDONE, user_id)
            return bool(undone)

    def unlock(self, user_id: str = DEVICE) -> None:
        """Let a user, or without a name everybody on this device, try again at once.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """
        administration.unlock(self.store, user_id)

    def _as_reference(self, capture: object) -> object:
        return self._provenance.used(capture, Purpose.ENROLL)

    def close(self) -> None:
        """Close the store; closing twice is fine."""
        self.store.close()


def _refuse_copy(path: str | Path, cache: str | Path | None, counter: Counter | None) -> None:
    """Refuse what a search by the server has not: a file, a copy of this kiosk's, and a counter of it."""
    if is_server(path) and cache is None and counter is None:
        return
    others = [name for name, its in (("cache", cache), ("counter", counter)) if its is not None]
    raise ConfigError(
        "with the index 'server' a PostgreSQL server searches, and there is no copy here",
        expected="postgresql://…, without cache and counter",
        received=" and ".join(others) or "a store in a file",
        hint="For a file, or a copy of a fleet's store, take 'exact' or 'approximate'",
    )


def _refuse_adaptive(policy: Policy | None) -> None:
    if policy is not None and policy.adaptive:
        raise ConfigError(
            "references of a fleet cannot be renewed by themselves",
            expected="Policy.adaptive off",
            hint="Two kiosks' renewals of one person cannot be merged: enroll again now and then",
        )
