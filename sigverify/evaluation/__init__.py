"""How well does it verify? Trials by a stated protocol, error rates, reports.

Nothing here needs keras: what is measured is a model file, through the code that the device runs.
"""

from sigverify.evaluation.baseline import DtwBaseline
from sigverify.evaluation.compare import Comparison, compare
from sigverify.evaluation.evaluate import Measured, evaluate, measure
from sigverify.evaluation.page.folder import publish
from sigverify.evaluation.protocol import PROTOCOLS, Protocol, TrialKind
from sigverify.evaluation.report import Report, read_reports, write_reports
from sigverify.evaluation.run import Baseline, Evaluated, run_evaluation
from sigverify.evaluation.system import SdkSystem, System
from sigverify.plotting.learning_curves import History

__all__ = [
    "PROTOCOLS",
    "Baseline",
    "Comparison",
    "DtwBaseline",
    "Evaluated",
    "History",
    "Measured",
    "Protocol",
    "Report",
    "SdkSystem",
    "System",
    "TrialKind",
    "compare",
    "evaluate",
    "measure",
    "publish",
    "read_reports",
    "run_evaluation",
    "write_reports",
]
