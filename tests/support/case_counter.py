"""`CaseCounter`: a pytest plugin that counts the cases Hypothesis tried, and can make it go on for a time.

The seconds are those of the whole run: every property test gets an equal share of them and, as often as fits
into it, is run again from another random start.
"""

import os
import re
import time

import pytest
from hypothesis import is_hypothesis_test

PROPERTY = "hypothesis-cases"
"""The name under which a report carries its count, from xdist's workers to the main process too."""

_COUNTS = re.compile(r"(\d+) passing, (\d+) failing, and (\d+) invalid test cases")


class CaseCounter:
    """Counts cases, and prolongs the tests to fill `seconds`."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.properties = 1
        self.tests = self.cases = self.invalid = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Divide the time among the properties that were not deselected."""
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        found = sum(is_hypothesis_test(getattr(item, "obj", None)) for item in items)
        self.properties = max(1, found) / workers

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        """Run a property once, and again until its share of the time is over."""
        result = yield
        if not is_hypothesis_test(pyfuncitem.obj):
            return result
        counts = [_counts(pyfuncitem)]
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        deadline = time.monotonic() + self.seconds / self.properties
        while time.monotonic() < deadline:
            pyfuncitem.obj(**arguments)
            counts.append(_counts(pyfuncitem))
        totals = [sum(column) for column in zip(*counts, strict=True)]
        pyfuncitem.user_properties.append((PROPERTY, totals))
        return result

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            for name, totals in report.user_properties:
                if name == PROPERTY:
                    self.tests += 1
                    self.cases += totals[0]
                    self.invalid += totals[1]

    def pytest_terminal_summary(self, terminalreporter):
        if self.tests:
            terminalreporter.write_line(
                f"{self.cases:,} cases tried by {self.tests} property tests"
                f" ({self.invalid:,} more did not meet a test's conditions)"
            )


def _counts(item):
    """Cases run, and cases that a test did not want, of the last run of a property."""
    found = _COUNTS.findall(getattr(item, "hypothesis_statistics", ""))
    assert found, "Hypothesis describes its statistics in other words now: mend _COUNTS"
    return sum(int(good) + int(bad) for good, bad, _ in found), sum(int(invalid) for *_, invalid in found)
