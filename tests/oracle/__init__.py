"""A slow second opinion: figures recounted from recorded events alone, as DOMAIN.md and CONTRACT.md define them.

It shares no code with the services and knows nothing of how they count. A history is gone through day by day,
things are moved as facts move them, and a tree is walked for each day of each figure. Nothing here is clever, so
that whoever doubts a figure can read why it is right. What becomes of each event, `tests.oracle.judge` says.
"""

from tests.oracle.history import History
from tests.oracle.report import Part, Report

__all__ = ["History", "Part", "Report"]
