"""The registry as a process whose clock a file shifts: `KETNAP_TEST_CLOCK` names it, it holds seconds to add."""

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from services.registry import writer
from services.registry.app import run
from services.registry.settings import RegistrySettings
from shared.runtime.service import main

FILE = Path(os.environ["KETNAP_TEST_CLOCK"])


class Shifted(datetime):
    """The time as the file has it."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(seconds=float(FILE.read_text(encoding="ascii")))


if __name__ == "__main__":
    writer.datetime = Shifted  # type: ignore[attr-defined]
    main("registry", RegistrySettings, run)
