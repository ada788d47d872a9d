"""`Asked`: a request as it came, and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.capability import Capability
from sigverify.actor import Actor


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What has to be known of a request to carry it out, in whichever process.

    Attributes:
        operation: its name.
        body: nobody has looked into it.
        query, path: parameters.
        actor: who asks, for the audit log.
        operator: whether that is an operator.
        may: what they are allowed.
        session: the operator's session that was named.
    """

    operation: str
    body: bytes
    query: Mapping[str, str]
    path: Mapping[str, str]
    actor: Actor
    operator: bool
    may: frozenset[Capability]
    session: str | None
