"""A refused command says why in its first second, and leaves nothing behind."""

import importlib.util
import sys

import pytest
from builders import signature


def write_people(folder, people=3, signatures=4):
    for writer in range(people):
        (folder / str(writer)).mkdir(parents=True)
        for number in range(signatures):
            its = signature(writer, number)
            rows = zip(its.x, its.y, its.time_ms, its.pressure, strict=True)
            text = "".join(f"{x:.3f},{y:.3f},{t:.1f},{p:.3f}\n" for x, y, t, p in rows)
            (folder / str(writer) / f"{number}.csv").write_text(f"x,y,time_ms,pressure\n{text}")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with people in it, too few for most things."""
    monkeypatch.chdir(tmp_path)
    write_people(tmp_path / "people")
    write_people(tmp_path / "more", people=5, signatures=6)
    (tmp_path / "few.toml").write_text("[validation]\nfraction = 0.5")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    (tmp_path / "a-file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.toml").write_text("epochs = ")
    (tmp_path / "wrong.toml").write_text("epoch = 3")
    return tmp_path


def tree(folder):
    """All that is there, with what the files hold."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")
    }


TRAIN = ("train", "--corpus", "folder=people", "--out", "runs/new")
MORE = ("train", "--corpus", "folder=more", "--config", "few.toml", "--out", "runs/new")
CONVERT = ("convert", "base", "--calibrate-on", "folder=people", "--out", "new.sigmodel")
CALIBRATE = ("calibrate", "base", "--on", "folder=people", "--out", "new.sigmodel")
EVALUATE = ("evaluate", "base", "--corpus", "folder=people", "--out", "report")
DEMO = ("demo", "--out", "new")
REPRODUCE = ("reproduce", "--data", "empty", "--out", "results")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TRAIN, "--config", "bases"), "no such config"),
        ((*TRAIN, "--config", "broken.toml"), "not TOML"),
        ((*TRAIN, "--config", "wrong.toml"), "no such key"),
        (
            ("train", "--corpus", "folder=more", "--config", "base", "--out", "new"),
            "too few held-out writers to validate on",
        ),
        ((*TRAIN, "--config", "base-image"), "another modality"),
        ((*MORE, "--encoder", "tdn"), "unknown encoder"),
        ((*MORE, "--init-from", "nothing"), "nothing cannot be loaded"),
        ((*TRAIN, "--resume"), "no checkpoint to resume from"),
        (TRAIN, "nobody can be validated on; expected writers with more than 4 genuine signatures"),
        (("train", "--corpus", "folder=nowhere", "--out", "new"), "nowhere"),
        (("train", "--corpus", "nonsense", "--out", "new"), "unknown corpus"),
        (("train", "--corpus", "folder=people", "--out", "taken"), "not empty"),
        (("train", "--corpus", "folder=people", "--out", "a-file"), "not empty"),
        (("train", "--corpus", "folder=people", "--out", "a-file/new"), "cannot be made"),
        (CONVERT, "too little to calibrate on"),
        ((*CONVERT[:-1], "nowhere/new.sigmodel"), "cannot be written to"),
        ((*CONVERT[:-1], "taken"), "taken is a folder"),
        ((*CONVERT, "--int8", "--float16"), "choose one"),
        ((*CONVERT, "--c-array", "nowhere/new.c"), "cannot be written to"),
        ((*CONVERT, "--float32"), "keeps its precision"),
        (("convert", "nothing", "--out", "new.sigmodel"), "no such training run"),
        (("convert", "base", "--no-cohort", "--out", "new.sigmodel"), "no signatures to calibrate on"),
        (("convert", "base-image", "--out", "new.sigmodel"), "no signatures to calibrate on"),
        (("convert", "taken", "--out", "new.sigmodel"), "incomplete"),
        (CALIBRATE, "20 people with 5 genuine signatures each; received 3 people, 0 of them with 5 or more"),
        ((*CALIBRATE[:-1], "nowhere/new.sigmodel"), "cannot be written to"),
        ((*CALIBRATE[:-1], "taken"), "taken is a folder"),
        (("calibrate", "bases", "--on", "folder=people", "--out", "new.sigmodel"), "no such model"),
        (("calibrate", "base-image", "--on", "folder=people", "--out", "new.sigmodel"), "another kind"),
        (("calibrate", "base", "--on", "folder=nowhere", "--out", "new.sigmodel"), "nowhere"),
        (("calibrate", "base", "--out", "new.sigmodel"), "--on"),
        ((*EVALUATE[:-1], "taken"), "taken"),
        ((*EVALUATE, "--baseline", "fastdtw"), "fastdtw"),
        (("evaluate", "--corpus", "folder=people"), "nothing to evaluate"),
        (("evaluate", "bases", "--corpus", "folder=people"), "no such model"),
        (("evaluate", "base", "--corpus", "nonsense", "--out", "report"), "unknown corpus"),
        ((*DEMO[:-1], "taken"), "taken"),
        (REPRODUCE, "no corpora"),
        ((*REPRODUCE, "--config", "bases"), "no corpora"),
    ],
)
def test_a_wrong_argument(run, place, arguments, message):
    before = tree(place)
    code, printed = run(*arguments)
    assert code in (2, 4)
    assert message in printed
    assert "Traceback" not in printed
    assert tree(place) == before


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (TRAIN, ["keras"], "train"),
        (TRAIN, ["tensorflow", "jax", "torch"], "train"),
        ((*TRAIN, "--config", "base"), ["sklearn"], "train"),
        (CONVERT, ["tensorflow"], "train"),
        (CONVERT, ["sklearn"], "train"),
        (EVALUATE, ["sklearn"], "evaluate"),
        (EVALUATE, ["matplotlib"], "evaluate"),
        ((*EVALUATE, "--baseline", "dtw"), ["dtaidistance"], "evaluate"),
        (DEMO, ["tensorflow"], "train-cpu"),
        (DEMO, ["keras"], "train-cpu"),
        (DEMO, ["matplotlib"], "train-cpu"),
        (DEMO, ["sklearn"], "train-cpu"),
        (REPRODUCE, ["dtaidistance"], "train"),
    ],
)
def test_a_missing_extra(run, place, monkeypatch, arguments, missing, extra):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in missing else real(name, *rest)
    )
    before, loaded = tree(place), "sigverify.corpora.registry" in sys.modules
    if loaded:
        monkeypatch.setattr("sigverify.corpora.open_corpus", None)  # nothing is read before
    code, printed = run(*arguments)
    assert code == 4
    assert f"{' or '.join(missing)} is not installed. pip install 'sigverify[{extra}]'" in printed
    assert tree(place) == before
