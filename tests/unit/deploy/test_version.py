"""`ketnap --version` says which version it is."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import application

ROOT = Path(__file__).parents[3]


def said() -> str:
    return CliRunner().invoke(application("up"), ["--version"]).stdout


def test_a_checkout_has_the_version_of_its_project_and_an_image_that_of_its_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KETNAP_VERSION", raising=False)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert said() == f"ketnap {project['version']}\n"

    monkeypatch.setenv("KETNAP_VERSION", "7.8.9")
    assert said() == "ketnap 7.8.9\n"
