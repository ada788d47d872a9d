import numpy as np
import pytest
from builders import signature
from PIL import Image

from sigverify import Signature
from sigverify.errors import ConfigError
from sigverify.plotting.pen import plot_alignment

pytest.importorskip("matplotlib")
ORANGE, BLUE = (213, 94, 0), (31, 58, 104)


def close_to(path, colour):
    """Count the pixels of a written picture that are of that colour, nearly."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[:700]  # without the scale of colours
    return int((np.abs(pixels - colour).max(axis=-1) < 12).sum())


def test_where_two_differ_the_first_is_of_another_colour(tmp_path):
    same = plot_alignment(signature(0), signature(0), tmp_path / "same.png", titles=("a", "a"))
    assert close_to(same, ORANGE) == 0
    assert close_to(same, BLUE) > 1000
    other = plot_alignment(signature(0), signature(2), tmp_path / "other.png", flip_y=True)
    assert close_to(other, ORANGE) > 500


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_without_pressure_on_one_side(tmp_path, suffix):
    its = signature(0)
    plain = Signature(its.x, its.y, its.time_ms, None, its.ink)
    assert plot_alignment(plain, its, tmp_path / f"x{suffix}").stat().st_size > 5000


def test_no_such_format(tmp_path):
    with pytest.raises(ConfigError, match=r"expected .png or .pdf or .svg; received '.gif'"):
        plot_alignment(signature(0), signature(1), tmp_path / "x.gif")
