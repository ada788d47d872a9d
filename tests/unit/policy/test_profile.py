import math

import pytest

from sigverify import Policy, Profile
from sigverify.errors import ConfigError
from sigverify.policy.profile import false_match_rate


def test_the_default_is_balanced():
    assert Policy().fmr == Policy.kiosk().fmr == Profile.BALANCED.fmr == 0.05


def test_stricter_lets_fewer_in():
    rates = [profile.fmr for profile in (Profile.CONVENIENT, Profile.BALANCED, Profile.STRICT)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("profile", list(Profile))
def test_a_name_stands_for_its_rate_everywhere(profile):
    assert false_match_rate(profile) == false_match_rate(profile.value) == profile.fmr
    assert Policy(fmr=profile.value).fmr == profile.fmr
    assert Policy().asking(fmr=profile.value).fmr == profile.fmr


def test_a_rate_may_be_text():
    assert false_match_rate("0.03") == 0.03
    assert Policy(fmr=0.01, refer_fmr="convenient").refer_fmr == 0.1


@pytest.mark.parametrize(
    "wrong", ["", "lenient", "5", "0", "nan", "-0.1", 0, 1, 5, math.nan, True, None, "BALANCED"]
)
def test_refuses_anything_else_and_names_the_profiles(wrong):
    with pytest.raises(ConfigError, match="convenient, balanced, strict"):
        false_match_rate(wrong)


@pytest.mark.parametrize("setting", ["fmr", "refer_fmr"])
def test_a_policy_refuses_it_too(setting):
    with pytest.raises(ConfigError):
        Policy(**{setting: "lenient"})


def test_what_is_referred_lies_above_by_name_too():
    with pytest.raises(ConfigError, match="nothing would be referred"):
        Policy(fmr="balanced", refer_fmr="strict")
