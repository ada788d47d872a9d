"""Every command that takes strokes takes pictures."""

import numpy as np
import pytest
from builders import signature, to_csv
from PIL import Image
from toy_images import drawn, running_model

FIRST = [f"0-{n}.png" for n in range(5)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pictures and strokes of writers 0 and 1, and a model of pictures."""
    for writer in range(2):
        for number in range(9):
            its = signature(writer, number)
            drawn(its).save(tmp_path / f"{writer}-{number}.png")
            to_csv(tmp_path / f"{writer}-{number}.csv", its)
    running_model().write(tmp_path / "toy.sigmodel")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGVERIFY_STORE", "its.db")
    monkeypatch.setenv("SIGVERIFY_IMAGE_MODEL", "toy.sigmodel")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_enroll_verify_and_identify_by_pictures(answer, run):
    code, said = answer("enroll", "-u", "alice", *FIRST)
    assert (code, said["references"], said["model_id"]) == (0, 5, running_model().id)
    code, said = answer("verify", "-u", "alice", "0-6.png", "--fmr", "0.1")
    assert (code, said["accepted"]) == (0, True)
    code, said = answer("verify", "-u", "alice", "1-6.png")
    assert (code, said["reason"]) == (3, "unlike")
    code, said = answer("identify", "0-7.png", "--fpir", "0.1")
    assert [match["user_id"] for match in said["matches"]] == ["alice"]
    code, printed = run("verify", "-u", "alice", "0-0.csv")
    assert code == 4
    assert "'alice' is enrolled by image, not by pen" in printed


@pytest.mark.usefixtures("folder")
def test_strokes_and_pictures_together(answer, run):
    strokes = [f"0-{n}.csv" for n in range(5)]
    code, said = answer("enroll", "-u", "alice", *strokes, *FIRST, "--quality", "record")
    assert (code, said["references"], said["also"]["image"]["references"]) == (0, 5, 5)
    _, printed = run("enroll", "-u", "bob", "1-0.csv", "1-0.png", "--quality", "record")
    assert [line.split()[0] for line in printed.splitlines() if line.split()][1:3] == ["user", "references"]
    assert "picture" in printed
    _, printed = run("verify", "-u", "alice", "0-6.csv", "0-6.png", "--no-replay-check")
    assert "; strokes 0." in printed or "; strokes 1" in printed
    assert ", picture " in printed
    code, said = answer("verify", "-u", "alice", "0-6.png", "0-6.csv", "--no-replay-check")
    assert set(said["scores"]) == {"pen", "image"}
    code, printed = run("verify", "-u", "alice", "0-7.png", "0-8.png")
    assert code == 4
    assert "one of each kind: pen, image" in printed


@pytest.mark.usefixtures("folder")
def test_a_kind_that_does_not_count_is_named(run):
    run("enroll", "-u", "alice", *FIRST)
    code, printed = run("verify", "-u", "alice", "0-6.csv", "0-6.png", "--fmr", "0.1")
    assert code == 0
    assert printed.rstrip().endswith("; not counted: strokes")
    _, printed = run("verify", "-u", "alice", "0-7.csv", "0-7.png", LC_ALL="de_DE.UTF-8")
    assert "nicht gezählt: Schriftzug" in printed


@pytest.mark.usefixtures("folder")
def test_models_of_the_wrong_kind_and_none(run):
    run("enroll", "-u", "alice", "0-0.csv", "--quality", "record")
    code, printed = run("identify", "0-0.png", "--image-model", "base")
    assert (code, "image_model is no model of pictures" in printed) == (4, True)
    code, printed = run("identify", "0-0.png", "--image-model", "none")
    assert (code, "no model here takes captures of this kind" in printed) == (4, True)
    code, printed = run("users", "--json")
    assert "alice" in printed


@pytest.mark.usefixtures("folder")
def test_info_says_what_was_found(answer, run):
    code, said = answer("info", "0-0.png")
    assert code == 0
    assert {name: said[name] for name in ("kind", "format", "width", "height", "mode", "flaw")} == {
        "kind": "picture", "format": "PNG", "width": 400, "height": 200, "mode": "L", "flaw": None,
    }  # fmt: skip
    assert 0.01 < said["ink_share"] < 0.2
    assert said["aspect"] > 0.5
    Image.fromarray(np.full((100, 300), 255, np.uint8)).save("blank.jpg")
    code, said = answer("info", "blank.jpg")
    assert (code, said["format"], said["ink_share"], said["flaw"]) == (0, "JPEG", 0.0, "no_ink")
    assert "no ink" in run("info", "blank.jpg")[1].lower()
    assert answer("info", "toy.sigmodel")[1]["modality"] == "image"


@pytest.mark.usefixtures("folder")
def test_plot_draws_one_picture_or_where_two_differ(answer, run, tmp_path):
    for files in (["0-0.png"], ["0-0.png", "1-0.png"], ["0-0.csv"]):
        code, said = answer("plot", *files, "--out", "out.png")
        assert code == 0
        assert said["picture"] == "out.png"
        assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
        (tmp_path / "out.png").unlink()
    for files in (["0-0.csv", "0-0.png"], ["0-0.csv", "0-1.csv"], ["0-0.png", "0-1.png", "0-2.png"]):
        code, printed = run("plot", *files, "--out", "out.png")
        assert (code, "expected one signature, or two pictures" in printed) == (4, True)
