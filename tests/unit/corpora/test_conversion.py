"""A corpus in another format is still one, under the same terms."""

import shutil
from dataclasses import replace

import pytest

from sigverify.corpora import open_corpus
from sigverify.corpora.conversion import convert_tree
from sigverify.corpora.folder import read_folder, write_folder
from sigverify.errors import CorpusError, FormatError


@pytest.fixture
def people(tmp_path):
    corpus = open_corpus("synthetic:writers=2,genuine=2,skilled=1")
    write_folder(replace(corpus, name="ours", licence_note="for research alone"), tmp_path / "people")
    return tmp_path / "people"


def keys(corpus):
    return [sample.key for sample in corpus.samples]


def laid_out(people, layout, rename):
    """Move the files of a tree to where another layout has them."""
    tree = people.parent / "other"
    tree.mkdir()
    for path in sorted(people.glob("*/*/*.csv")):
        path.rename(tree / rename(path.parts[-3], path.parts[-2], path.stem))
    (tree / "corpus.toml").write_text(f'name = "ours"\nlicence_note = "mine"  # keep\nlayout = "{layout}"\n')
    return tree


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("above", [False, True])
def test_the_terms_go_along(people, tmp_path, zipped, above):
    source = people
    if above:
        (tmp_path / "around").mkdir()
        source = people.rename(tmp_path / "around" / "people").parent
    if zipped:
        source = shutil.make_archive(str(tmp_path / "archive"), "zip", source)
    before = read_folder(source)
    done, about = convert_tree([source], "svc2004", tmp_path / "out")
    after = read_folder(tmp_path / "out")
    assert about == tmp_path / "out" / ("people/corpus.toml" if above else "corpus.toml")
    assert (keys(after), after.licence_note, after.name) == (keys(before), "for research alone", "ours")
    assert (len(done.converted), done.failed, done.left_out) == (6, (), ())


@pytest.mark.parametrize(
    ("layout", "rename", "says"),
    [
        ("{writer}_{kind}_{number}.csv", "{}_{}_{}.csv", 'layout = "{writer}_{kind}_{number}.TXT"'),
        ("{writer}_{kind}_{number}{any}", "{}_{}_{}.csv", "# keep"),
        ("{writer}_{kind}_{number}", "{}_{}_{}", 'layout = "{writer}_{kind}_{number}.TXT"'),
    ],
)
def test_a_layout_names_how_files_end_now(people, tmp_path, layout, rename, says):
    tree = laid_out(people, layout, rename.format)
    before = read_folder(tree)
    convert_tree([tree], "svc2004", tmp_path / "out")
    after = read_folder(tmp_path / "out")
    assert (keys(after), after.licence_note) == (keys(before), "mine")
    assert says in (tmp_path / "out" / "corpus.toml").read_text()


def test_without_a_corpus_toml_none_is_written(people, tmp_path):
    (people / "corpus.toml").unlink()
    assert convert_tree([people], "svc2004", tmp_path / "out")[1] is None
    assert not (tmp_path / "out" / "corpus.toml").exists()


def test_nothing_is_written_where_it_is_wrong_or_one_is_there(people, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "corpus.toml").write_text("mine")
    with pytest.raises(FormatError, match="nothing is written over what is there"):
        convert_tree([people], "svc2004", out)
    assert [path.name for path in out.iterdir()] == ["corpus.toml"]
    assert convert_tree([people], "svc2004", out, overwrite=True)[1] == out / "corpus.toml"
    (people / "corpus.toml").write_text("licence = 3")
    with pytest.raises(CorpusError, match="a key is unknown"):
        convert_tree([people], "svc2004", tmp_path / "new")
    assert not (tmp_path / "new").exists()
