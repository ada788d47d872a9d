"""What is made of a score: who gets in, what a try leaves behind, and what an answer gives away.

`Policy` holds the rules and `Gate` applies them: lock-outs, replays, and references that follow a signature.
"""

from sigverify.policy.gate import Gate, Trial
from sigverify.policy.lockout import Schedule
from sigverify.policy.policy import Policy, check_policy
from sigverify.policy.profile import Profile

__all__ = ["Gate", "Policy", "Profile", "Schedule", "Trial", "check_policy"]
