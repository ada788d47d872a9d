import numpy as np
import pytest
from PIL import Image
from toy_images import picture

from sigverify.errors import ConfigError
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.plotting.image import plot_difference, plot_image

pytest.importorskip("matplotlib")
ORANGE, BLUE = (213, 94, 0), (31, 58, 104)


def close_to(path, colour):
    """Count the pixels of a written picture that are of that colour, nearly."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[:900]  # without the scale of colours
    return int((np.abs(pixels - colour).max(axis=-1) < 12).sum())


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_and_what_was_found_in_it(tmp_path, suffix):
    written = plot_image(picture(0), tmp_path / f"x{suffix}", title="alice")
    assert written.stat().st_size > 5000


def test_a_picture_without_ink_can_be_looked_at(tmp_path):
    blank = SignatureImage(np.full((60, 200), 255, np.uint8))
    assert plot_image(blank, tmp_path / "x.png").is_file()


def test_where_two_differ_the_ink_is_of_another_colour(tmp_path):
    grey = picture(0).grey.copy()
    same = plot_difference(picture(0), SignatureImage(grey), tmp_path / "same.png", titles=("a", "a"))
    assert close_to(same, ORANGE) == 0
    assert close_to(same, BLUE) > 1000
    grey[20:180, 230:300] = 255
    grey[95:105, 230:300] = 20  # a part that was replaced by a dash
    changed = plot_difference(picture(0), SignatureImage(grey), tmp_path / "changed.png")
    assert close_to(changed, ORANGE) > 300
    other = plot_difference(picture(0), picture(2), tmp_path / "other.png")
    assert close_to(other, ORANGE) > close_to(changed, ORANGE)


def test_no_such_format(tmp_path):
    with pytest.raises(ConfigError, match=r"expected .png or .pdf or .svg; received '.gif'"):
        plot_difference(picture(0), picture(1), tmp_path / "x.gif")
