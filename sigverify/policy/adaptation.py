"""Adaptation: references follow how a person's signature changes over the years, slowly and within bounds.

After an acceptance with confidence the probe takes the place of the oldest reference that may be renewed:

- Bounded: at most the later half of the references is ever renewed. The first ones, signed at enrollment,
  stay for good, and a probe must score against those alone what it scores against all. So nobody walks the
  template away in small steps. `Policy.adaptive` allows one renewal a day.
- Reversible: the template as enrolled is kept, and `Verifier.restore_references` puts it back.

Records: of kind "adaptation" the template as it was before the first renewal (`Template.to_bytes`; a rekey
turns it with the others); of kind "adaptation-state" how often, and when last. Those kinds are of the pen; of
another modality, its name follows: "adaptation image".

Source: U. Uludag, A. Ross, A. Jain, "Biometric template selection and update", 2004.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

from sigverify.arrays import Float32Array
from sigverify.errors import StoreError
from sigverify.matcher import Matcher
from sigverify.matching.embedding import Embedding, References
from sigverify.policy.clock import Instant
from sigverify.store import Records, Store
from sigverify.template import Template, record_kind

ORIGINAL: Final = "adaptation"
STATE: Final = "adaptation-state"
LEAST_REFERENCES: Final = 3
"""Fewer leave nothing to hold on to."""
CONFIDENCE: Final = 0.6
"""Of the decision, and again of the comparison with the references that stay."""
PAUSE_S: Final = 86_400.0
"""Between two renewals: whoever gets in once does not get the template."""


_FORM: Final = struct.Struct("<HIdd")
_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True)
class State:
    """How often a template was renewed, and when last."""

    renewals: int
    last: Instant

    def to_bytes(self) -> bytes:
        """Pack."""
        return (
            _FORM.pack(_VERSION, self.renewals, self.last.boot_s, self.last.wall_s) + self.last.boot.encode()
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Unpack.

        Raises:
            StoreError: not what `to_bytes` wrote.
        """
        try:
            version, renewals, boot_s, wall_s = _FORM.unpack_from(content)
            boot = content[_FORM.size :].decode()
        except (struct.error, ValueError) as error:
            raise StoreError("a record of renewed references is damaged") from error
        if version != _VERSION:
            raise StoreError("a record of renewed references of another version", received=str(version))
        return cls(renewals=renewals, last=Instant(boot=boot, boot_s=boot_s, wall_s=wall_s))


def kinds(modality: str) -> tuple[str, str]:
    """Return the kinds of the records of one modality: of the template as enrolled, and of the state.

    >>> kinds("pen"), kinds("image")
    (('adaptation', 'adaptation-state'), ('adaptation image', 'adaptation-state image'))
    """
    return record_kind(ORIGINAL, modality), record_kind(STATE, modality)


def anchors(template: Template) -> int:
    """How many references stay for good: the first half, rounded up."""
    return (len(template) + 1) // 2


def renew(
    store: Store,
    records: Records,
    matcher: Matcher,
    user_id: str,
    probe: Embedding,
    accepted: Callable[[References, Float32Array], bool],
    *,
    now: Instant,
) -> bool:
    """Put an accepted probe in the place of the oldest reference that may go; False: too soon, or not alike.

    Args:
        store: of the templates.
        records: of the transaction that this works within.
        matcher: of the model that the templates are of.
        user_id: whose probe it is.
        probe: in the model's own coordinates.
        accepted: whether the probe would be accepted, with confidence, by these references, in the model's
            own coordinates too, and their spread.
        now: the time.
    """
    modality = matcher.modality.name
    original_kind, state_kind = kinds(modality)
    content = records.get(state_kind, user_id)
    state = None if content is None else State.from_bytes(content)
    if state is not None and now.since(state.last) < PAUSE_S:
        return False
    template = store.get(user_id, modality)
    first = anchors(template)
    if len(template) < LEAST_REFERENCES or not accepted(
        store.renewal.restore(template.references.take(range(first))), template.spread[:first, :first]
    ):
        return False
    renewals = 0 if state is None else state.renewals
    if state is None:
        records.put(original_kind, user_id, template.to_bytes())
    place = first + renewals % (len(template) - first)
    plain = store.renewal.restore(template.references)
    kept = [plain[index] for index in range(len(plain)) if index != place]
    changed = References.stack([*kept[:place], probe, *kept[place:]])
    store.put(
        replace(matcher.template(user_id, changed, store.renewal), created=template.created), replace=True
    )
    records.put(state_kind, user_id, State(renewals=renewals + 1, last=now).to_bytes())
    return True


def undo(store: Store, records: Records, user_id: str, modality: str) -> bool:
    """Put the template of that modality back as it was enrolled; False: it never changed."""
    original = records.get(kinds(modality)[0], user_id)
    if original is None:
        return False
    store.put(Template.from_bytes(original), replace=True)
    for kind in kinds(modality):
        records.delete(kind, user_id)
    return True
