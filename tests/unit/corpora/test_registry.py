import dataclasses
import sys
import types

import pytest

from sigverify.corpora import READERS, Corpus, Kind, Sample, open_corpus
from sigverify.corpora.registry import parse_synthetic
from sigverify.errors import CorpusError
from sigverify.modality.pen.signature import Signature


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeConfig:
    writers: int = 100
    skill: float = 0.5
    pressure: bool = True
    style: str = "latin"
    limit: int | None = 7


def fake_synthesize(config, *, workers):
    assert workers >= 1
    signature = Signature(range(10), range(10), range(10))
    return Corpus(f"synthetic-{config.writers}", (Sample("1", Kind.GENUINE, 1, signature),))


@pytest.fixture
def synthetic(monkeypatch):
    module = types.SimpleNamespace(SyntheticConfig=FakeConfig, synthesize=fake_synthesize)
    monkeypatch.setitem(sys.modules, "sigverify.corpora.synthetic", module)


@pytest.mark.usefixtures("synthetic")
class TestSynthetic:
    def test_without_settings(self):
        assert open_corpus("synthetic").name == "synthetic-100"
        assert open_corpus(" synthetic: ").name == "synthetic-100"

    def test_settings_take_the_type_of_their_field(self):
        assert open_corpus("synthetic:writers=200").name == "synthetic-200"
        config = parse_synthetic("writers=3, skill = 1e-1,pressure=no,style=a=b,limit=none,")
        assert config == FakeConfig(writers=3, skill=0.1, pressure=False, style="a=b", limit=None)
        assert parse_synthetic("limit=5") == FakeConfig(limit=5)

    @pytest.mark.parametrize("settings", ["writer=3", "writers", "=3", "3", "writers=3,color=red"])
    def test_unknown_key_lists_the_known(self, settings):
        with pytest.raises(CorpusError, match=r"unknown; expected .* writers, skill, pressure, style, limit"):
            open_corpus(f"synthetic:{settings}")

    def test_key_twice(self):
        with pytest.raises(CorpusError, match="stands twice"):
            open_corpus("synthetic:writers=3,writers=4")

    @pytest.mark.parametrize(
        ("setting", "wanted"),
        [
            ("writers=many", "int"),
            ("writers=2.5", "int"),
            ("pressure=maybe", "bool"),
            ("limit=x", "int or NoneType"),
        ],
    )
    def test_value_of_another_type(self, setting, wanted):
        with pytest.raises(CorpusError, match=f"another type; expected {wanted}; received"):
            open_corpus(f"synthetic:{setting}")


@pytest.mark.parametrize("spec", ["", "svc2005=x", "svc2004-task3=x", "folder/file.zip", "=", "synthetics"])
def test_unknown_corpus_lists_the_known(spec):
    with pytest.raises(CorpusError, match=r"unknown corpus.*; expected synthetic.*" + ".*".join(READERS)):
        open_corpus(spec)


def test_what_looks_like_a_path_is_looked_for(tmp_path):
    with pytest.raises(
        CorpusError, match=r"unknown corpus, and no such folder or file; .*received '.*/none'"
    ):
        open_corpus(str(tmp_path / "none"))
    with pytest.raises(CorpusError, match=f"unknown corpus: of files that is folder={tmp_path};"):
        open_corpus(str(tmp_path))
    with pytest.raises(CorpusError, match="unknown corpus, and no such"):
        open_corpus("x" * 5000)


@pytest.mark.parametrize("spec", ["susig-blind", "susig-blind=", "susig-blind= "])
def test_path_is_needed(spec):
    with pytest.raises(CorpusError, match="needs a path"):
        open_corpus(spec)


def test_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CorpusError, match=str(tmp_path / "absent")):
        open_corpus("susig-blind=~/absent")
    with pytest.raises(CorpusError, match="no corpus at '~nobody-of-this-name"):
        open_corpus("susig-blind=~nobody-of-this-name/x")
