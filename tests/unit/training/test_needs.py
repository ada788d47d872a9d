import pytest
from builders import signature

from sigverify.corpora import Corpus, Kind, Sample
from sigverify.errors import ConfigError, CorpusError
from sigverify.training import PairConfig, TraceSet, TrainConfig, ValidationConfig
from sigverify.training.needs import check_needs

ONE = signature(0, 0)


def corpus(*genuine, skilled=0, name="mine"):
    """Return one of as many writers, each with so many genuine signatures; all the same one."""
    samples = [
        Sample(str(writer), kind, number, ONE)
        for writer, count in enumerate(genuine)
        for kind, several in ((Kind.GENUINE, count), (Kind.SKILLED, skilled))
        for number in range(several)
    ]
    return Corpus(name, tuple(samples))


def config(fraction=0.25, *, references=4, pair=0):
    return TrainConfig(
        validation=ValidationConfig(fraction=fraction, references=references), pair=PairConfig(epochs=pair)
    )


@pytest.mark.parametrize(
    ("settings", "corpora"),
    [
        (config(), [corpus(*[15] * 12)]),
        (config(), [corpus(5, 5, 5, skilled=1)]),
        (config(0.0), [corpus(1, 1)]),
        (config(0.25, pair=1), [corpus(*[5] * 12)]),
        (config(0.0, pair=1), [corpus(4, 4, 4)]),
        (TrainConfig(), [corpus(*[15] * 12)]),
        (config(0.1), [corpus(5, 5), corpus(5, 5, name="others")]),
    ],
)
def test_enough(settings, corpora):
    check_needs(settings, corpora)
    check_needs(settings, [TraceSet.from_corpus(each) for each in corpora])


@pytest.mark.parametrize(
    ("settings", "corpora", "message"),
    [
        (config(), [corpus(9)], "mine is too small to split; expected at least 2 writers; received 1"),
        (config(0.9), [corpus(9, 9)], "too few writers to train on"),
        (config(0.25, references=5), [corpus(5, 5, 4, 3)], r"more than 5 genuine signatures; received 5 at"),
        (
            config(0.1),
            [corpus(*[15] * 12)],
            r"at least 2 held out; received 12 writers, .* holds out 1. Set \[validation\] fraction = 0.17",
        ),
        (config(0.5, pair=1), [corpus(9, 9, 9, 9, 3, skilled=1)], "5 writers, 4 of them with 4 or more"),
        (
            config(0.15, pair=1),
            [corpus(*[15] * 12)],
            r"as many held out; received 12 writers, .* holds out 2. Set \[validation\] fraction = 0.25, or",
        ),
    ],
)
def test_too_little_says_how_much_there_is_and_what_would_do(settings, corpora, message):
    with pytest.raises(CorpusError, match=message):
        check_needs(settings, corpora)


def test_another_modality():
    with pytest.raises(ConfigError, match="mine is of another modality; expected image; received pen"):
        check_needs(TrainConfig(modality="image"), [corpus(9, 9)])
