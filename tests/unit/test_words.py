import string

import pytest

from sigverify.decision import Outcome, Reason
from sigverify.errors import ConfigError
from sigverify.words import ENGLISH, LANGUAGES, PHRASES, phrase, preferred_language, sentence


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_says_all_that_english_says(language):
    table = LANGUAGES[language]
    assert {kind: set(words) for kind, words in table.items()} == {
        kind: set(words) for kind, words in ENGLISH.items()
    }
    for kind, words in table.items():
        for token, said in words.items():
            assert said == said.strip(), (kind, token)
            assert said, (kind, token)
            if kind != PHRASES:
                assert not said.endswith("."), "a part of a sentence has no full stop"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_phrases_are_filled_in_with_the_same_values(language):
    def fields(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for name, english in ENGLISH[PHRASES].items():
        assert fields(LANGUAGES[language][PHRASES][name]) == fields(english), name


def test_languages_differ():
    assert {sentence(Reason.LOCKED, language=language)[:8] for language in LANGUAGES} == {
        "too many",
        "zu viele",
    }
    assert phrase("score", language="de", score="0.9", threshold="0.5") == "Wert 0.9, Schwelle 0.5"


def test_a_language_without_a_table():
    for ask in (lambda: sentence(Outcome.ACCEPT, language="fr"), lambda: phrase("nobody", language="fr")):
        with pytest.raises(ConfigError, match="en or de"):
            ask()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "DE"}, "de"),
        ({"LANG": "de@euro"}, "de"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "deu_DE"}, "en"),
        ({"LANG": "de_AT", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE", "LC_MESSAGES": "de_DE", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "", "LC_ALL": ""}, "de"),
        ({"LC_CTYPE": "de_DE"}, "en"),
    ],
)
def test_the_language_that_the_environment_asks_for(environment, language):
    assert preferred_language(environment) == language
