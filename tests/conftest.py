import os
from pathlib import Path

import pytest
from hypothesis import settings

# One machine's speed is no property of the code; `make fuzz` looks much longer.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("fuzz", deadline=None, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a file name to its path among the real data, which skips where it is absent."""
    folder = Path(os.environ.get("SIGVERIFY_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(name):
        if not (folder / name).is_file():
            pytest.skip(
                f"no {name} in {folder}: real signatures are not part of the repository (SIGVERIFY_DATA)"
            )
        return folder / name

    return find
