"""A backup is taken of a database that stands on two servers, from the one that takes writes."""

from pathlib import Path

from deploy.backup import archive
from deploy.backup.taking import take
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses, Layout
from tests.conftest import Database


async def test_a_backup_of_a_pair_is_taken_while_the_first_of_its_servers_is_away(
    database: Database, tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "data")
    layout.prepare()
    write_secret(layout.content_key, "c0" * 32)
    recipient = archive.new_key(tmp_path / "key")
    server = f"127.0.0.1:{database.server.port}"
    pair = database.url().replace(server, f"127.0.0.1:1,{server}") + "?target_session_attrs=read-write"
    addresses = Addresses(
        data_dir=layout.data_dir,
        reporting_url="",
        registry_url="",
        notifier_url="",
        nats_url="",
        database_url=pair,
        nats_seed="",
        nats_system_seed="",
    )

    manifest = await take(addresses, tmp_path / "backup", recipient)

    (tmp_path / "unpacked").mkdir()
    assert archive.read(tmp_path / "backup", tmp_path / "key", tmp_path / "unpacked") == manifest
    assert manifest.position == 0
