"""`python -m services.reporting` runs reporting."""

import gc

gc.disable()  # nothing that modules bring is garbage: `main` calms the collector before it lets it work

from services.reporting.app import run
from services.reporting.settings import ReportingSettings
from shared.law.rulepack import RulePackError
from shared.runtime.service import main

main("reporting", ReportingSettings, run, wrong=(RulePackError,))
