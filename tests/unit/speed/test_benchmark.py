import json

import pytest

from sigverify.errors import ConfigError, SigverifyError
from sigverify.experiments.samples import write_person
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.speed import STEPS, benchmark, measure
from sigverify.speed.timing import LEAST


@pytest.fixture
def files(tmp_path):
    return write_person(tmp_path, "pen")


def test_what_is_found(files, tmp_path):
    before = sorted(tmp_path.iterdir())
    found = measure(files, seconds=0, people=3, runtime="litert")
    assert sorted(tmp_path.iterdir()) == before
    assert list(found.steps) == list(STEPS)
    assert all(timing.runs == LEAST for timing in found.steps.values())
    assert all(0 < timing.median_ms <= timing.p90_ms for timing in found.steps.values())
    assert (found.model, found.modality, found.runtime, found.native_core) == ("base", "pen", "litert", False)
    assert found.decision.accepted
    assert found.cold_start_ms > 0
    assert found.peak_memory_mb is None or found.peak_memory_mb > 10
    assert json.loads(json.dumps(found.to_dict()))["steps"].keys() == STEPS.keys()


def test_no_store_and_no_key_of_the_user_is_touched(files, monkeypatch, tmp_path):
    for name in ("XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("SIGVERIFY_STORE", str(tmp_path / "mine.db"))
    measure(files, seconds=0, people=1)
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "mine.db").exists()


def test_equal_captures_have_equal_digests(files):
    from sigverify import Matcher, Model, read_signature

    matcher = Matcher.open(Model.read("base"), runtime="litert")
    digests = [benchmark.digest(matcher.embed(read_signature(file))) for file in (*files, files[0])]
    assert len(set(digests)) == len(files)
    assert digests[0] == digests[-1]


@pytest.mark.parametrize(
    "wrong", [{"people": 0}, {"seconds": -1}, {"seconds": float("inf")}, {"seconds": float("nan")}]
)
def test_what_cannot_be_measured(files, wrong):
    with pytest.raises(ConfigError, match="nothing to measure"):
        measure(files, **wrong)


def test_too_few_captures(files):
    with pytest.raises(ConfigError, match="6 of one person"):
        measure(files[:2])


def test_a_process_that_fails_says_why(tmp_path):
    nothing = [tmp_path / "none.db", tmp_path / "none.key", "base", "auto", 1, tmp_path / "none.csv"]
    with pytest.raises(SigverifyError, match=r"did not decide; received .*No such file"):
        benchmark._start(nothing, 1)


def test_one_person_as_pictures(tmp_path):
    files = write_person(tmp_path, "image")
    assert [file.name for file in files] == [f"alice-{number}.png" for number in range(1, 7)]
    assert SignatureImage.read(files[-1])
