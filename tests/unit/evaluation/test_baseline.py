import builtins

import numpy as np
import pytest
from plain_dtw import plain_dtw

from sigverify.errors import ConfigError, MissingExtra
from sigverify.evaluation import Baseline, DtwBaseline, TrialKind, run_evaluation
from sigverify.evaluation.baseline import BAND


def euclidean(a, b):
    return np.linalg.norm(a - b)


def test_the_library_computes_the_dtw_we_say():
    rng = np.random.default_rng(0)
    one, other = np.cumsum(rng.normal(size=(2, 40, 3)), axis=1)
    found = DtwBaseline().distances([one], [other])[0, 0, 0]
    assert found == pytest.approx(plain_dtw(one, other, int(BAND * 40), euclidean))


def test_spread_is_symmetric_with_nothing_on_the_diagonal(corpus):
    baseline = DtwBaseline()
    embedded = [baseline.embed(sample.capture) for sample in corpus.genuine("w0")[:3]]
    spread = baseline.spread(embedded)
    assert spread == pytest.approx(baseline.distances(embedded, embedded))


def test_baseline_tells_writers_apart(corpus, tmp_path):
    found = run_evaluation(
        None, [corpus], references=(1, 4), draws=2, out=tmp_path / "r", baseline=Baseline.DTW
    )
    (report,) = found.reports
    assert found.page.is_file()
    assert report.condition(4).impostors[TrialKind.RANDOM].eer.mean < 0.1
    assert report.condition(4).impostors[TrialKind.SKILLED].calibration is None
    assert report.provenance["compares"] == "the series of the captures' modality"


def test_run_refuses_before_it_works(corpus, tmp_path):
    with pytest.raises(ConfigError, match="nothing to evaluate"):
        run_evaluation(None, [corpus])
    with pytest.raises(ConfigError, match="no corpus"):
        run_evaluation(None, [], baseline="dtw")
    with pytest.raises(ConfigError, match="unknown baseline"):
        run_evaluation(None, [corpus], baseline="hmm")
    with pytest.raises(ConfigError, match="unknown protocol"):
        run_evaluation(None, [corpus], baseline="dtw", protocol="x")
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(ConfigError, match="taken"):
        run_evaluation(None, [corpus], baseline="dtw", out=tmp_path)


@pytest.mark.parametrize("for_a_page", [{"style": "own.css"}, {"history": "runs/own"}])
def test_what_is_for_a_page_is_refused_without_one(corpus, for_a_page):
    with pytest.raises(ConfigError, match="for a page; expected out"):
        run_evaluation(None, [corpus], baseline="dtw", **for_a_page)


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("dtaidistance", DtwBaseline),
        ("sklearn", lambda: __import__("sigverify.metrics", fromlist=["eer"]).eer([1], [0])),
        ("matplotlib", lambda: __import__("sigverify.evaluation.page.plots", fromlist=["styled"]).styled()),
    ],
)
def test_a_missing_package_is_named(monkeypatch, package, use):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match=r"sigverify\[evaluate\]"):
        use()
