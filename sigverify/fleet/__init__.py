"""Many kiosks on one gallery: the server has the references, and each kiosk a sealed copy to go on with."""

from sigverify.fleet.store import FleetStore

__all__ = ["FleetStore"]
