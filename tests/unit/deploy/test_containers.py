"""What the containers of an installation are handed, and that compose.yaml names the same."""

import re
from pathlib import Path

import pytest

from deploy.containers.places import handed
from deploy.containers.secrets import provide
from deploy.stack.layout import Layout
from deploy.stack.service import secret_files

COMPOSE = Path(__file__).parents[3] / "deploy" / "compose.yaml"
VOLUMES = ("postgres", "registry", "reporting", "notifier", "prometheus", "grafana")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An installation's volumes, as the job `secrets` sees them before its first run: empty."""
    layout = Layout(tmp_path)
    for directory in (layout.secrets, layout.nats, *(handed(tmp_path, name) for name in VOLUMES)):
        directory.mkdir(parents=True)
    return layout


def _files(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_each_container_is_handed_its_own_secrets_and_no_other(layout: Layout) -> None:
    provide(layout)

    for service in ("registry", "reporting", "notifier"):
        expected = {file.name for file in secret_files(layout, service).values()}
        assert set(_files(handed(layout.data_dir, service))) == expected
    assert set(_files(handed(layout.data_dir, "postgres"))) == {"postgres-postgres.password"}
    assert set(_files(handed(layout.data_dir, "prometheus"))) == {"watcher.key"}
    assert set(_files(handed(layout.data_dir, "grafana"))) == {"grafana.password"}
    assert set(_files(layout.nats)) == {"nats.conf", "sources.conf", "jetstream.conf"}
    assert "SU" not in re.findall(r"nkey: (S?U)", (layout.nats / "nats.conf").read_text())


def test_all_files_are_for_their_owner_only(layout: Layout) -> None:
    provide(layout)

    modes = {path: path.stat().st_mode & 0o777 for path in layout.data_dir.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600}


def test_a_second_start_changes_nothing(layout: Layout) -> None:
    provide(layout)
    before = _files(layout.data_dir)

    provide(layout)

    assert _files(layout.data_dir) == before


def test_a_master_key_that_was_rotated_stays(layout: Layout) -> None:
    provide(layout)
    master = handed(layout.data_dir, "registry") / layout.master_key.name
    master.write_text("another\n")

    provide(layout)

    assert master.read_text() == "another\n"
    assert not layout.master_key.exists()


@pytest.mark.parametrize("service", ["registry", "reporting", "notifier"])
def test_compose_names_exactly_the_files_that_a_service_is_handed(service: str) -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    [block] = re.findall(rf"^  {service}:\n((?:    .*\n|\n)+)", text, flags=re.MULTILINE)

    named = dict(re.findall(r"(KETNAP_\w+)_FILE: /run/ketnap/(\S+)", block))

    expected = {name: file.name for name, file in secret_files(Layout(Path("unused")), service).items()}
    assert named == expected


def test_compose_takes_the_version_of_the_project() -> None:
    project = (COMPOSE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    [version] = re.findall(r'^version = "(.*)"', project, flags=re.MULTILINE)

    assert set(re.findall(r"\$\{KETNAP_VERSION:-([^}]+)\}", COMPOSE.read_text(encoding="utf-8"))) == {version}
