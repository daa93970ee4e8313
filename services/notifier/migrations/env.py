"""Alembic environment of the notifier's schema."""

from shared.runtime.migrations import run_environment

run_environment("notifier")
