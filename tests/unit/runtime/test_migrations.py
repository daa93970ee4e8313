"""Migrations of each service follow one another in a line: two that were written side by side are noticed here."""

import re
from importlib import import_module
from importlib.resources import files

import pytest

from shared.runtime.schemas import revisions


@pytest.mark.parametrize("service", ["registry", "reporting", "notifier"])
def test_each_migration_follows_the_one_before(service: str) -> None:
    package = f"services.{service}.migrations.versions"
    names = sorted(file.name.removesuffix(".py") for file in files(package).iterdir() if file.name.endswith(".py"))
    found = [
        (import_module(f"{package}.{name}"), name.partition("_")[0])
        for name in names
        if re.match(r"[a-z]\d{4}_", name)
    ]

    assert [module.revision for module, _ in found] == [number for _, number in found]
    assert [module.down_revision for module, _ in found] == [None, *(number for _, number in found[:-1])]
    assert len({number for _, number in found}) == len(found)
    assert revisions(f"services.{service}") == tuple(number for _, number in found)
