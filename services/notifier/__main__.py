"""`python -m services.notifier` runs the notifier."""

from services.notifier.app import run
from services.notifier.settings import NotifierSettings
from shared.runtime.service import main

main("notifier", NotifierSettings, run)
