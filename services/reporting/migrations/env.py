"""Alembic environment of reporting's schema."""

from shared.runtime.migrations import run_environment

run_environment("reporting")
