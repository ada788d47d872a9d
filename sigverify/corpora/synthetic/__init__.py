"""Invented writers, their signatures, and forgers of them: data that is nobody's.

`plan` says what is moved, `kinematics` how, `alphabet` and `script` what it looks like, `writer` how
one person repeats it, `forger` and `tracing` how another imitates it, `device` what a digitizer makes of it.
"""

from sigverify.corpora.synthetic.config import SyntheticConfig
from sigverify.corpora.synthetic.device import DeviceKind
from sigverify.corpora.synthetic.generate import synthesize, synthesize_writer

__all__ = ["DeviceKind", "SyntheticConfig", "synthesize", "synthesize_writer"]
