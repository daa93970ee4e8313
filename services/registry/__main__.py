"""`python -m services.registry` runs the registry."""

import gc

gc.disable()  # nothing that modules bring is garbage: `main` calms the collector before it lets it work

from services.registry.app import run
from services.registry.settings import RegistrySettings
from shared.law.rulepack import RulePackError
from shared.runtime.service import main

main("registry", RegistrySettings, run, wrong=(RulePackError,))
