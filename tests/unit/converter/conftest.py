import pytest
from toy_networks import keras_network, write_run


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory):
    """A run folder around an untrained network. Tests that change it copy it first."""
    return write_run(tmp_path_factory.mktemp("runs") / "toy", keras_network())
