"""`Comparer`: compares captures of one kind with the references that a store has of somebody."""

from functools import cached_property

from sigverify.errors import MalformedTemplate, UnknownUser
from sigverify.matcher import Matcher
from sigverify.matching.comparison import Comparison
from sigverify.matching.embedding import Embedding, References
from sigverify.policy.decoy import Decoy
from sigverify.protection.stations import Stations
from sigverify.store import Store
from sigverify.template import Template


class Comparer:
    """Compares by one model, with the templates of its modality in one store. Threads may share it."""

    def __init__(self, store: Store, matcher: Matcher, stations: Stations | None = None) -> None:
        """Take the parts; `stations` say whose templates are used, None: anybody's."""
        self._stations = stations
        self.matcher = matcher
        self.modality = matcher.modality.name
        """Name of the kind of capture."""
        self._store = store

    def template(self, user_id: str) -> Template:
        """Return somebody's template.

        Raises:
            UnknownUser: nobody of that id is enrolled, or only by captures of another kind.
            MalformedTemplate: it is of another model.
            UntrustedTemplate: no station that is trusted signed it.
        """
        try:
            template = self._store.get(user_id, self.modality)
        except UnknownUser:
            others = " and ".join(self._store.modalities(user_id))  # raises for who is unknown altogether
            raise UnknownUser(
                f"{user_id!r} is enrolled by {others}, not by {self.modality}",
                hint=f"Enroll references of the kind {self.modality} too, or show the kind there is",
            ) from None
        if template.model_id != self.matcher.model.id:
            raise MalformedTemplate(
                "a template of another model",
                expected=self.matcher.model.id,
                received=template.model_id,
                hint="Enroll again",
            )
        if self._stations is not None:
            self._stations.check(template)
        return template

    def plain(self, template: Template) -> References:
        """Return references out of the store's coordinates, which tell a network nothing."""

        def restore(references: References) -> References:
            return self._store.renewal.restore(references)

        return template.restored(restore)

    def compare(self, probe: Embedding, template: Template) -> Comparison:
        """Compare a probe in the model's own coordinates with somebody's references."""
        return self.matcher.compare(probe, self.plain(template), template.spread)

    def score(self, user_id: str, capture: object) -> float:
        """Return the likeness of a capture to that person's references, 0 to 1; see `Verifier.score`."""
        template = self.template(user_id)
        return self.matcher.score_of(self.compare(self.matcher.embed(capture), template))

    @cached_property
    def decoy(self) -> Decoy:
        """What a probe is compared with where there is no template."""
        return Decoy(self.matcher)
