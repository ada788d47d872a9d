"""Work on several cores: the order of the results, and what is said where processes end by themselves."""

import subprocess
import sys

import pytest

from sigverify.corpora.processes import mapped, usable_cores
from sigverify.errors import ConfigError


def test_a_process_can_use_a_core():
    assert usable_cores() >= 1


@pytest.mark.parametrize(("count", "workers"), [(0, 1), (0, 4), (3, 1), (3, 4)])
def test_few_items_need_no_process(count, workers):
    """A function that no other process could be sent shows that there was none."""
    assert mapped(lambda item: item + 1, range(count), workers=workers, chunk=3) == list(range(1, count + 1))


def test_workers_are_at_least_one():
    with pytest.raises(ConfigError, match="workers"):
        mapped(abs, [1], workers=0, chunk=1)


def run(code, tmp_path):
    # A file, since its main part is what another process imports.
    script = tmp_path / "script.py"
    script.write_text("from sigverify.corpora.processes import mapped\n" + code)
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)


def test_results_are_in_order_and_errors_are_those_of_the_function(tmp_path):
    code = """
import os
if __name__ == "__main__":
    results = mapped(divmod_100, range(1, 8), workers=2, chunk=1)
    assert [result[:2] for result in results] == [divmod(100, item) for item in range(1, 8)]
    assert os.getpid() not in {result[2] for result in results}
    try:
        mapped(divmod_100, range(-1, 3), workers=2, chunk=1)
    except ZeroDivisionError:
        print("raised")
"""
    function = """
def divmod_100(item):
    import os
    return *divmod(100, item), os.getpid()
"""
    done = run(function + code, tmp_path)
    assert done.stdout.strip() == "raised", done.stderr


def test_a_script_that_is_not_protected_is_told_so(tmp_path):
    code = """
from sigverify.errors import CorpusError
try:
    mapped(abs, [-1, -2, -3], workers=2, chunk=1)
except CorpusError as error:
    print(error)
"""
    done = run(code, tmp_path)
    assert "if __name__ == '__main__'" in done.stdout
