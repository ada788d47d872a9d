import errno
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sigverify.corpora import Kind
from sigverify.errors import ConfigError
from sigverify.evaluation import (
    Comparison,
    History,
    Report,
    TrialKind,
    compare,
    evaluate,
    publish,
    read_reports,
)
from sigverify.evaluation.compare import unpaired
from sigverify.evaluation.page.folder import MAX_STYLE_BYTES, check_replaceable, read_style
from sigverify.evaluation.page.html import render
from sigverify.evaluation.page.plots import by_corpus, draw_plots, plots, stems, styled
from sigverify.evaluation.selection import Choice, Selection
from sigverify.experiments.cache import read_report


def page_of(reports):
    return render(reports, draw_plots(reports))


def test_json_round_trip(report):
    assert Report.from_json(report.to_json()).to_dict() == report.to_dict()
    assert Report.from_json(report.to_json()).condition(3) == report.condition(3)


def test_whom_was_measured_is_kept_and_said(report):
    chosen = replace(report, selection=Selection(choice=Choice.HELD_OUT, writers=6, left_out=34))
    assert Report.from_json(chosen.to_json()).selection == chosen.selection
    assert "Measured: the 6 writers of 40 that were held out of training" in page_of([chosen])
    assert "Measured" not in page_of([report])


def test_records_are_rows_of_one_shape(report):
    rows = report.records()
    assert len(rows) == sum(len(condition.impostors) for condition in report.conditions)
    assert len({tuple(row) for row in rows}) == 1
    assert all(isinstance(value, str | int | float) for row in rows for value in row.values())
    row = next(each for each in rows if (each["references"], each["impostor"]) == (3, "skilled"))
    errors = report.condition(3).impostors[TrialKind.SKILLED]
    assert (row["eer"], row["eer_low"], row["eer_high"]) == (errors.eer.mean, errors.eer.low, errors.eer.high)
    assert row["fnmr_at_fmr_0.01"] == next(each.fnmr.mean for each in errors.points if each.fmr == 0.01)


def test_trials_are_columns_with_names_of_people(report):
    columns = report.trials.columns()
    assert {len(column) for column in columns.values()} == {len(report.trials)}
    assert set(columns["writer"]) == set(report.trials.writers)
    mine = (columns["references"] == 3) & (columns["kind"] == "skilled") & (columns["draw"] == 0)
    found = report.trials.scores(references=3, kind=TrialKind.SKILLED, draw=0)
    assert sorted(columns["score"][mine]) == sorted(found)
    random = columns["kind"] == "random"
    assert (columns["writer"][random] != columns["probe_writer"][random]).all()
    columns["score"][:] = 0
    assert report.trials.rows["score"].any(), "a copy"


def test_profiles_are_what_the_own_thresholds_give(report):
    """The toy system promises the rates of two of them, at 0.3 and 0.6."""
    condition = report.condition(3)
    assert [point.profile.value for point in condition.profiles] == ["convenient", "strict"]
    assert [point.threshold for point in condition.profiles] == [0.3, 0.6]
    for point in condition.profiles:
        genuine = report.trials.scores(references=3, kind=TrialKind.GENUINE)
        assert point.genuine_refused.found == pytest.approx((genuine < point.threshold).mean())
        for kind, share in point.accepted.items():
            scores = report.trials.scores(references=3, kind=kind)
            assert share.found == pytest.approx((scores >= point.threshold).mean())
        for share in (point.genuine_refused, *point.accepted.values()):
            assert 0 <= share.low <= share.found <= share.high <= 1


def test_bounds_of_a_profile_are_those_of_drawing_the_writers_anew(report):
    point = report.condition(3).profiles[0]
    rows = report.trials.select(references=3, kind=TrialKind.GENUINE)
    refused = [
        rows["score"][rows["writer"] == writer] < point.threshold for writer in np.unique(rows["writer"])
    ]
    rng = np.random.default_rng(1)
    drawn = [
        np.concatenate([refused[n] for n in rng.integers(0, len(refused), len(refused))]).mean()
        for _ in range(4000)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert point.genuine_refused.low == pytest.approx(low, abs=0.02)
    assert point.genuine_refused.high == pytest.approx(high, abs=0.02)


def test_a_number_of_references_not_tried_is_refused(report):
    with pytest.raises(ConfigError, match="1, 3"):
        report.condition(2)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"conditions": 1}', "nope"])
def test_what_is_no_report_is_refused(text):
    with pytest.raises(ConfigError, match="report"):
        Report.from_json(text)


@pytest.fixture(scope="module")
def folder(report, corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("reports") / "one"
    history = History((1.0, 2.0), {"loss": (0.5, 0.25), "val_eer": (0.3, float("nan"))})
    publish([report], out, corpora=[corpus], history=history, style="h1 { color: teal; }")
    return out


def test_folder_holds_everything(folder, report):
    names = {path.name for path in folder.iterdir()}
    assert {"report.json", "report.html", "trials-0.npz", "waves-det.png", "waves-references.png"} <= names
    assert {"waves-pitch-scores.png", "waves-pitch-writers.png", "waves-pitch-reliability.png"} <= names
    assert "learning-curves.png" in names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.glob("*.png"))
    (read,) = read_reports(folder)
    assert read.to_dict() == report.to_dict()
    assert (read.trials.rows == report.trials.rows).all()
    assert read_reports(folder / "report.json")[0].trials.writers == report.trials.writers


def test_trials_of_before_there_were_decided_scores_are_read(report, tmp_path):
    folder = tmp_path / "out"
    publish([report], folder)
    with np.load(folder / "trials-0.npz") as file:
        columns = {name: file[name] for name in file.files if name != "decided"}
    np.savez(folder / "trials-0.npz", **columns)
    rows = read_reports(folder)[0].trials.rows
    np.testing.assert_array_equal(rows["decided"], report.trials.rows["score"])


def test_two_reports_of_one_name_both_say_where_they_come_from(report):
    other = replace(report, signatures=report.signatures + 1)
    assert stems([report, other]) == ["waves-pitch", "waves-pitch-2"]
    page = page_of([report, other])
    assert page.count(f"{report.signatures} signatures") == 1
    assert page.count(f"{report.signatures + 1} signatures") == 1


def test_different_corpora_of_one_name_are_not_drawn_into_one_picture(report):
    other = replace(report, corpus_fingerprint="0123456789abcdef")
    first, second = by_corpus([report, other, report]).items()
    assert first[0] == f"waves, {report.corpus_fingerprint[:8]}"
    assert [second[0], *(each.corpus for each in second[1])] == ["waves, 01234567"] * 2
    assert [len(first[1]), len(second[1])] == [2, 1]
    assert list(by_corpus([report, report])) == ["waves"]
    names = set(plots([report, other]))
    assert {"waves-01234567-det", "waves-01234567-pitch-scores"} < names
    assert len(names) == 2 * 5
    assert "waves, 01234567" in page_of([report, other])


def test_the_first_table_tells_corpora_of_one_name_apart(report):
    other = replace(report, corpus_fingerprint="0123456789abcdef")
    table = _first_table(page_of([report, other]))
    assert table.count(f"waves, {report.corpus_fingerprint[:8]}, pitch") == 1
    assert table.count("waves, 01234567, pitch") == 1
    assert "waves, pitch" in _first_table(page_of([report, report]))


def test_comparisons_and_the_command_tell_corpora_of_one_name_apart(report):
    pytest.importorskip("rich")
    from sigverify.cli import evaluate
    from sigverify.cli.output import say

    other = replace(report, corpus_fingerprint="0123456789abcdef")
    names = {f"waves, {report.corpus_fingerprint[:8]}", "waves, 01234567"}
    assert {each.corpus for each in compare([report, other], [other, report])} == names
    assert {each.corpus for each in compare([report, other], [other])} == {"waves, 01234567"}
    assert {each.corpus for each in compare([report], [report])} == {"waves"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdout", written := io.StringIO())
        say(evaluate._render((report, other), None))
    assert all(f"{name}, pitch" in written.getvalue() for name in names)


def _first_table(page):
    table = page[page.index("<table") : page.index("</table>")]
    return re.sub(r"pitch[^<]*", "pitch", table)


def test_page_needs_nothing_beside_it(folder):
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "pitch &lt;&amp;&gt;" in page
    assert "pitch <&>" not in page
    assert "Source" not in page
    for heading in ("Equal error rates", "Thresholds by false match rate", "own thresholds", "Calibration"):
        assert heading in page
    assert "lowest scores" in page


def test_a_style_of_ones_own_comes_last_and_the_page_prints(folder):
    (style,) = re.findall(r"<style>(.*?)</style>", (folder / "report.html").read_text(), re.DOTALL)
    assert style.rstrip().endswith("h1 { color: teal; }")
    assert "@media print" in style


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "CSS in UTF-8"),
        (b"h1 {} </STYLE ><script>", "CSS alone"),
        (b" " * (MAX_STYLE_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_style_sheet_is_refused(tmp_path, content, said):
    file = tmp_path / "own.css"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_style(file)


def test_tables_that_are_wider_than_a_phone_move_on_their_own(folder):
    page = (folder / "report.html").read_text()
    assert page.count("<table>") == page.count('<div class="wide"><table>') > 3


@pytest.fixture
def plain(monkeypatch):
    """Leave the pictures out, which take seconds."""
    monkeypatch.setattr("sigverify.evaluation.page.folder.write_plots", lambda *_, **__: [])
    monkeypatch.setattr("sigverify.evaluation.page.folder.render", lambda *_, **__: "page")


@pytest.mark.usefixtures("plain")
def test_an_older_report_is_replaced_and_anything_else_is_not(report, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    publish([report], out)
    (out / "stale.png").write_bytes(b"")
    publish([report], out)
    assert not (out / "stale.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="taken"):
        publish([report], other)
    assert (other / "chapter.tex").read_text() == "years of work"
    with pytest.raises(ConfigError, match="nothing"):
        publish([], tmp_path / "none")
    for place in (other / "chapter.tex" / "report", other / "chapter.tex" / "deep" / "report"):
        with pytest.raises(ConfigError, match=r"cannot be written.*chapter\.tex cannot be written to"):
            check_replaceable(place)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("which", [1, 2])
def test_an_older_report_is_kept_until_the_new_one_is_in_its_place(report, tmp_path, monkeypatch, which):
    out, renamed = tmp_path / "report", []
    publish([report], out)
    (out / "older").write_bytes(b"")
    rename = Path.rename

    def failing(path, target):
        renamed.append(path)
        if len(renamed) == which:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ConfigError, match="cannot be written"):
        publish([report], out)
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (out / "older").exists()


@pytest.mark.usefixtures("plain")
def test_nothing_half_written(report, tmp_path, monkeypatch):
    monkeypatch.setattr("sigverify.evaluation.page.folder.render", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publish([report], tmp_path / "report")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "damage", ["cut", "version", "format", "trials", "trials cut", "trials changed", "absent"]
)
def test_damaged_folders_are_refused(report, tmp_path, damage):
    out = tmp_path / "report"
    publish([report], out)
    file, trials = out / "report.json", out / "trials-0.npz"
    whole, packed = json.loads(file.read_text()), trials.read_bytes()
    match damage:
        case "cut":
            file.write_text(file.read_text()[:-200])
        case "version":
            file.write_text(json.dumps({**whole, "version": 99}))
        case "format":
            file.write_text(json.dumps({**whole, "format": "other"}))
        case "trials":
            trials.write_bytes(b"PK not really")
        case "trials cut":
            trials.write_bytes(packed[:-100])
        case "trials changed":
            middle = len(packed) // 2
            trials.write_bytes(packed[:middle] + bytes(8) + packed[middle + 8 :])
        case "absent":
            file.unlink()
    with pytest.raises(ConfigError):
        read_reports(out)
    assert read_report(out) is None  # an experiment makes it anew


def test_every_picture_can_be_built(report):
    with styled():
        for build in plots([report, report]).values():
            assert build().axes


class Worse:
    """The same system, with noise on its scores."""

    calibrated = True

    def __init__(self, system):
        self._system = system
        self.name = "worse"
        self.provenance = {"kind": "test"}
        self.embed, self.distances, self.spread = system.embed, system.distances, system.spread
        self.cohort = system.cohort
        self._rng = np.random.default_rng(0)

    def score(self, distances, spread):
        return np.clip(self._system.score(distances, spread) + self._rng.normal(0, 0.3, len(distances)), 0, 1)

    def decided(self, score, _distances, _impostor):
        return score

    def thresholds(self, _references):
        return {}


def test_a_system_does_not_differ_from_itself(report):
    for found in compare([report], [report]):
        assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
        assert not found.significant


def test_a_worse_system_is_found_worse(report, system, corpus):
    worse = evaluate(Worse(system), corpus, references=(3, 5), draws=3)
    found = compare([report], [worse])
    assert [(each.references, each.impostor) for each in found] == [
        (3, TrialKind.SKILLED),
        (3, TrialKind.RANDOM),
    ]
    random = found[1]
    assert isinstance(random, Comparison)
    assert random.low <= random.difference <= random.high
    assert random.significant
    assert random.p_value < 0.05
    assert random.difference == pytest.approx(random.second_eer - random.first_eer)
    mirrored = compare([worse], [report])[1]
    assert (mirrored.difference, mirrored.low) == pytest.approx((-random.difference, -random.high))


def test_reports_that_share_nothing_cannot_be_compared(report, system, make):
    other = evaluate(system, make(seed=9), references=(3,), draws=3)
    with pytest.raises(ConfigError, match="nothing in common"):
        compare([report], [other])


def test_what_has_no_like_is_named(report, system, corpus, make):
    other = evaluate(system, corpus, references=(3, 5), draws=3)
    elsewhere = evaluate(system, make(seed=9), references=(3,), draws=3)
    assert unpaired([report], [report]) == ()
    found = unpaired([report], [other, elsewhere])
    assert [text.partition("R = ")[2] for text in found] == ["1)", "5)", "3)"]
    assert all(text.startswith("pitch <&> on waves (standard, 3 draws") for text in found)


def test_replicates_without_impostors_are_no_evidence(system, make):
    corpus = make(writers=3)
    samples = tuple(each for each in corpus.samples if each.writer == "w0" or each.kind is Kind.GENUINE)
    one, two = (
        evaluate(each, replace(corpus, samples=samples), references=(3,), draws=2)
        for each in (system, Worse(system))
    )
    skilled = compare([one], [two])[0]
    assert skilled.impostor is TrialKind.SKILLED
    # Each replicate that drew w0 is of the same forgeries; one without them would count as an EER of 0.
    assert 0 < skilled.low <= skilled.difference
    assert one.condition(3).impostors[TrialKind.SKILLED].eer.low > 0


def test_a_comparison_is_plain_json(report):
    found = json.loads(json.dumps([each.to_dict() for each in compare([report], [report])]))
    assert found[0]["impostor"] == "skilled"
    assert found[0]["significant"] is False


def test_reports_without_trials_cannot_be_compared(report):
    with pytest.raises(ConfigError, match="lost its trials"):
        compare([report], [Report.from_json(report.to_json())])


def test_history_is_read_from_a_run(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss,val_eer,empty\n1,0.5,0.3,\n2,0.25,x,\n")
    found = History.read(tmp_path)
    assert found.epochs == (1, 2)
    assert found.columns["loss"] == (0.5, 0.25)
    assert np.isnan(found.columns["val_eer"][1])
    assert set(found.columns) == {"loss", "val_eer"}


@pytest.mark.parametrize(
    "content", [None, b"", b"epoch,loss\n", b"a\n1,2\n", b"a\n1\n1,2\n", b"\xff\xfe\x00"]
)
def test_what_is_no_history_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "history.csv").write_bytes(content)
    with pytest.raises(ConfigError, match="no learning curves"):
        History.read(tmp_path / "history.csv")
