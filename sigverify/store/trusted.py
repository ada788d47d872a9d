"""`untrusted`: which templates of a store no enrollment station that is trusted signed."""

from dataclasses import replace

from sigverify.errors import StoreError, UntrustedTemplate
from sigverify.protection.stations import Stations
from sigverify.store.check import Damage, Finding, Health, Part
from sigverify.store.sealed import SealedStore


def untrusted(store: SealedStore, stations: Stations) -> list[Finding]:
    """Return a finding for each such template; one that does not open `check` finds."""
    found = []
    for user_id in store.users():
        for modality in store.modalities(user_id):
            try:
                stations.check(store.get(user_id, modality))
            except UntrustedTemplate as error:
                found.append(
                    Finding(
                        part=Part.TEMPLATES,
                        row=user_id,
                        damage=Damage.UNTRUSTED,
                        detail=error.reason,
                        modality=modality,
                    )
                )
            except StoreError:
                continue
    return found


def with_untrusted(health: Health, store: SealedStore, stations: Stations) -> Health:
    """Return what a check found, and the templates that nobody trusted signed."""
    return replace(health, findings=(*health.findings, *untrusted(store, stations)))
