"""The bundle for machines without a network: all of it is there, and what it is made of is told."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.deployment.conftest import VERSION
from tests.faults.system import ROOT


def test_it_holds_all_that_an_operator_needs(bundle: Path) -> None:
    assert {path.name for path in bundle.iterdir()} == {
        ".env",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SHA256SUMS",
        "cluster",
        "compose.yaml",
        "compose.certificates.yaml",
        "compose.mail.yaml",
        "compose.proxy.yaml",
        "compose.sources.yaml",
        "docs",
        "images.tar.gz",
        "ketnap.cdx.json",
        "ketnap-prometheus.cdx.json",
        "ketnap-servers.cdx.json",
        "load.sh",
        "shared",
        "watch",
    }
    assert (bundle / ".env").read_text() == f"KETNAP_VERSION={VERSION}\n"


def test_every_link_of_its_pages_leads_somewhere_without_a_network(bundle: Path) -> None:
    lost = [
        f"{page.name}: {target}"
        for page in bundle.rglob("*.md")
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]

    assert (bundle / "docs" / "access.md").exists()
    assert lost == []


@pytest.mark.parametrize("image", ["ketnap", "ketnap-servers"])
def test_the_command_in_an_image_knows_its_version(bundle: Path, image: str) -> None:
    command = ["docker", "run", "--rm", "--network", "none", f"{image}:{VERSION}", "ketnap", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == f"ketnap {VERSION}\n", done.stderr


def test_a_bundle_that_was_damaged_is_not_loaded(bundle: Path, tmp_path: Path) -> None:
    for path in bundle.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "compose.yaml").unlink()
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    done = subprocess.run(["sh", tmp_path / "load.sh"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "copy it again" in done.stderr


def test_what_compose_mounts_is_in_the_bundle(bundle: Path) -> None:
    text = (bundle / "compose.yaml").read_text()
    mounted = re.findall(r"^      - \./([^:]+):", text, flags=re.MULTILINE)

    assert "watch/consoles" in mounted
    assert [each for each in mounted if not (bundle / each).exists()] == []


def test_the_bill_of_materials_names_prometheus(bundle: Path) -> None:
    bill = json.loads((bundle / "ketnap-prometheus.cdx.json").read_text())

    assert {"prometheus", "libc6"} <= {each["name"] for each in bill["components"]}


@pytest.mark.parametrize(("image", "lock"), [("ketnap", "services"), ("ketnap-servers", "servers")])
def test_the_bill_of_materials_names_what_is_in_the_image(bundle: Path, image: str, lock: str) -> None:
    bill = json.loads((bundle / f"{image}.cdx.json").read_text())

    named = {(each["name"], each["version"]) for each in bill["components"]}
    lines = (ROOT / f"deploy/images/{lock}.lock").read_text().splitlines()
    locked = {
        tuple(line.split()[0].split("==")) for line in lines if "==" in line and "sys_platform ==" not in line
    }
    assert locked
    assert locked <= named
    debian = {"libc6", "python3.13-minimal"} | ({"postgresql-17", "libpq5"} if lock == "servers" else set())
    assert debian <= {name for name, _ in named}
    assert bill["metadata"]["component"]["version"] == VERSION
