"""What a check finds in a corpus that was spoiled, and that it finds nothing in one that was not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigverify.corpora import Corpus, Kind, open_corpus
from sigverify.corpora.about import About
from sigverify.corpora.check import Check, Severity, Token, check_corpus, lines
from sigverify.corpora.check.copies import NEARER
from sigverify.corpora.check.subject import Subject
from sigverify.corpora.folder import write_folder
from sigverify.corpora.split_file import SplitFile
from sigverify.errors import CorpusError, SplitLeak
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

pytest.importorskip("sklearn")

G, S = Kind.GENUINE, Kind.SKILLED


@pytest.fixture(scope="module")
def whole():
    return open_corpus("synthetic:writers=4,genuine=6,skilled=4,seed=5")


def spoiled(corpus, changes):
    """Return a corpus some of whose captures are others: (writer's number, kind, number) → function."""
    samples = []
    for sample in corpus.samples:
        key = (corpus.writers.index(sample.writer), sample.kind, sample.number)
        samples.append(replace(sample, capture=changes[key](sample.capture)) if key in changes else sample)
    return replace(corpus, samples=tuple(samples))


def with_time(function):
    return lambda its: Signature(its.x, its.y, function(its.time_ms), its.pressure, its.ink)


def with_pressure(function):
    return lambda its: Signature(its.x, its.y, its.time_ms, function(its.pressure), its.ink)


def tokens(found: Check, severity=None):
    return {each.token for each in found.findings if severity in (None, each.severity)}


def of(found, token):
    return next(each for each in found.findings if each.token is token)


def test_nothing_is_wrong_with_invented_people(whole):
    found = check_corpus(whole)
    assert found
    assert tokens(found, Severity.ERROR) == set()
    assert (found.counts.writers, found.counts.genuine, found.counts.skilled) == (4, 24, 16)
    assert (found.copies.exact, found.copies.near, found.modality) == (0, 0, "pen")
    assert sum(found.sizes.genuine) == 24
    assert sum(found.sizes.skilled) == 16
    assert found.oddest[0].times > 1
    assert len(found.oddest) == 4
    assert found.copies.bound.least >= 0.6
    assert found.repetitions.median > found.copies.bound.most > NEARER


def test_it_is_plain_json_without_captures(whole):
    said = json.loads(json.dumps(check_corpus(whole).to_dict(), allow_nan=False))
    assert said["ok"] is True
    assert said["fingerprint"] == whole.fingerprint
    assert set(said["oddest"][0]) == {"name", "writer", "times"}


@pytest.mark.parametrize(
    ("changes", "token", "severity"),
    [
        ({(0, G, 1): with_time(lambda t: t / 1000)}, Token.TIME_UNIT, Severity.ERROR),
        ({(0, G, 1): with_time(lambda t: t * 1000)}, Token.TIME_UNIT, Severity.ERROR),
        ({(0, G, 1): with_time(lambda t: t * 1e6)}, Token.TIME_UNIT, Severity.ERROR),
        ({(0, G, 1): with_time(lambda t: np.arange(len(t)))}, Token.NO_TIME, Severity.ERROR),
        ({(0, G, 1): with_time(lambda t: t * 0)}, Token.NO_TIME, Severity.ERROR),
        ({(0, G, 1): with_time(lambda t: t + 1e6 * (t > 300))}, Token.CLOCK_JUMPED, Severity.WARNING),
        ({(0, G, 1): with_time(lambda t: t - 25.0 * (t == t[9]))}, Token.BACKWARD_STAMPS, Severity.NOTE),
        ({(0, G, 1): with_time(lambda t: np.floor(t / 50) * 50)}, Token.COARSE_CLOCK, Severity.NOTE),
        ({(0, G, n): with_time(lambda t: t * 2) for n in range(1, 7)}, Token.RATES_DIFFER, Severity.WARNING),
        ({(0, G, 1): with_pressure(lambda _: None)}, Token.PRESSURE_MISSING, Severity.WARNING),
        ({(0, G, 1): with_pressure(lambda p: p * 0 + 1)}, Token.PRESSURE_CONSTANT, Severity.WARNING),
        (
            {(0, G, 1): with_pressure(lambda p: np.minimum(p, np.quantile(p, 0.4)))},
            Token.PRESSURE_CLIPPED,
            Severity.WARNING,
        ),
        (
            {
                (0, G, n): lambda its: Signature(its.x * 30, its.y * 30, its.time_ms, its.pressure, its.ink)
                for n in range(1, 7)
            },
            Token.EXTENTS_DIFFER,
            Severity.WARNING,
        ),
    ],
)  # fmt: skip
def test_what_was_spoiled_is_found_by_name(whole, changes, token, severity):
    found = check_corpus(spoiled(whole, changes))
    finding = of(found, token)
    assert finding.severity is severity
    assert bool(found) is (severity is not Severity.ERROR)
    writer = whole.writers[0]
    expected = writer if token in (Token.RATES_DIFFER, Token.EXTENTS_DIFFER) else f"{writer}/genuine/1"
    assert expected in finding.samples
    # Some invented pens cut pressure off by themselves.
    assert finding.count == 1 or token is Token.PRESSURE_CLIPPED


def test_a_rate_that_tells_forgeries(whole):
    changes = {(w, S, n): with_time(lambda t: t * 1.3) for w in range(4) for n in range(1, 5)}
    assert of(check_corpus(spoiled(whole, changes)), Token.RATE_TELLS).severity is Severity.WARNING


def test_what_the_corpus_says_of_itself_is_held_against_it(whole):
    about = About(sessions=1, sampling_rate_hz=200)
    found = check_corpus(replace(whole, about=about))
    assert {Token.ONE_SESSION, Token.DECLARED_RATE} <= tokens(found)
    assert "200 Hz; by their stamps it is 100 Hz" in of(found, Token.DECLARED_RATE).words
    assert Token.DECLARED_RATE not in tokens(check_corpus(replace(whole, about=About(sampling_rate_hz=100))))


def capture(corpus, writer, number, kind=G):
    return next(
        sample.capture
        for sample in corpus.samples
        if (sample.writer, sample.kind, sample.number) == (corpus.writers[writer], kind, number)
    )


@pytest.mark.parametrize(
    ("place", "token", "severity"),
    [
        ((0, G, 2), Token.COPY, Severity.WARNING),
        ((1, G, 2), Token.COPY_ELSEWHERE, Severity.ERROR),
        ((0, S, 2), Token.COPY_ELSEWHERE, Severity.ERROR),
    ],
)
def test_exact_copies_wherever_they_were_moved(whole, place, token, severity):
    its = capture(whole, 0, 1)
    moved = Signature(its.x + 64, its.y - 32, its.time_ms + 1024, its.pressure, its.ink)
    for copy in (its, moved):
        found = check_corpus(spoiled(whole, {place: lambda _, copy=copy: copy}))
        finding = of(found, token)
        names = f"{whole.writers[0]}/genuine/1", f"{whole.writers[place[0]]}/{place[1]}/2"
        assert (finding.severity, finding.count, found.copies.exact) == (severity, 1, 1)
        assert set(finding.samples[0].split(" = ")) == set(names)


@pytest.mark.parametrize(("place", "severity"), [((0, G, 2), Severity.WARNING), ((2, G, 2), Severity.ERROR)])
def test_near_copies(whole, place, severity):
    its = capture(whole, 0, 1)
    rng = np.random.default_rng(0)
    changed = Signature(
        its.x * 2 + rng.normal(0, 1, len(its)), its.y * 2, its.time_ms * 1.05, its.pressure, its.ink
    )
    found = check_corpus(spoiled(whole, {place: lambda _: changed}))
    finding = of(found, Token.NEAR_COPY)
    assert (finding.severity, found.copies.near, found.copies.exact) == (severity, 1, 0)


@pytest.mark.parametrize(("place", "severity"), [((0, G, 2), Severity.WARNING), ((2, G, 2), Severity.ERROR)])
def test_copies_stretched_in_time_are_found_by_their_line(whole, place, severity):
    its = capture(whole, 0, 1)
    spread = its.time_ms - its.time_ms[0]
    # Slower and faster by turns, up to a fifth: by time they are two signatures.
    time_ms = spread + 0.2 * spread[-1] / 9 * np.sin(spread / spread[-1] * 9)
    warped = Signature(its.x * 1.5, its.y * 1.5, time_ms, its.pressure, its.ink)
    found = check_corpus(spoiled(whole, {place: lambda _: warped}))
    finding = of(found, Token.SAME_LINE)
    assert (finding.severity, finding.count, found.copies.same_line) == (severity, 1, 1)
    assert (found.copies.near, found.copies.exact) == (0, 0)


def test_of_many_captures_each_writers_own_are_compared(whole, monkeypatch):
    its = capture(whole, 0, 1)
    slow = with_time(lambda time_ms: time_ms * (1 + 0.1 * np.sin(time_ms / 300)))(its)
    monkeypatch.setattr(lines, "MOST_COMPARED", 3)
    same, others = (Subject(spoiled(whole, {(w, G, 2): lambda _: slow})) for w in (0, 2))
    assert len(lines.same_lines(same)) == 1
    assert lines.same_lines(others) == []
    assert lines.lines_in_both(same, others) == []


def test_captures_that_lack_pressure_both_are_no_nearer_for_that(whole):
    changes = {
        (w, k, n): with_pressure(lambda _: None) for w in range(4) for k in (G, S) for n in range(1, 7)
    }
    found = check_corpus(spoiled(whole, changes))
    assert found.copies.near == 0
    assert of(found, Token.PRESSURE_MISSING).severity is Severity.NOTE


def test_too_little(whole):
    one = whole.select(whole.writers[:1])
    found = check_corpus(replace(one, samples=one.samples[:1]))
    assert {Token.ONE_WRITER, Token.FEW_GENUINE, Token.NO_FORGERIES} <= tokens(found)
    assert (found.sizes.eer_skilled, found.sizes.eer_random, found.oddest) == (None, None, ())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Anna", "anna "), ("Zo\u00eb", "Zoe\u0308"), ("Zoe", "Zo\u00eb"), ("Jos\u00e9 M.", "josem")],
)
def test_names_that_may_be_of_one_person(whole, one, other):
    names = dict(zip(whole.writers, [one, other, "bob", "c"], strict=True))
    samples = tuple(replace(sample, writer=names[sample.writer]) for sample in whole.samples)
    found = of(check_corpus(Corpus("x", samples)), Token.SIMILAR_NAMES).samples
    assert found == (" = ".join(sorted([one, other])),)


def test_what_two_corpora_share(whole):
    ours, theirs = whole.select(whole.writers[:2]), whole.select(whole.writers[2:])
    assert not tokens(check_corpus(ours, against=theirs)) & {Token.LEAK, Token.SHARED_NAMES}
    shared = replace(whole.select(whole.writers[1:]), name="others")
    found = check_corpus(ours, against=shared)
    assert of(found, Token.LEAK).count == 10
    assert of(found, Token.SHARED_NAMES).samples == (whole.writers[1],)
    assert not found
    again = check_corpus(ours, against=whole.select(whole.writers[1:]))
    assert {each.samples for each in again.findings if each.token is Token.LEAK} >= {(whole.writers[1],)}
    with pytest.raises(CorpusError, match="compared with itself"):
        check_corpus(whole, against=whole)


def test_what_both_sides_of_a_split_share(whole, tmp_path):
    path = tmp_path / "split.toml"
    SplitFile.of(whole).write(path)
    assert check_corpus(whole, against=path)
    split = SplitFile.of(whole)
    place = (whole.writers.index(split.held_out[0]), G, 1)
    leaking = spoiled(whole, {place: lambda _: capture(whole, whole.writers.index(split.train[0]), 3)})
    with pytest.raises(SplitLeak, match="on both sides of the split"):
        SplitFile.of(leaking)
    replace(split, fingerprint=leaking.fingerprint).write(path)  # as one that was drawn elsewhere
    finding = of(check_corpus(leaking, against=path), Token.LEAK)
    assert finding.samples == (f"{split.train[0]}/genuine/3 = {split.held_out[0]}/genuine/1",)
    with pytest.raises(CorpusError, match="the split is not of this corpus"):
        check_corpus(whole, against=path)


def test_pictures():
    corpus = open_corpus("rendered:synthetic:writers=3,genuine=4,skilled=2")
    found = check_corpus(corpus)
    assert (found.modality, found.clocks, found.pressure, found.sizes.measure) == (
        "image",
        None,
        None,
        "shape",
    )
    assert 0 < found.pictures.ink.least < found.pictures.ink.most < 1
    blank = spoiled(corpus, {(0, G, 1): lambda _: SignatureImage(np.full((60, 90), 255, np.uint8))})
    assert of(check_corpus(blank), Token.UNFIT).samples == (f"{corpus.writers[0]}/genuine/1",)


def test_every_file_of_a_folder_is_named(whole, tmp_path):
    write_folder(whole, tmp_path / "people")
    folder = tmp_path / "people"
    (folder / whole.writers[0] / "genuine" / "001.csv").write_text("hello")
    (folder / whole.writers[1] / "genuine" / "002.csv").write_bytes(b"")
    (folder / "stray.csv").write_bytes((folder / whole.writers[2] / "genuine" / "001.csv").read_bytes())
    for source in (folder, str(folder), f"folder={folder}"):
        found = check_corpus(source)
        assert not found
        assert set(of(found, Token.UNREADABLE).samples) == {
            f"{whole.writers[0]}/genuine/001.csv",
            f"{whole.writers[1]}/genuine/002.csv",
        }
        assert of(found, Token.MISPLACED).samples == ("stray.csv",)
        assert found.counts.genuine == 22
        assert {each["file"]: each["trouble"] for each in found.to_dict()["files"]} == {
            f"{whole.writers[0]}/genuine/001.csv": "unreadable",
            f"{whole.writers[1]}/genuine/002.csv": "unreadable",
            "stray.csv": "misplaced",
        }
        assert found.oddest[0].name.endswith(".csv")


def test_nothing_to_check(tmp_path):
    (tmp_path / "people" / "bob").mkdir(parents=True)
    (tmp_path / "people" / "bob" / "1.csv").write_text("hello")
    found = check_corpus(tmp_path / "people")
    assert tokens(found) == {Token.UNREADABLE, Token.NO_SIGNATURES}
    assert json.dumps(found.to_dict())
    with pytest.raises(CorpusError, match="unknown corpus"):
        check_corpus(str(tmp_path / "absent"))


FAULTS = (
    *(with_time(lambda t, factor=factor: t * factor) for factor in (0, 1e-6, 1e-3, 1e3)),
    with_time(lambda t: t[::-1]),
    with_pressure(lambda _: None),
    with_pressure(lambda p: p * 0),
    with_pressure(lambda p: p * 0 + 3),
    lambda its: Signature(its.x * 1e-6, its.y, its.time_ms),
    lambda its: Signature(its.x, its.y * 1e3, its.time_ms),
    lambda its: Signature(its.x[:8], its.y[:8], its.time_ms[:8]),
    lambda _: Signature(np.arange(9), np.zeros(9), np.arange(9) * 10),  # the same of everybody
)
PLACES = st.tuples(st.integers(0, 3), st.sampled_from([G, S]), st.integers(1, 4))


@settings(max_examples=12)
@given(
    changes=st.dictionaries(PLACES, st.integers(0, len(FAULTS) - 1), max_size=8),
    writers=st.sets(st.integers(0, 3), min_size=1),
)
def test_any_spoiled_corpus_is_checked(whole, changes, writers):
    """No recording that can be made ends a check, and what is found has names of samples alone."""
    faults = {place: FAULTS[number] for place, number in changes.items()}
    corpus = spoiled(whole, faults).select([whole.writers[number] for number in writers])
    found = check_corpus(corpus)
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert [each.severity for each in found.findings] == sorted(
        (each.severity for each in found.findings), key=list(Severity).index
    )
    names = {f"{each.writer}/{each.kind}/{each.number}" for each in corpus.samples} | set(corpus.writers)
    assert {name for each in found.findings for said in each.samples for name in said.split(" = ")} <= names
