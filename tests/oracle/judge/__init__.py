"""A slow judge of outcomes: what becomes of each event of a history, as DOMAIN.md and CONTRACT.md have it.

It shares no code with the registry. After each arrival all that is on record is gone through from the start; every
waiting event is decided again, in timeline order, until nothing moves.
"""

from tests.oracle.judge.judge import REJECTIONS, Judge, Verdict

__all__ = ["REJECTIONS", "Judge", "Verdict"]
