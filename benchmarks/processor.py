"""Processor time of processes, as the system counts it."""

import os
from pathlib import Path


def tree_time(process: int) -> float:
    """Seconds of a process and its children, ended ones included."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return sum(processor_time(each) for each in (process, *map(int, children)))


def processor_time(process: int) -> float:
    """Seconds of a process and of its children that have ended; none where it has ended itself."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # Behind the name, which may have blanks in it.
    return sum(map(int, status.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")
