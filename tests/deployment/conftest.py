"""The bundle, built without a registry of images, and one installation from it for all tests."""

import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.deployment.installation import Installation, run
from tests.faults.system import ROOT

VERSION = "0.0.1-test"
NEXT = "0.0.2-test"
IMAGES = ("ketnap", "ketnap-servers")
_MIGRATION = '''
"""Made by a test: what a later version might add."""

from alembic import op

revision = "r9001"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("ALTER TABLE registry.log ADD COLUMN added_by_a_test text")
    op.execute("CREATE TABLE registry.made_by_a_test (id bigint PRIMARY KEY)")
'''


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unpacked bundle of this checkout, as it lies on a machine without a network."""
    output = tmp_path_factory.mktemp("bundle")
    build = ROOT / "deploy/airgap/build"
    run(build, "--version", VERSION, "--output", output, patience=880, settings={"KETNAP_KEEP_BASE": "yes"})
    [packed] = output.glob("*.tar")
    run("sh", "-c", 'cd "$0" && sha256sum --check *.tar.sha256 && tar -xf *.tar', output)
    packed.unlink()
    yield output / packed.stem
    shutil.rmtree(output)


@pytest.fixture(scope="session")
def images(bundle: Path) -> str:
    """The version of the images of the bundle, loaded from it and from nowhere else."""
    run("docker", "rmi", *(f"{image}:{VERSION}" for image in IMAGES))
    run("sh", bundle / "load.sh")
    return VERSION


@pytest.fixture(scope="session")
def next_version(images: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The version after it: the same, and one migration that adds a column to the log and a table."""
    context = tmp_path_factory.mktemp("next")
    scripts = ScriptDirectory(str(ROOT / "services/registry/migrations"))
    (context / "r9001_test.py").write_text(_MIGRATION.format(head=scripts.get_current_head()), encoding="utf-8")
    for image in IMAGES:
        (context / "Dockerfile").write_text(
            textwrap.dedent(f"""\
                FROM {image}:{images}
                COPY r9001_test.py /opt/ketnap/product/services/registry/migrations/versions/
                """),
            encoding="utf-8",
        )
        run("docker", "build", "--quiet", "--network", "none", "--tag", f"{image}:{NEXT}", context)
    return NEXT


@pytest.fixture(scope="session")
def installation(bundle: Path, images: str) -> Iterator[Installation]:
    """An installation that was started from nothing, with an operator's key; gone with its data afterwards."""
    made = Installation("ketnap-test", bundle, images)
    made.down("--volumes")
    try:
        made.up()
        made.key = made.ketnap("key", "add", "test", "--role", "operator")
        yield made
    finally:
        logs = Path("/var/tmp/ketnap-test.log")  # noqa: S108 - for whoever asks why it failed
        logs.write_text(made.compose("logs", "--no-color", "--timestamps"), encoding="utf-8")
        made.down("--volumes")
        for image in IMAGES:
            for version in (NEXT, VERSION):
                subprocess.run(["docker", "rmi", f"{image}:{version}"], capture_output=True, check=False)
