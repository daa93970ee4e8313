"""`python -m services.reporting` runs reporting."""

from services.reporting.app import run
from services.reporting.settings import ReportingSettings
from shared.law.rulepack import RulePackError
from shared.runtime.service import main

main("reporting", ReportingSettings, run, wrong=(RulePackError,))
