"""Text that people chose is printed as it is, whatever it holds; what cannot be printed says so."""

import io
import re
import sys
from pathlib import Path

import pytest

import sigverify.cli
from sigverify.cli.output import report, say, styled, table, visible
from sigverify.errors import SigverifyError

SOURCES = sorted(Path(sigverify.cli.__file__).parent.glob("*.py"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bob [/admin] :smile: [bold]", "bob [/admin] :smile: [bold]"),
        ("café 王 Ω", "café 王 Ω"),
        ("a\x1b[31mb\x07", r"a\x1b[31mb\x07"),
        ("a\u202eb\u200b\u2028c", r"a\u202eb\u200b\u2028c"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x9b31m\ud800", r"\x9b31m\ud800"),
    ],
)
def test_what_controls_a_terminal_is_escaped_and_all_else_is_kept(text, shown):
    assert visible(text) == shown


def test_nothing_is_interpreted_folded_or_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    name = "[/admin] :smile: [red]" + "x" * 300
    say(table([(name, name)], title=name))
    say(name)
    say(styled((name, "bold")))
    printed = capsys.readouterr().out
    assert printed.count(name) == 5
    assert len(printed.splitlines()) == 4


def test_no_line_ends_in_blanks_that_a_narrow_terminal_would_wrap(capsys):
    say(table({"long": "x" * 200, "short": "y"}, title="of both"))
    assert [len(line.rstrip()) for line in capsys.readouterr().out.splitlines()] == [7, 207, 8]
    say(styled("two\n\nlines  \n"))
    assert capsys.readouterr().out == "two\n\nlines\n\n"


def test_a_closed_stream_ends_with_an_error_of_ours(monkeypatch):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    from sigverify.cli.output import whole_output

    monkeypatch.setattr(sys, "stdout", Full())
    with whole_output(), pytest.raises(SigverifyError, match="No space left"):
        report({"user_ids": []}, as_json=True, render=str)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_command_prints_through_one_module(source):
    if source.name in ("output.py", "app.py"):
        pytest.skip("it is the module, or prints a constant")
    text = source.read_text()
    for way in ("print(", "typer.echo", "sys.stdout", "Console(", "rich.markup"):
        assert way not in text, f"{source.name} prints by {way}"
    assert not re.search(r"\[/?(bold|dim|red|green|yellow)\b[^\]]*\]", text), "markup is not read"
