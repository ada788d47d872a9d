"""Error rates of verification, in the terms of ISO/IEC 19795-1.

Every function takes scores of genuine and of impostor trials. A score rises with likeness and a trial is
accepted when `score >= threshold`. FMR is the share of impostor trials accepted, FNMR the share of genuine
trials rejected. All rates are fractions, 0 to 1.
"""

from sigverify.metrics.bootstrap import BootstrapCurves, Interval, WriterBootstrap, interval
from sigverify.metrics.calibration import cllr, expected_calibration_error, min_cllr, reliability
from sigverify.metrics.curve import ErrorCurve, error_curve
from sigverify.metrics.eer import eer
from sigverify.metrics.normal_deviate import normal_deviate
from sigverify.metrics.operating_point import fmr, fnmr, fnmr_at_fmr, threshold_at_fmr
from sigverify.metrics.per_writer import mean_eer_per_writer, writer_eers

__all__ = [
    "BootstrapCurves",
    "ErrorCurve",
    "Interval",
    "WriterBootstrap",
    "cllr",
    "eer",
    "error_curve",
    "expected_calibration_error",
    "fmr",
    "fnmr",
    "fnmr_at_fmr",
    "interval",
    "mean_eer_per_writer",
    "min_cllr",
    "normal_deviate",
    "reliability",
    "threshold_at_fmr",
    "writer_eers",
]
