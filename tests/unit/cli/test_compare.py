"""`sigverify compare`: signatures without a store."""

import pytest
from builders import signature, to_csv
from toy_images import drawn, running_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Strokes and pictures of writers 0 and 1; neither a store nor a key is there, or may be made."""
    for writer in range(2):
        for number in range(3):
            its = signature(writer, number)
            to_csv(tmp_path / f"{writer}-{number}.csv", its)
            drawn(its).save(tmp_path / f"{writer}-{number}.png")
    samples = (f"{n % 2},{n % 2},{10 * n}" for n in range(10))
    (tmp_path / "tap.csv").write_text("\n".join(["x,y,time_ms", *samples]) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_accepted_and_rejected(folder, answer):
    code, said = answer("compare", "0-0.csv", "0-1.csv", "--fmr", "convenient")
    assert (code, said["accepted"], said["reason"], said["note"]) == (0, True, "alike", "one")
    assert said["score"] >= said["threshold"]
    assert said["same_writer"]["convenient"]
    code, said = answer("compare", "1-0.csv", "0-0.csv", "0-1.csv", "0-2.csv")
    assert (code, said["accepted"], said["reason"], said["references"]) == (3, False, "unlike", 3)
    assert said["unlike"]
    assert not (folder / "state").exists()


@pytest.mark.usefixtures("folder")
def test_what_people_read(run):
    code, printed = run("compare", "1-0.csv", "0-0.csv")
    assert code == 3
    assert printed.startswith("rejected: the score is below the threshold (score ")
    for part in (
        "would just be accepted at a false-match rate of ",
        "unlike: ",
        "one reference does not show",
    ):
        assert part in printed.replace("\n", " ")
    _, printed = run("compare", "1-0.csv", "0-0.csv", LC_ALL="de_DE.UTF-8")
    assert printed.startswith("abgelehnt: ")


@pytest.mark.usefixtures("folder")
def test_a_copy_and_a_poor_capture(answer, run):
    code, said = answer("compare", "0-0.csv", "0-0.csv")
    assert (code, said["reason"], said["copy"]) == (3, "replay", True)
    code, said = answer("compare", "tap.csv", "0-0.csv", "--out", "x.png")
    assert (code, said["reason"], said["flaws"], said["picture"]) == (3, "poor", ["too_short", None], None)
    _, printed = run("compare", "tap.csv", "0-0.csv")
    assert "tap.csv: too short" in printed


def test_drawn_over_one_another(folder, answer):
    pytest.importorskip("matplotlib")
    running_model().write(folder / "toy.sigmodel")
    for suffix, options in (("csv", ()), ("png", ("--image-model", "toy.sigmodel"))):
        _, said = answer("compare", f"0-0.{suffix}", f"0-1.{suffix}", "--out", f"its-{suffix}.png", *options)
        assert said["picture"] == f"its-{suffix}.png"
        assert (folder / said["picture"]).stat().st_size > 5000


def test_what_cannot_be_compared(folder, run):
    code, printed = run("compare", "0-0.csv", "0-0.png")
    assert code == 4
    assert "captures of different kinds" in printed
    assert run("compare", "0-0.csv")[0] == 2
    for report in (folder / "report.json", folder / "folder"):
        (report.mkdir if report.suffix == "" else report.touch)()
        code, printed = run("compare", report, report)
        assert code == 4
        assert "sigverify report compare" in printed
    code, printed = run("report", "compare", "0-0.csv", "0-1.csv")
    assert code == 4
    assert "sigverify compare compares signatures" in printed


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("suffix", ["csv", "png"])
def test_references_of_two_hands_vouch_for_nobody(run, suffix):
    code, printed = run("compare", f"0-0.{suffix}", f"0-1.{suffix}", f"1-1.{suffix}")
    assert code == 4
    assert "the references are not by one hand" in printed
    assert "number 2 of 2 unlike the others" in printed
    code, printed = run("compare", f"0-0.{suffix}", f"0-1.{suffix}", f"1-1.{suffix}", "--quality", "record")
    assert code in {0, 3}


@pytest.mark.usefixtures("folder")
def test_a_reference_named_twice_counts_once(answer):
    once = answer("compare", "0-0.csv", "0-1.csv")[1]
    twice = answer("compare", "0-0.csv", "0-1.csv", "0-1.csv")[1]
    assert (twice["score"], twice["references"]) == (once["score"], 1)
