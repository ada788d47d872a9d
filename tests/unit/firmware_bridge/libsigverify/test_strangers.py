"""How near strangers come to one person: C computes, keeps and obeys what Python does."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from builders import MODEL_ID, references, template
from native_core import NativeVerifier, exported, imported
from native_manifests import model_file

from sigverify import Caution, Model, Policy, Signature, Verifier
from sigverify.corpora import open_corpus
from sigverify.errors import ConfigError, MalformedModel, MalformedTemplate, RuntimeUnavailable
from sigverify.matcher import Matcher
from sigverify.matching.cohort import pack
from sigverify.matching.scoring import Impostor
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.store import SqliteStore
from sigverify.store.rekey import change_renewal

CREATED = datetime(2024, 2, 29, tzinfo=UTC)
TOLERANCE = 1e-4
"""The contract. What differs: the order of sums, and the rotation of a vector in a store."""
RATE = 0.01
POLICY = Policy(fmr=RATE, impostor="random", replay=False, per_user=None, per_device=None)


@pytest.fixture(scope="module")
def native(library, base):
    try:
        return NativeVerifier(library, base)
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


def without_pressure(its):
    return Signature(its.x, its.y, its.time_ms, None, its.ink)


@pytest.fixture(scope="module")
def people():
    """References of a lamb, of somebody careful, of one without pressure; and some strangers."""
    corpus = open_corpus("synthetic:writers=24,genuine=6,skilled=0,seed=80")
    its = [[each.capture for each in corpus.genuine(writer)] for writer in corpus.writers]
    enrolled = {"lamb": [each[0] for each in its[:5]], "careful": its[5][:5], "one": its[6][:1]}
    enrolled["blind"] = [without_pressure(each) for each in its[7][:5]]
    return enrolled, [each[5] for each in its[8:]]


@pytest.fixture(scope="module")
def python(base, people):
    store = SqliteStore(":memory:")
    with Verifier(store, Matcher.open(base, runtime="litert"), policy=POLICY) as verifier:
        for user_id, signatures in people[0].items():
            verifier.enroll(user_id, signatures, quality="record")
        yield verifier


@pytest.fixture(scope="module")
def templates(native, people):
    from sigverify.enrollment.enroller import Screening

    return {
        user_id: native.enroll(user_id, signatures, created=CREATED, quality=Screening.RECORD)
        for user_id, signatures in people[0].items()
    }


def numbers(strangers):
    return [
        strangers.whole.mean,
        strangers.whole.deviation,
        strangers.reduced.mean,
        strangers.reduced.deviation,
    ]


@pytest.mark.parametrize("user_id", ["lamb", "careful", "one", "blind"])
def test_c_enrolls_with_the_numbers_of_python(python, templates, user_id):
    ours, theirs = templates[user_id].strangers, python.store.get(user_id, "pen").strangers
    assert numbers(ours) == pytest.approx(numbers(theirs), abs=1e-3)
    if user_id == "blind":
        assert ours.whole == ours.reduced


def test_of_the_same_references_they_are_the_same(base, templates):
    """Not rotated by a store: then nothing is left but the order of sums, which float32 hides."""
    matcher = Matcher.open(base, runtime="litert")
    for its in templates.values():
        again = matcher.strangers(its.references, matcher.spread(its.references))
        assert numbers(again) == pytest.approx(numbers(its.strangers), rel=3e-7, abs=3e-7)


@pytest.mark.parametrize("pressure", [True, False])
@pytest.mark.parametrize("impostor", Impostor)
def test_c_decides_by_the_thresholds_of_python(native, python, people, templates, impostor, pressure):
    for user_id, its in templates.items():
        for probe in people[1][:4]:
            shown = probe if pressure else without_pressure(probe)
            rates = {"fmr": RATE, "impostor": impostor}
            ours, theirs = native.verify(its, shown, **rates), python.verify(user_id, shown, **rates)
            assert ours.outcome == theirs.outcome
            assert ours.threshold == pytest.approx(theirs.threshold, abs=TOLERANCE)


def test_a_lamb_has_a_threshold_of_its_own(native, people, templates, base):
    common = base.manifest.scoring.threshold(RATE, impostor=Impostor.RANDOM)
    its, bare = templates["lamb"], replace(templates["lamb"], strangers=None)
    assert native.verify(its, people[1][0], fmr=RATE, impostor=Impostor.RANDOM).threshold > 5 * common
    assert native.verify(bare, people[1][0], fmr=RATE, impostor=Impostor.RANDOM).threshold == pytest.approx(
        common
    )
    accepted = {
        name: sum(
            native.verify(each, probe, fmr=RATE, impostor=Impostor.RANDOM).accepted for probe in people[1]
        )
        for name, each in (("before", bare), ("after", its))
    }
    assert accepted["before"] > len(people[1]) / 2
    assert accepted["after"] <= 5 * RATE * len(people[1]) + 1


def test_a_search_in_c_names_whom_python_names(native, python, people, templates):
    everybody = list(templates.values())
    for probe in people[1]:
        ours = native.identify(probe, everybody, fpir=0.05)
        assert [match.user_id for match in ours] == [m.user_id for m in python.identify(probe, fpir=0.05)]
    bare = [replace(each, strangers=None) for each in everybody]
    assert sum(bool(native.identify(probe, bare, fpir=0.05)) for probe in people[1]) > len(people[1]) / 2


def test_c_expects_the_strangers_that_python_expects(native, python, people, templates):
    for user_id, its in templates.items():
        share, too_many = native.expected_strangers(its, fmr=RATE)
        receipt = python.enroll(user_id, people[0][user_id], quality="record", replace=True)
        assert share == pytest.approx(receipt.strangers, abs=TOLERANCE)
        assert too_many == (Caution.MANY_STRANGERS in receipt.cautions)
    assert native.expected_strangers(templates["lamb"], fmr=RATE)[1]
    assert not native.expected_strangers(templates["careful"], fmr=RATE)[1]


def test_what_is_not_to_be_expected(native, templates):
    assert native.expected_strangers(replace(templates["lamb"], strangers=None)) == (None, False)
    with pytest.raises(ConfigError):
        native.expected_strangers(templates["lamb"], fmr=0.9)
    with pytest.raises(MalformedTemplate):
        native.expected_strangers(replace(templates["lamb"], model_id=MODEL_ID))


def test_a_model_without_a_cohort_enrolls_without_them(library, base, people):
    bare = NativeVerifier(library, replace(base, cohort=b""))
    its = bare.enroll("careful", people[0]["careful"], created=CREATED)
    assert its.strangers is None
    assert bare.expected_strangers(its) == (None, False)


def test_a_template_out_of_a_store_keeps_them(native, python, people):
    kept = python.store.get("lamb", "pen")
    its = change_renewal(kept, python.store.renewal, None)
    assert its.strangers == kept.strangers
    ours = native.verify(its, people[1][0], fmr=RATE, impostor=Impostor.RANDOM)
    assert ours.threshold == python.verify("lamb", people[1][0]).threshold


def test_c_writes_the_very_bytes_it_read(library):
    fit = NormalFit(mean=-7.25, deviation=1.5)
    its = replace(template("Zoë", 3), strangers=Strangers(whole=fit, reduced=replace(fit, deviation=0.0)))
    assert exported(library, imported(library, its.to_bytes())) == its.to_bytes()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 61, -61])
def test_numbers_that_would_lower_a_threshold_are_no_template(library, place, value):
    import zlib

    fit = NormalFit(mean=-7.25, deviation=1.5)
    data = replace(template("alice", 2), strangers=Strangers(whole=fit, reduced=fit)).to_bytes()
    at = 54 + 4 * place
    broken = data[:at] + np.array(value, "<f4").tobytes() + data[at + 4 : -4]
    with pytest.raises(MalformedTemplate):
        imported(library, broken + zlib.crc32(broken).to_bytes(4, "little"))


PERSON = len(pack(references(2))) // 2


def altered(place, content):
    data = bytearray(pack(references(2)))
    data[place : place + len(content)] = content
    return bytes(data)


@pytest.mark.parametrize(
    ("cohort", "sound"),
    [
        (pack(references(2)), True),
        (pack(references(3)), True),
        (pack(references(1)), False),
        (pack(references(2))[:-1], False),
        (pack(references(2, depth=0)), False),
        (pack(references(2)) * 129, False),
        (altered(0, b"\0\0\0\0"), False),
        (altered(0, b"\0\0\xc0\x7f"), False),
        (altered(0, b"\0\0\x80\xbf"), False),
        (altered(4, b"\x80"), False),
        (altered(PERSON - 2, b"\0\x7e"), False),
        (altered(2 * PERSON - 2, b"\0\x7c"), False),
    ],
)
def test_both_take_and_refuse_the_same_cohorts(library, cohort, sound):
    from native_core import NativeModel

    data = model_file(cohort=cohort)
    for read in (Model.from_bytes, lambda its: NativeModel(library, its)):
        if sound:
            read(data)
        else:
            with pytest.raises(MalformedModel):
                read(data)
