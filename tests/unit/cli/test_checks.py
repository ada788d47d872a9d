"""What commands write takes the place of their own earlier output, and of nothing else."""

import os

import pytest
from builders import signature, template, to_csv
from toy_images import drawn

from sigverify.cli.checks import check_output
from sigverify.corpora.folder import write_folder
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import ConfigError
from sigverify.model_file import MAGIC, Model
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore


@pytest.fixture
def file(tmp_path):
    return tmp_path / "it"


def check(file, inputs=()):
    check_output(file, "a model file", [MAGIC], inputs=inputs)


@pytest.mark.parametrize("content", [None, b"", MAGIC, MAGIC + b"and more"])
def test_what_may_be_replaced(file, content):
    if content is not None:
        file.write_bytes(content)
    check(file, inputs=["base", None, file.with_name("other")])


@pytest.mark.parametrize("content", [b"x", MAGIC[:-1], b"SQLite format 3\0"])
def test_what_may_not(file, content):
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"it is there already, .* a model file .*Choose another name"):
        check(file)


def test_a_pipe_is_not_waited_for_and_not_replaced(file):
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="received no file"):
        check(file)


def test_a_link_that_leads_nowhere_is_as_none(file):
    file.symlink_to(file.with_name("none"))
    check(file)


def test_what_is_read_stays_by_whatever_name(file):
    file.write_bytes(MAGIC)
    (link := file.with_name("link")).symlink_to(file)
    with pytest.raises(ConfigError, match="named twice"):
        check(link, inputs=[file])


@pytest.fixture
def store(tmp_path):
    Key(bytes(range(32))).to_file(tmp_path / "its.key")
    with SqliteStore(tmp_path / "its.db", key=Key(bytes(range(32)))) as opened:
        opened.put(template("alice", 2))
    return tmp_path / "its.db"


def stays(run, file, *arguments):
    before = file.read_bytes()
    code, said = run(*arguments)
    assert code == 4, said
    assert f"{file.name} is there already" in said or f"{file.name} is named twice" in said
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["its.db", "its.key", "alice.csv"])
def test_an_export(run, store, tmp_path, name):
    to_csv(tmp_path / "alice.csv", signature())
    key = tmp_path / "its.key"
    arguments = ("store", "export", "--store", store, "--key", key, "--user", "alice", "--transport-key", key)
    stays(run, tmp_path / name, *arguments, tmp_path / name)
    for _ in range(2):
        assert run(*arguments, tmp_path / "alice.tmpl")[0] == 0


@pytest.mark.parametrize("command", ["convert", "calibrate"])
def test_a_model_over_a_store_and_over_what_it_is_made_of(run, store, tmp_path, command):
    Model.read("base").write(tmp_path / "base.sigmodel")
    corpus = ("--calibrate-on" if command == "convert" else "--on", "synthetic")
    stays(run, store, command, "base", *corpus, "--out", store)
    source = tmp_path / "base.sigmodel"
    stays(run, source, command, source, *corpus, "--out", source)


def test_a_model_as_c_source(run, store, tmp_path):
    arguments = ("convert", "base", "--out", tmp_path / "its.sigmodel", "--c-array")
    stays(run, store, *arguments, store)
    code, said = run(*arguments, tmp_path / "its.sigmodel")
    assert (code, "named twice" in said) == (4, True)


def test_a_signed_copy(run, store, tmp_path):
    key = tmp_path / "k.pem"
    assert run("model", "keygen", "--out", key)[0] == 0
    stays(run, store, "model", "sign", "base", "--key", key, "--release", "1", "--out", store)
    for release in ("1", "2"):
        out = tmp_path / "its.sigmodel"
        assert run("model", "sign", "base", "--key", key, "--release", release, "--out", out)[0] == 0


def test_a_library(run, store):
    stays(run, store, "native", "--out", store)


def test_a_split(run, tmp_path):
    people = tmp_path / "people"
    write_folder(synthesize(SyntheticConfig(writers=3, genuine=2, skilled=1)), people)
    arguments = ("corpus", "split", f"folder={people}", "--out")
    stays(run, people / "corpus.toml", *arguments, people / "corpus.toml")
    for _ in range(2):
        assert run(*arguments, tmp_path / "split.toml")[0] == 0


def test_a_drawing(run, tmp_path):
    to_csv(tmp_path / "alice.csv", signature())
    drawn(signature()).save(tmp_path / "alice.png")
    stays(run, tmp_path / "alice.png", "plot", tmp_path / "alice.png", "--out", tmp_path / "alice.png")
    (tmp_path / "notes.svg").write_text("a shopping list")
    stays(run, tmp_path / "notes.svg", "plot", tmp_path / "alice.csv", "--out", tmp_path / "notes.svg")
    for suffix in ("png", "pdf", "svg"):
        for _ in range(2):
            assert run("plot", tmp_path / "alice.csv", "--out", tmp_path / f"its.{suffix}")[0] == 0
