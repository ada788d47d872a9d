"""Rendered corpora: deterministic, with the truth of the strokes, and nothing in them that betrays it."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from sigverify.corpora import Corpus, Kind, Sample, open_corpus
from sigverify.corpora.rendered import NibKind, RenderConfig, ScannerKind, render, render_sample
from sigverify.corpora.rendered.ink import Writing, draw_ink
from sigverify.corpora.rendered.nib import Nib, draw_nib, draw_screen_line
from sigverify.corpora.rendered.scanner import Scanner, draw_scanner
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import ConfigError, CorpusError
from sigverify.modality.image.ink import look_for_ink
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature


@pytest.fixture(scope="module")
def strokes():
    return synthesize(SyntheticConfig(writers=8, genuine=4, skilled=4, seed=2))


@pytest.fixture(scope="module")
def pictures(strokes):
    return render(strokes)


def ink_width(grey):
    """Twice the area of the ink over its outline: of a line about its width, pixels."""
    ink = look_for_ink(grey).where
    outline = np.count_nonzero(ink[1:] != ink[:-1]) + np.count_nonzero(ink[:, 1:] != ink[:, :-1])
    return 2 * np.count_nonzero(ink) / max(outline, 1)


def line(count=60, *, length=300.0, speed=1.0, pressure=None):
    """A level line of `length`, with its end a little lower: a signature needs some height."""
    x = np.linspace(0, length, count)
    return Signature(x, np.where(x > length * 0.9, 40.0, 0.0), np.arange(count) * 10 / speed, pressure)


def test_truth_stays(strokes, pictures):
    assert pictures.name == f"rendered-{strokes.name}"
    assert pictures.licence_note == strokes.licence_note
    assert [sample.key for sample in pictures.samples] == [sample.key for sample in strokes.samples]
    assert all(isinstance(sample.capture, SignatureImage) for sample in pictures.samples)
    assert pictures.modality.name == "image"


def test_each_picture_has_ink_and_paper(pictures):
    for sample in pictures.samples:
        grey = sample.capture.grey
        assert 200 < max(grey.shape) <= 900
        assert np.median(grey) > 128
        # Ink reaches over the sheet: neither lost, nor joined by the noise of the paper.
        assert 0.01 < sample.capture.sheet.ink.mean() < 0.5
        assert sample.capture.sheet.ink.max(axis=0).mean() > 0.2


def test_same_settings_give_the_same_pictures(strokes, pictures):
    assert render(strokes.select(["000003"])).samples == pictures.select(["000003"]).samples
    sample = strokes.samples[5]
    assert render_sample(sample, RenderConfig()) == pictures.samples[5]


def test_another_seed_gives_other_pictures(strokes, pictures):
    other = render(strokes.select(["000003"]), RenderConfig(seed=1))
    same = [
        a.capture == b.capture
        for a, b in zip(other.samples, pictures.select(["000003"]).samples, strict=True)
    ]
    assert not any(same)


def test_processes_give_the_same(strokes, pictures, monkeypatch):
    monkeypatch.setattr(sys.modules["sigverify.corpora.rendered.render"], "_AT_ONCE", 4)
    few = strokes.select(["000001", "000002"])
    assert render(few, workers=2).samples == pictures.select(few.writers).samples


def test_pen_and_paper_do_not_tell_forgeries():
    """The same line, signed and forged: width, paper and size have the same distribution."""
    samples = tuple(
        Sample(f"{writer:03d}", kind, number, line())
        for writer in range(60)
        for kind in Kind
        for number in range(2)
    )
    drawn = render(Corpus("lines", samples))
    measures = {
        kind: np.array(
            [
                (np.log(ink_width(s.capture.grey)), np.median(s.capture.grey), np.log(s.capture.grey.size))
                for s in drawn.samples
                if s.kind is kind
            ]
        )
        for kind in Kind
    }
    genuine, skilled = (measures[kind] for kind in Kind)
    error = np.sqrt((genuine.var(axis=0) + skilled.var(axis=0)) / len(genuine))
    # Four standard errors, widened by half for what signatures of one writer share.
    assert np.all(np.abs(genuine.mean(axis=0) - skilled.mean(axis=0)) < 6 * error)


def test_a_writer_mostly_keeps_the_pen():
    samples = tuple(
        Sample(f"{writer:02d}", Kind.GENUINE, n, line()) for writer in range(12) for n in range(4)
    )
    corpus = Corpus("lines", samples)

    def spread(same_pen):
        drawn = render(corpus, RenderConfig(same_pen=same_pen, scanner="flatbed"))
        width = np.array([np.log(s.capture.sheet.ink.mean()) for s in drawn.samples]).reshape(12, 4)
        return width.std(axis=1).mean()

    assert spread(1.0) < 0.6 * spread(0.0)


def test_speed_and_pressure_make_the_ink():
    rng = np.random.default_rng(0)
    nib = Nib(width=0.05, ink=0.8, spread=0.4, flow=0.2, fade=0.3)
    width, dark = nib.line(rng, np.array([1.0, 1.0, 1.0, 2.0]), np.array([1.0, 3.0, 0.3, 1.0]))
    assert width[1] < width[0] < width[2]
    assert dark[1] < dark[0] < dark[2]
    assert width[3] > width[0]
    assert dark[3] > dark[0]
    assert width[0] == pytest.approx(0.05)
    assert dark[0] == pytest.approx(0.8)


def test_skips_are_as_frequent_as_said():
    rng = np.random.default_rng(0)
    ones = np.ones(20_000)
    _, dark = Nib(width=0.05, ink=0.8, skips=0.05).line(rng, ones, ones)
    assert np.mean(dark == 0) == pytest.approx(0.05, abs=0.01)


def test_pressure_is_seen_in_the_picture():
    pressure = np.where(np.arange(60) < 30, 200.0, 700.0) + np.arange(60)
    config = RenderConfig(nib="fountain", scanner="flatbed", strength=0)
    grey = render_sample(Sample("1", Kind.GENUINE, 1, line(pressure=pressure)), config).capture.grey
    ink = (np.median(grey) - grey).sum(axis=0)
    inked = ink[ink > 0.05 * ink.max()]
    sixth = len(inked) // 6
    assert np.median(inked[3 * sixth : 5 * sixth]) > 1.2 * np.median(inked[sixth : 2 * sixth])


def test_y_grows_up_unless_flipped():
    strokes = line()
    up = Writing.of(strokes).xy[:, 1]
    down = Writing.of(strokes, flip_y=True).xy[:, 1]
    assert up[-1] < up[0]
    assert down[-1] > down[0]


def test_lifts_are_not_drawn():
    x = np.concatenate([np.linspace(0, 100, 30), np.linspace(200, 300, 30)])
    ink = np.ones(60, bool)
    ink[[0, 30]] = False
    writing = Writing.of(Signature(x, x % 7, np.arange(60) * 10.0, None, ink))
    xy = 40 * (writing.xy - writing.xy.min(axis=0)) + 5
    size = int(xy[:, 0].max()) + 6, int(xy[:, 1].max()) + 6
    count = len(xy)
    drawn = np.asarray(draw_ink(xy, writing.ink, np.full(count, 2.0), np.ones(count), size))
    columns = drawn.max(axis=0) > 0
    third = len(columns) // 3
    assert columns[5 : third - 5].all()
    assert columns[2 * third + 5 : -8].all()
    assert not columns[third + 5 : 2 * third - 5].any()


@pytest.mark.parametrize("width", [1.0, 3.0, 8.0, 20.0])
@pytest.mark.parametrize("count", [20, 200, 2000])
def test_line_is_as_wide_as_said(width, count):
    """Pillow draws on whole pixels: where many discs overlap, the outermost ones count."""
    angle = np.linspace(0, 2 * np.pi, count)
    xy = np.stack([150 + 100 * np.cos(angle), 150 + 100 * np.sin(angle)], axis=1)
    drawn = draw_ink(xy, np.ones(count, bool), np.full(count, width), np.ones(count), (300, 300))
    area = np.count_nonzero(np.asarray(drawn)) / (2 * np.pi * 100)
    assert area == pytest.approx(width, abs=1.8)


def test_darker_line_shows_where_two_cross():
    xy = np.array([(10, 50), (90, 50), (50, 10), (50, 90)], float)
    ink = np.array([False, True, False, True])
    drawn = np.asarray(draw_ink(xy, ink, np.full(4, 6.0), np.array([1.0, 1.0, 0.5, 0.5]), (100, 100)))
    assert drawn[50, 50] == 255
    assert 100 < drawn[20, 50] < 155


@pytest.mark.parametrize("kind", NibKind)
def test_nibs_are_as_wide_as_those_of_real_scans(kind):
    rng = np.random.default_rng(1)
    for nib in [draw_nib(rng, kind) for _ in range(50)] + [draw_screen_line(rng)]:
        assert 0.012 <= nib.width <= 0.11
        assert 0.5 <= nib.ink <= 1


@pytest.mark.parametrize("kind", [kind for kind in ScannerKind if kind is not ScannerKind.MIXED])
def test_each_scanner_leaves_what_it_is_known_for(kind):
    rng = np.random.default_rng(3)
    sample = Sample("1", Kind.GENUINE, 1, line())
    for _ in range(5):
        config = RenderConfig(seed=int(rng.integers(1000)), scanner=kind)
        grey = render_sample(sample, config).capture.grey
        if kind is ScannerKind.BILEVEL:
            assert set(np.unique(grey)) == {0, 255}
        elif kind is ScannerKind.PHONE:
            assert np.median(grey) >= 254
        elif kind is ScannerKind.CAMERA:
            assert np.median(grey) < 245
            assert len(np.unique(grey)) > 32


def test_strength_of_nothing_leaves_clean_paper():
    scanner = draw_scanner(np.random.default_rng(1), ScannerKind.CAMERA).weakened(0.0)
    from PIL import Image

    grey = scanner.scan(np.random.default_rng(2), Image.new("L", (60, 40)), 0.0)
    assert np.ptp(grey) <= 1


def test_few_grey_levels():
    from PIL import Image

    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (8, 1)))
    grey = Scanner(width=300, levels=16).scan(np.random.default_rng(0), ramp, 0.0)
    assert len(np.unique(grey)) == 16


@pytest.mark.parametrize(
    "signature",
    [
        Signature(np.zeros(9), np.arange(9), np.zeros(9)),
        Signature(np.arange(9) * 1e8, np.zeros(9), np.arange(9)),
        Signature(np.arange(9), np.arange(9), np.zeros(9), np.zeros(9)),
        Signature(np.arange(50_000) % 977, np.arange(50_000) % 101, np.arange(50_000)),
    ],
    ids=["no time, no width", "huge dash", "no pressure at all", "long"],
)
def test_odd_strokes_are_drawn(signature):
    drawn = render_sample(Sample("1", Kind.GENUINE, 1, signature), RenderConfig(scanner="phone"))
    grey = drawn.capture.grey  # a dash alone is taken for a ruled line, so the sheet need not show it
    assert int(grey.max()) - int(grey.min()) > 40
    assert max(drawn.capture.grey.shape) <= 900


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("seed", -1, "a whole number"),
        ("same_pen", 1.1, "0 to 1"),
        ("forgers_same_pen", -0.1, "0 to 1"),
        ("strength", float("nan"), "0 to 5"),
        ("nib", "quill", "ball or gel"),
        ("scanner", "fax", "flatbed or camera"),
    ],
)
def test_setting_out_of_range(setting, value, expected):
    with pytest.raises(
        ConfigError, match=f"rendered corpus: {setting} is out of range; expected .*{expected}"
    ):
        RenderConfig(**{setting: value})


def test_pictures_are_not_drawn_again(pictures):
    with pytest.raises(CorpusError, match=r"cannot be drawn; expected pen strokes; received SignatureImage"):
        render(pictures)


def test_workers_are_at_least_one(strokes):
    with pytest.raises(ConfigError, match="workers"):
        render(strokes, workers=0)


class TestSpec:
    def test_rendered_synthetic(self):
        corpus = open_corpus("rendered:synthetic:writers=2,genuine=2,skilled=1,seed=3")
        assert corpus.name == "rendered-synthetic-3"
        assert len(corpus) == 6

    def test_settings_in_brackets(self):
        plain = "synthetic:writers=1,genuine=1,skilled=0"
        corpus = open_corpus(f" rendered (seed=2, scanner=bilevel,strength=0.5) : {plain}")
        config = RenderConfig(seed=2, scanner="bilevel", strength=0.5)
        assert corpus.samples == render(open_corpus(plain), config).samples
        assert corpus.samples != replace(open_corpus(f"rendered:{plain}")).samples

    def test_path_of_a_public_corpus(self, tmp_path):
        text = "12\n" + "".join(f"{3 * i} {i * i} {10 * i} 1\n" for i in range(12))
        (tmp_path / "U1S1.TXT").write_text(text)
        assert open_corpus(f"rendered:svc2004-task1={tmp_path}").name == "rendered-svc2004-task1"

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ("rendered", "unknown corpus"),
            ("rendered:", "unknown corpus"),
            ("rendered(seed=1)", "unknown corpus"),
            (
                "rendered(colour=red):synthetic",
                "a rendered setting is unknown; expected .*seed, nib, scanner",
            ),
            ("rendered(seed=x):synthetic", "rendered setting seed has another type"),
        ],
    )
    def test_foul_spec(self, spec, message):
        with pytest.raises(CorpusError, match=message):
            open_corpus(spec)
