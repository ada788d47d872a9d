"""What a search found, for notebooks and tables."""

from sigverify.search import Match, Matches


def test_records_are_rows_of_one_shape():
    rows = Matches([Match("ann", 0.9), Match("bob", None)]).records()
    assert rows == [
        {"rank": 1, "user_id": "ann", "score": 0.9},
        {"rank": 2, "user_id": "bob", "score": None},
    ]
    assert Matches().records() == []


def test_a_notebook_shows_them_and_reads_no_markup(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    shown = Matches([Match("<img src=x>", 0.25), Match("bob", None)], fpir=0.01)._repr_html_()
    assert "<td>&lt;img src=x&gt;</td><td>0.25</td>" in shown
    assert "<td>2</td><td>bob</td><td></td>" in shown
    assert Match("bob", 0.5)._repr_html_() == Matches([Match("bob", 0.5)])._repr_html_()
    assert "Nobody" in Matches(fpir=0.01)._repr_html_()


def test_in_the_language_of_the_environment(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert "Niemand" in Matches()._repr_html_()
    assert '<table lang="de">' in Matches([Match("bob", 0.5)])._repr_html_()
