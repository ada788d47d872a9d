"""Layouts of other trees: what they tell, which are refused, and that no pattern takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.corpora import Kind
from sigverify.corpora.layout import MAX_PATH, MAX_PATTERN, Layout, Place
from sigverify.errors import CorpusError

G, S = Kind.GENUINE, Kind.SKILLED
WORDS = st.text("abcXYZäß_-. ", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("pattern", "path", "told"),
    [
        ("{writer}/{kind}/{any}.csv", "anna/Skilled/a b.CSV", ("anna", S, None)),
        ("{writer}_{kind:g=genuine,f=skilled}_{number}.txt", "Ann_Lee_F_07.txt", ("Ann_Lee", S, 7)),
        ("{writer}/{kind:echt=genuine,falsch=skilled}-{number}.json", "ä/falsch-3.json", ("ä", S, 3)),
        ("{writer:digits}{kind:v=genuine,f=skilled}{number}.fpg", "0012v03.fpg", ("0012", G, 3)),
        ("{writer}{kind:v=genuine,f=skilled}{number}.fpg", "0012v03.fpg", ("0012", G, 3)),
        ("U{writer}S{number:1-20=genuine,21-40=skilled}.TXT", "u3s21.txt", ("3", S, 21)),
        ("U{writer}S{number:1-20=genuine,21-40=skilled}.TXT", "u3s41.txt", None),
        ("{writer}/{writer}_{number}.svc", "u1/u1_2.svc", ("u1", G, 2)),
        ("{writer}/{writer}_{number}.svc", "u1/u2_2.svc", None),
        ("{writer}/{any}/{any}.csv", "bo/day one/x.csv", ("bo", G, None)),
        ("straße/{writer}.csv", "STRASSE/bo.csv", None),  # as many characters as the pattern has
        ("straße/{writer}.csv", "STRAßE/bo.csv", ("bo", G, None)),
        ("{writer}.csv", "a/b.csv", None),
        ("{writer}.csv", ".csv", None),
        ("{number}-{writer}", "1234567890-bo", None),
        ("[a-z]+.*{writer}", "[a-z]+.*bo", ("bo", G, None)),
        ("[a-z]+.*{writer}", "abcbo", None),
    ],
)
def test_what_a_path_tells(pattern, path, told):
    place = Layout(pattern).place(path)
    assert place == (None if told is None else Place(writer=told[0], kind=told[1], number=told[2]))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "at most 200 printable characters"),
        ("{writer}\n", "at most 200 printable characters"),
        ("{writer}" + "a" * MAX_PATTERN, "at most 200 printable characters"),
        ("no names", r"expected \{writer\}"),
        ("{kind}.csv", r"expected \{writer\}"),
        ("{name}.csv", "{writer}, {kind}, {number} or {any}"),
        ("{writer!r}", "{writer}, {kind}, {number} or {any}"),
        ("{writer.__class__}", "{writer}, {kind}, {number} or {any}"),
        ("{}{writer}", "{writer}, {kind}, {number} or {any}"),
        ("{writer", "a closing brace for each opening one"),
        ("writer}", "a closing brace for each opening one"),
        ("{{writer}}", "a closing brace for each opening one"),
        ("{writer}{any}", "text between two pieces"),
        ("{writer:digits}{number}", "text between two pieces"),
        ("{writer}/{kind}/{kind}", "kind and number once"),
        ("{writer}/{number}/{number}", "kind and number once"),
        ("{writer}/{kind:x=forged}", "pairs such as g=genuine"),
        ("{writer}/{kind:g=genuine,G=skilled}", "each word once"),
        ("{writer}/{kind:/=genuine}", "pairs such as g=genuine"),
        ("{writer}/{number:a=genuine}", "ranges such as 1-20=genuine"),
        ("{writer}/{kind}{number:1=genuine}", "the kind by its word or by the number"),
        (3, "expected text"),
        (["{writer}"], "expected text"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, message):
    with pytest.raises(CorpusError, match="the layout is no pattern") as caught:
        Layout.of(pattern)
    assert message.replace("\\", "") in str(caught.value)


@given(
    writer=st.text("abZ09ä-", min_size=1, max_size=12),
    skilled=st.booleans(),
    number=st.integers(0, 10**9 - 1),
    words=st.tuples(WORDS, WORDS).filter(lambda words: words[0].strip() and words[1].strip()),
)
def test_a_path_made_by_a_pattern_is_read_by_it(writer, skilled, number, words):
    path = f"all/{writer}_{'f' if skilled else 'g'}{number}{words[0]}/{words[1]}.csv"
    layout = Layout("all/{writer}_{kind:g=genuine,f=skilled}{number}{any}/{any}.csv")
    assert layout.place(path) == Place(writer=writer, kind=S if skilled else G, number=number)


@given(
    pattern=st.text("{}abk:=,/-12 \\*+().^$", max_size=60) | st.text(max_size=60), path=st.text(max_size=80)
)
def test_any_text_is_a_pattern_or_refused(pattern, path):
    for text in (pattern, pattern + "{writer}", "{writer}/" + pattern):
        try:
            layout = Layout(text)
        except CorpusError:
            continue
        place = layout.place(path)
        assert place is None or ("/" not in place.writer and place.writer in path)


@pytest.mark.parametrize(
    "pattern",
    ["{writer}" + "a{any}" * 15, "{writer}" + "a{any}" * 15 + "b", "{writer}a" + "{any}a" * 15 + "/"],
)
def test_no_pattern_takes_long(pattern):
    layout = Layout(pattern)
    start = time.perf_counter()
    for path in ("a" * MAX_PATH, "a" * (MAX_PATH - 1) + "b", "a" * 100_000):
        layout.place(path)
    # A backtracking matcher would need 500 over 15 steps for it; this one takes 0.1 s.
    assert time.perf_counter() - start < 5
