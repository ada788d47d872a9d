"""`sigverify train`: what is said before keras is loaded."""

import os
import re
import sys

import pytest

from sigverify.cli.quiet import quiet
from sigverify.cli.train import ENCODERS_HELP, LOSSES_HELP, _content
from sigverify.errors import ConfigError, TrainingError
from sigverify.training import Run
from sigverify.training.encoders import ENCODERS
from sigverify.training.losses import LOSSES


@pytest.mark.parametrize(
    ("said", "names"), [(ENCODERS_HELP, ENCODERS), (LOSSES_HELP, LOSSES)], ids=["encoders", "losses"]
)
def test_the_help_names_all_there_are(said, names):
    assert set(names) <= set(re.findall(r"[a-z0-9]+", said))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--encoder", "cnn"), "unknown encoder of modality pen; expected tdnn or bromley1993; received cnn"),
        (("--loss", "foo"), "unknown loss; expected contrastive or supervised or"),
        (("--init-from", "nope"), "nope cannot be loaded"),
        (("--init-from", "base-image"), "another modality"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_is_read(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setitem(sys.modules, "keras", None)  # loading it fails
    monkeypatch.setattr("sigverify.cli.checks.require", lambda *_: None)
    code, printed = run("train", "--corpus", "folder=none", "--out", tmp_path / "new", *arguments)
    assert code == 4
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_a_record_that_lacks_what_is_shown_is_an_error(tmp_path):
    (tmp_path / "provenance.json").write_text('{"epochs_done": 2}')
    with pytest.raises(TrainingError, match=r"provenance.json is damaged; expected best_epoch, best, train"):
        _content(Run(path=tmp_path))


@pytest.mark.parametrize(("error", "shown"), [(ConfigError("no"), ""), (ValueError("no"), "chatter")])
def test_what_libraries_log_is_shown_where_no_error_of_ours_says_why(capfd, error, shown):
    def body():
        with quiet():
            os.write(2, b"chatter")
            raise error

    with pytest.raises(type(error)):
        body()
    assert capfd.readouterr().err == shown
