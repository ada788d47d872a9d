"""`diagnose`: looks over everything that verifying depends on here, and says what to do where it is not well.

`finding` is what it returns, `machine`, `software` and `belongings` look.
"""

from sigverify.diagnosis.diagnose import diagnose
from sigverify.diagnosis.finding import Finding, State

__all__ = ["Finding", "State", "diagnose"]
