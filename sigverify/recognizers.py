"""`Recognizers`: what recognizes people by each kind of capture; a kind is opened when it is first needed."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace as replaced

from sigverify.comparer import Comparer
from sigverify.enrollment.enroller import Enroller, listed, screening_of
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import ConfigError, InvalidSignature, StoreError
from sigverify.forking import OwnLock
from sigverify.matcher import Matcher
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.registry import find_modality, modality_of
from sigverify.policy import Policy, check_policy
from sigverify.protection.stations import Stations
from sigverify.search import IndexKind, Searcher
from sigverify.search.groups import check_groups
from sigverify.store import Store


class Recognizer:
    """What one model does in one store: compare, enroll and search by one kind of capture."""

    def __init__(
        self,
        store: Store,
        matcher: Matcher,
        policy: Policy,
        index: IndexKind | str,
        stations: Stations | None,
    ) -> None:
        """Put the parts together.

        Raises:
            StoreError: the store holds templates of another model of this modality.
        """
        self.matcher = matcher
        self.comparer = Comparer(store, matcher, stations)
        self.enroller = Enroller(store, matcher, policy, stations)
        self.searcher = Searcher(store, matcher, kind=index, stations=stations)
        bound, model = store.models().get(matcher.modality.name), matcher.model
        if bound not in (None, model.id):
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {model.id} ({model.manifest.name})",
                hint="Open it with the model it was enrolled with, or enroll into a new store",
            )


class Recognizers:
    """One `Recognizer` a kind of capture, in one store. Any thread may call any method."""

    def __init__(
        self,
        store: Store,
        matcher: Matcher,
        others: Mapping[str, Callable[[], Matcher]],
        *,
        policy: Policy | None,
        index: IndexKind | str,
        stations: Stations | None = None,
    ) -> None:
        """Take the matcher of the first kind, and what opens those of others, by their modalities.

        Raises:
            ConfigError: a policy is given that cannot work with the first model.
            StoreError: see `Recognizer`.
        """
        self._store = store
        self._policy = policy
        self._stations = stations
        self._index = index
        self._lock = OwnLock("the verifier")
        self._others = {name: opener for name, opener in others.items() if name != matcher.modality.name}
        self._open: dict[str, Recognizer] = {}
        self.first = self._opened(matcher)
        """That of the first kind, which most captures are of."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the modalities of which captures are taken, the first one first."""
        return (self.first.comparer.modality, *self._others)

    def at(self, modality: str) -> Recognizer:
        """Return that of a modality, opened if it was not yet.

        Raises:
            ConfigError: there is none, what opens it opens another, or the policy cannot work with its model.
            SigverifyError: whatever keeps the model from being opened.
        """
        with self._lock.hold():
            if modality in self._open:
                return self._open[modality]
            if modality not in self._others:
                raise ConfigError(
                    "no model here takes captures of this kind",
                    expected=" or ".join(self.kinds),
                    received=str(modality)[:60],
                    hint="For pictures open it with an image_model (--image-model), else with another model",
                )
            return self._opened(self._others[modality](), modality)

    def of(self, capture: object) -> Recognizer:
        """Return that of the kind that a capture is of.

        Raises:
            InvalidSignature: no capture.
            ConfigError, SigverifyError: see `at`.
        """
        for recognizer in tuple(self._open.values()):
            if isinstance(capture, recognizer.matcher.modality.capture):
                return recognizer
        try:
            return self.at(modality_of(capture).name)
        except InvalidSignature:
            classes = [find_modality(name).capture.__name__ for name in self.kinds]
            raise InvalidSignature(
                "no signature",
                expected=" or ".join(f"a {name}" for name in classes),
                received=type(capture).__name__,
                hint="Read files with read_capture, make arrays into Signature(x, y, time_ms)",
            ) from None

    def each_of(self, captures: object) -> list[tuple[Comparer, object]]:
        """Return what compares the captures of one try, one or several of different kinds, with each of them.

        Raises:
            InvalidSignature: none, or two of one kind.
            ConfigError, SigverifyError: see `of`.
        """
        several = captures if isinstance(captures, tuple | list) else (captures,)
        shown = {self.of(each).comparer: each for each in several[: len(self.kinds) + 1]}
        if not shown or len(shown) != len(several):
            raise InvalidSignature(
                "captures of one try",
                expected="one, or one of each kind: " + ", ".join(self.kinds),
                received=", ".join(type(each).__name__ for each in several[:4]) or "none",
            )
        order = self.kinds
        return sorted(shown.items(), key=lambda pair: order.index(pair[0].modality))

    def enroll(
        self,
        user_id: str,
        captures: Iterable[object],
        *,
        replace: bool,
        quality: str,
        groups: Sequence[str],
        names: Sequence[str],
    ) -> EnrollmentReceipt:
        """Enroll somebody by all kinds of captures given, wholly or not at all; see `Verifier.enroll`."""
        start = time.perf_counter()
        user_id = self.first.enroller.new_user_id(user_id)
        screening, groups = screening_of(quality), check_groups(groups)
        # One more than is allowed is enough to refuse: somebody may hand in an iterator without end.
        offered = listed(captures, len(self.kinds) * MAX_REFERENCES + 1)
        if names and len(names) < len(offered):
            raise ConfigError("names of signatures", expected="one for each", received=str(len(names)))
        sets: dict[Recognizer, list[int]] = {}
        for number, capture in enumerate(offered):
            sets.setdefault(self.of(capture), []).append(number)
        sets = sets or {self.first: []}
        looked_at = {
            recognizer.enroller: recognizer.enroller.look_at(
                [offered[number] for number in numbers],
                [names[number] for number in numbers] if names else _numbered(numbers, len(sets)),
                screening,
            )
            for recognizer, numbers in sets.items()
        }
        with self._store.transaction():
            receipts = {
                enroller.matcher.modality.name: enroller.store_references(
                    user_id,
                    candidates,
                    range(len(candidates.captures)),
                    replace=replace,
                    groups=groups,
                    start=start,
                )
                for enroller, candidates in looked_at.items()
            }
        main = min(receipts, key=self.kinds.index)
        return replaced(receipts.pop(main), also=receipts, latency_ms=(time.perf_counter() - start) * 1000)

    def prepare(self) -> int:
        """Read what searches need of all kinds enrolled; return how many people there are."""
        enrolled = self._store.models()
        for name in self.kinds:
            if name in enrolled:
                self.at(name).searcher.prepare()
        return len(self._store)

    def _opened(self, matcher: Matcher, modality: str | None = None) -> Recognizer:
        """Keep what a matcher makes possible."""
        name = matcher.modality.name
        if modality not in (None, name):
            raise ConfigError(
                "a model of another kind of capture",
                expected=str(modality),
                received=f"{name}: {matcher.model!r}",
            )
        if self._policy is not None:  # without one, each `verify` may still name a rate that this model has
            check_policy(self._policy, matcher.scoring)
        recognizer = Recognizer(self._store, matcher, self._policy or Policy(), self._index, self._stations)
        self._open[name] = recognizer
        return recognizer


def _numbered(numbers: Sequence[int], kinds: int) -> list[str]:
    """Name references of several kinds by their place among all that were handed in."""
    return [f"reference {number + 1}" for number in numbers] if kinds > 1 else []
