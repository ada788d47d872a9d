"""What of the code decides whether an earlier run's numbers still hold."""

import pytest

from sigverify.experiments import cache


@pytest.fixture(scope="module")
def files():
    found = [file for name in cache._DECISIVE for file in cache._files(name)]
    return {"/".join(file.parts[-3:]) for file in found}


@pytest.mark.parametrize(
    "file",
    [
        "modality/pen/clock.py",
        "modality/pen/marks.py",
        "sigverify/matching/strangers.py",
        "sigverify/matching/cohort.py",
        "matching/cues/vector.py",
        "sigverify/metrics/trials.py",
        "sigverify/runtime/embedder.py",
        "runtime/native/embedder.py",
        "sigverify/formats/svc2004.py",
        "sigverify/evaluation/trials.py",
        "converter/cohort.py",
    ],
)
def test_code_that_decides_a_number_is_digested(files, file):
    assert any(f"/{each}".endswith(f"/{file}") for each in files)


def test_code_that_shows_numbers_is_not(files):
    assert not any("/page/" in each for each in files)


def test_a_change_of_the_code_is_another_digest(tmp_path, monkeypatch):
    (tmp_path / "deciding").mkdir()
    (tmp_path / "deciding" / "__init__.py").write_text("")
    inner = tmp_path / "deciding" / "inner.py"
    inner.write_text("a = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cache, "_DECISIVE", ("deciding",))
    before = cache.code_digest.__wrapped__()
    assert cache.code_digest.__wrapped__() == before
    inner.write_text("a = 2")
    assert cache.code_digest.__wrapped__() != before
