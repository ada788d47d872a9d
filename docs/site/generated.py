"""`GENERATED`: pages that are made when the site is built, and what makes each."""

from collections.abc import Callable, Mapping
from typing import Final

from api_reference import api_reference
from c_reference import c_reference
from cli_reference import cli_reference
from rest_reference import rest_reference

GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "reference/cli.md": cli_reference,
    "reference/api.md": api_reference,
    "reference/c.md": c_reference,
    "reference/rest.md": rest_reference,
}
