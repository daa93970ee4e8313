"""`python -m services.notifier` runs the notifier."""

import gc

gc.disable()  # nothing that modules bring is garbage: `main` calms the collector before it lets it work

from services.notifier.app import run
from services.notifier.settings import NotifierSettings
from shared.runtime.service import main

main("notifier", NotifierSettings, run)
