"""LiteRT's shared library with both networks: what the manifest says of them is checked before they run."""

from dataclasses import replace

import pytest
from native_core import NativeVerifier

from sigverify.errors import IncompatibleModel, MalformedModel, RuntimeUnavailable
from sigverify.runtime.native.embedder import litert_library


@pytest.fixture(scope="module")
def opened(library):
    """A function that opens a model by LiteRT."""
    try:
        path = litert_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    return lambda model: NativeVerifier(library, model, path)


def described(model, name, **changes):
    """The same networks under a manifest that says something else of one tensor."""
    tensors = {each: dict(its) for each, its in model.manifest.tensors.items()}
    tensors[name] |= changes
    return replace(model, manifest=replace(model.manifest, tensors=tensors))


def test_the_model_that_ships_is_opened(opened, base):
    opened(base)


@pytest.mark.parametrize("name", ["input", "vector", "pair_input", "pair"])
@pytest.mark.parametrize(
    "changes", [{"dtype": "uint8"}, {"dtype": "float32"}, {"scale": 0.5}, {"zero_point": 77}]
)
def test_a_manifest_that_describes_other_tensors(opened, base, name, changes):
    """Buffers have the sizes of the manifest: a network must not write past them."""
    with pytest.raises(MalformedModel):
        opened(described(base, name, **changes))


@pytest.mark.parametrize("name", ["pair_input", "pair"])
def test_a_pair_network_that_is_not_described_runs_in_python_only(opened, base, name):
    tensors = {each: its for each, its in base.manifest.tensors.items() if each != name}
    with pytest.raises(IncompatibleModel):
        opened(replace(base, manifest=replace(base.manifest, tensors=tensors)))


@pytest.mark.parametrize("pair_network", ["the first one", "none"])
def test_another_network_in_place_of_the_pair_network(opened, base, pair_network):
    content = base.network if pair_network == "the first one" else b"no network"
    with pytest.raises(MalformedModel):
        opened(replace(base, pair_network=content))


def test_the_pair_network_in_place_of_the_first(opened, base):
    with pytest.raises(MalformedModel):
        opened(replace(base, network=base.pair_network))
