"""The bundle, built without a registry of images, and one installation from it for all tests."""

import json
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.deployment.collector import Collector
from tests.deployment.installation import Installation, run
from tests.faults.system import ROOT

VERSION = "0.0.1-test"
NEXT = "0.0.2-test"
IMAGES = ("ketnap", "ketnap-servers", "ketnap-prometheus")
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
    """The unpacked bundle of this checkout, as it lies on a machine without a network.

    `.ci/run` builds it beside other tests and says where: KETNAP_TEST_BUNDLE.
    """
    output = tmp_path_factory.mktemp("bundle")
    if built := os.environ.get("KETNAP_TEST_BUNDLE"):
        for packed in Path(built).iterdir():
            shutil.move(packed, output)
    else:
        build = ROOT / "deploy/airgap/build"
        quick = {"KETNAP_KEEP_BASE": "yes", "KETNAP_GZIP": "1"}
        run(build, "--version", VERSION, "--output", output, patience=880, settings=quick)
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
    for image in IMAGES[:2]:
        (context / "Dockerfile").write_text(
            textwrap.dedent(f"""\
                FROM {image}:{images}
                COPY r9001_test.py /opt/ketnap/product/services/registry/migrations/versions/
                """),
            encoding="utf-8",
        )
        run("docker", "build", "--quiet", "--network", "none", "--tag", f"{image}:{NEXT}", context)
    run("docker", "tag", f"ketnap-prometheus:{images}", f"ketnap-prometheus:{NEXT}")
    return NEXT


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """A collector of traces that containers reach, and nobody outside this machine."""
    [bridge] = json.loads(run("docker", "network", "inspect", "bridge"))
    made = Collector(bridge["IPAM"]["Config"][0]["Gateway"])
    yield made
    made.close()


@pytest.fixture(scope="session")
def watch(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Prometheus is given, with shorter durations: it reads every second, and an alert waits for two."""
    quick = tmp_path_factory.mktemp("watch")
    config, rules = ((bundle / "watch" / name).read_text() for name in ("prometheus.yml", "alerts.yml"))
    (quick / "prometheus.yml").write_text(re.sub(r"_interval: 15s", "_interval: 1s", config))
    (quick / "alerts.yml").write_text(re.sub(r"for: \d+[mh]\b", "for: 2s", rules))
    for path in (quick, *quick.iterdir(), *quick.parents[:2]):
        path.chmod(path.stat().st_mode | 0o555)  # for the user in the container
    return quick


@pytest.fixture(scope="session")
def installation(bundle: Path, images: str, collector: Collector, watch: Path) -> Iterator[Installation]:
    """An installation that was started from nothing, with an operator's key; gone with its data afterwards."""
    settings = {
        "KETNAP_TEST_WATCH": str(watch),
        "KETNAP_OTLP_URL": collector.url,
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",  # what says so itself is traced, and no more
    }
    quick = Path(__file__).with_name("quick.yaml")
    made = Installation("ketnap-test", bundle, images, quick, settings=settings)
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
