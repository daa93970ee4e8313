"""What the containers of an installation are handed, and that compose.yaml names the same."""

import re
import shutil
from pathlib import Path

import pytest

from deploy.containers.places import handed
from deploy.containers.secrets import provide
from deploy.stack.certificates import ensure_authority, ensure_server
from deploy.stack.layout import Layout
from deploy.stack.service import secret_files
from shared.runtime.tls import names

COMPOSE = Path(__file__).parents[3] / "deploy" / "compose.yaml"
CERTIFICATE = {"server.pem", "server.key"}
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
        assert set(_files(handed(layout.data_dir, service))) == expected | CERTIFICATE | {"ca.pem"}
    assert set(_files(handed(layout.data_dir, "postgres"))) == {"postgres-postgres.password"} | CERTIFICATE
    assert set(_files(layout.nats)) == {"nats.conf", "sources.conf", "jetstream.conf"} | CERTIFICATE
    assert set(_files(handed(layout.data_dir, "prometheus"))) == {"watcher.key", "ca.pem"}
    assert set(_files(handed(layout.data_dir, "grafana"))) == {"grafana.password"}
    assert "SU" not in re.findall(r"nkey: (S?U)", (layout.nats / "nats.conf").read_text())


def test_the_key_of_the_authority_is_handed_to_nobody(layout: Layout) -> None:
    provide(layout)

    key = (layout.authority / "ca.key").read_text()
    assert [name for name, text in _files(layout.data_dir).items() if text == key] == ["authority/ca.key"]
    mounts = re.findall(r"^      - authority:.*\n", COMPOSE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(mounts) == 1


def test_each_server_has_a_certificate_for_its_own_names_and_those_outside(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KETNAP_NAMES", "ketnap.example.vn")
    monkeypatch.setenv("KETNAP_PUBLISH", "192.0.2.7")
    monkeypatch.setenv("KETNAP_NATS_PUBLISH", "0.0.0.0:4222")
    provide(layout)

    everywhere = {"localhost", "127.0.0.1", "::1"}
    outside = {"ketnap.example.vn"}
    registry = names(handed(layout.data_dir, "registry") / "server.pem")
    assert registry == everywhere | outside | {"registry", "192.0.2.7"}
    assert names(layout.nats / "server.pem") == everywhere | outside | {"nats"}
    assert names(handed(layout.data_dir, "postgres") / "server.pem") == everywhere | {"postgres"}


def test_a_certificate_that_is_brought_is_for_those_outside_and_goes_again(layout: Layout) -> None:
    other = Layout(layout.data_dir / "elsewhere")
    authority = ensure_authority(other.authority)
    ensure_server(authority, layout.brought, {"ketnap.example.vn"})
    provide(layout)
    taken = {
        place: (place / "public.pem").read_text() for place in (handed(layout.data_dir, "registry"), layout.nats)
    }
    configured = (layout.nats / "nats.conf").read_text()

    assert set(taken.values()) == {(layout.brought / "server.pem").read_text()}
    assert configured.index("nats/public.pem") < configured.index("nats/server.pem")

    shutil.rmtree(layout.brought)
    provide(layout)
    assert not any((place / "public.pem").exists() or (place / "public.key").exists() for place in taken)
    assert "public" not in (layout.nats / "nats.conf").read_text()


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
