"""Alembic environment of the registry's schema."""

from shared.runtime.migrations import run_environment

run_environment("registry")
