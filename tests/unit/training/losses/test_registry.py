import pytest

from sigverify.errors import ConfigError
from sigverify.training.losses import LOSSES, build_loss, output_of


def test_every_name_makes_a_loss():
    for name in LOSSES:
        assert build_loss(name, {}, genuine=3, skilled=2).name == name
        assert output_of(name) in {"vector", "sequence", "writers"}


def test_options_arrive():
    assert build_loss("alignment", {"tau": 0.2}, genuine=3, skilled=2).get_config()["tau"] == 0.2


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("softmax", {}, "unknown loss"),
        ("triplet", {"tau": 1}, "no such option"),
        ("alignment", {"genuine": 1}, "no such option"),
        ("triplet", {"margin": "wide"}, "another type"),
    ],
)
def test_what_does_not_exist_is_refused(name, options, says):
    with pytest.raises(ConfigError, match=says):
        build_loss(name, options, genuine=3, skilled=2)
