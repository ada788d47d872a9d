"""What a demonstration refuses before it begins, what it leaves, and how its findings are said."""

import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sigverify.cli.demo import _summary, _typed
from sigverify.cli.output import say
from sigverify.errors import ConfigError, MissingExtra
from sigverify.experiments import demonstration
from sigverify.experiments.demonstration import QUICK, Demonstration, demonstrate
from sigverify.experiments.tries import Count, TryKind


@contextmanager
def unseen(_title):
    raise AssertionError("nothing is begun")
    yield


def begin(out, **options):
    settings = {"scale": QUICK, "seed": 0, "fmr": "balanced", "stage": unseen}
    return demonstrate(out, **settings | options)


@pytest.fixture
def earlier(tmp_path):
    """What an earlier demonstration left."""
    out = tmp_path / "demo-out"
    out.mkdir()
    (out / "README.txt").write_text("Made by `sigverify demo`. Nobody's signatures.\n")
    return out


def test_a_folder_in_use_is_refused(tmp_path, earlier):
    with pytest.raises(ConfigError, match=r"an earlier demo.*--force"):
        begin(earlier)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("kept")
    for force in (False, True):
        with pytest.raises(ConfigError, match="no demo made it"):
            begin(mine, replace_old=force)
    assert (mine / "thesis.txt").read_text() == "kept"


@pytest.mark.parametrize("rate", [0.0, "lenient", 1e-9])
def test_a_rate_that_no_model_has_is_refused_before_anything_is_done(tmp_path, rate):
    with pytest.raises(ConfigError):
        begin(tmp_path / "out", fmr=rate)
    assert not list(tmp_path.iterdir())


def test_what_is_not_installed_is_said_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(demonstration, "find_spec", lambda name: None if name == "tensorflow" else name)
    with pytest.raises(MissingExtra, match=r"tensorflow is not installed.*train-cpu"):
        begin(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_one_that_breaks_off_leaves_nothing_and_keeps_the_one_before(tmp_path, earlier):
    @contextmanager
    def interrupted(_title):
        raise KeyboardInterrupt
        yield

    before = (earlier / "README.txt").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        begin(earlier, stage=interrupted, replace_old=True)
    assert [path.name for path in tmp_path.iterdir()] == ["demo-out"]
    assert (earlier / "README.txt").read_bytes() == before


def counted(*names, other_day=3):
    accepted = {TryKind.SAME_SITTING: 4, TryKind.OTHER_DAY: other_day, TryKind.SKILLED: 1, TryKind.RANDOM: 0}
    return tuple(
        Count(kind=kind, tried=4, accepted=dict.fromkeys(names, number)) for kind, number in accepted.items()
    )


FOUND = Demonstration(
    model="demo", signatures=64, writers=8, train_s=12.3, people=6, references=5, fmr=0.05,
    strokes=counted("demo", "base"), pictures=counted("base-image"), pictured_people=2, differing=0,
    eer={"demo": {"skilled": (0.1, 0.05, 0.2), "random": (0.0, 0.0, 0.01)}},
    network_bytes=10_000, network_bytes_float32=40_000, eer_fit=0.031, eer_fit_float32=0.03,
    enroll_ms=12.34, verify_ms=5.67, verify="sigverify verify x", evaluate="sigverify evaluate y",
    files={"model": "out/demo.sigmodel"},
)  # fmt: skip


def said(found, capsys):
    say(_summary(found))
    return capsys.readouterr().out


def test_what_was_found_is_said_with_its_protocol(capsys):
    text = said(FOUND, capsys)
    assert "6 people whom training never saw; the first 5 signatures of each are enrolled" in text
    assert "at the threshold for 5 % of skilled forgers" in text
    assert "The report counts all 16 as the verifier decided them." in text
    assert "10.0 (5.0 to 20.0)" in text
    assert "trained here, in 12 s, on 64 signatures of 8 people" in text
    assert "12.3 ms" in text
    assert "5.7 ms" in text
    assert "+0.10 points" in text
    assert "on another day" in text


def test_a_difference_is_no_secret_and_a_day_that_does_not_matter_none_to_mention(capsys):
    text = said(replace(FOUND, differing=2, strokes=counted("demo", "base", other_day=4)), capsys)
    assert "counts 2 of these 16 otherwise" in text
    assert "on another day" not in text


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        (".venv/bin/sigverify", ".venv/bin/sigverify verify x"),
        ("my venv/bin/sigverify", "'my venv/bin/sigverify' verify x"),
        ("/somewhere/sigverify/cli/__main__.py", "sigverify verify x"),
    ],
)
def test_commands_are_named_as_this_one_was_called(monkeypatch, called, typed):
    monkeypatch.setattr(sys, "argv", [called, "demo"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert _typed("sigverify verify x") == typed


def test_on_the_path_the_name_is_enough(monkeypatch, tmp_path):
    tool = tmp_path / "sigverify"
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(tool), "demo"])
    assert _typed("sigverify verify x") == "sigverify verify x"
