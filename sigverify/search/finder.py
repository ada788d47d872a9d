"""`Finder`: what finds the people whom a search compares in full."""

from typing import Protocol

from sigverify.arrays import Float32Array
from sigverify.template import Template


class Finder(Protocol):
    """Finds the nearest people of one store and modality, as they are enrolled now."""

    def prepare(self) -> int:
        """Do what the next search would have to wait for; return how many people there are."""

    def find(self, vector: Float32Array, count: int, among: str | None = None) -> tuple[list[Template], int]:
        """Return the templates of the nearest people, best first, and how many people were searched.

        Args:
            vector: `(e,)` of length 1, turned as the store's are.
            count: how many people; fewer come back where there are no more.
            among: search this group only.

        Raises:
            ConfigError: that cannot name a group.
            StoreError: the store cannot be read.
        """
