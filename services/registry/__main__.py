"""`python -m services.registry` runs the registry."""

from services.registry.app import run
from services.registry.settings import RegistrySettings
from shared.law.rulepack import RulePackError
from shared.runtime.service import main

main("registry", RegistrySettings, run, wrong=(RulePackError,))
