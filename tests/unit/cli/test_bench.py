import pytest

from sigverify.speed import STEPS

QUICK = ("--seconds", "0", "--people", "2")


def test_a_table_for_people(run):
    code, printed = run("bench", *QUICK)
    assert code == 0
    for each in (*STEPS, "process start to first decision", "memory, at most", "processor", "accepted"):
        assert each in printed
    assert "sigverify bench --json" in printed, "what to send"


def test_json_names_the_machine_and_nobody(answer):
    code, content = answer("bench", *QUICK)
    assert code == 0
    assert content["steps"].keys() == STEPS.keys()
    assert set(content["steps"]["verify"]) == {"median_ms", "p90_ms", "runs"}
    assert content["machine"]["architecture"]
    assert "hostname" not in content["machine"]


@pytest.mark.parametrize("wrong", [("--people", "0"), ("--seconds", "-1")])
def test_wrong_usage(run, wrong):
    code, _ = run("bench", *wrong)
    assert code == 2


def test_a_model_that_is_not_there(run):
    code, printed = run("bench", "--model", "none.sigmodel")
    assert code == 4
    assert "none.sigmodel" in printed
