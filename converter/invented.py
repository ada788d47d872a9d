"""Invented people that stand in where there are too few; the models that ship saw others."""

from collections.abc import Mapping
from typing import Final

TO_CALIBRATE: Final[Mapping[str, str]] = {
    "pen": "synthetic:writers=50,genuine=9,skilled=9,seed=14,device=mixed",
    "image": "rendered:synthetic:writers=50,genuine=9,skilled=9,seed=34",
}
"""By modality: whom the scores of a run are fitted on that holds out too few."""

TO_COMPARE: Final[Mapping[str, str]] = {
    "pen": "synthetic:writers=40,genuine={genuine},skilled=0,seed=13,device=mixed",
    "image": "rendered:synthetic:writers=40,genuine={genuine},skilled=0,seed=33",
}
"""By modality: with whom the people of a device are compared."""

TO_MEET: Final[Mapping[str, str]] = {"pen": "synthetic:writers=200,genuine=1,skilled=0,seed=15"}
"""By modality: of whom the cohort of a model is chosen."""

TO_ENROLL: Final[Mapping[str, str]] = {"pen": "synthetic:writers=60,genuine=5,skilled=0,seed=16"}
"""By modality: who is enrolled to choose them by."""
