"""A backup is for somebody, and unpacks into its directory only, whoever has made it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.backup import archive
from deploy.backup.taking import take
from deploy.stack.errors import StackError, WrongUsage
from deploy.stack.layout import Addresses


@pytest.mark.parametrize("name", ["../escaped", "beside/escaped"])
def test_a_member_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    content, inside = tmp_path / "content", tmp_path / "inside"
    content.write_text("made up", encoding="ascii")
    inside.mkdir()
    (inside / "beside").mkdir()
    recipient = archive.new_key(tmp_path / "key")
    members = {name: archive.checksum(content)}
    manifest = archive.Manifest(archive.FORMAT, datetime.now(UTC), 0, None, [], members)
    archive.write(tmp_path / "backup", manifest, {name: content}, recipient)

    with pytest.raises(StackError, match="is no backup of ketnap, or is damaged"):
        archive.read(tmp_path / "backup", tmp_path / "key", inside)

    assert not list(tmp_path.rglob("escaped"))


async def test_a_recipient_that_is_none_is_said_before_the_database_is_asked(tmp_path: Path) -> None:
    urls = dict.fromkeys(("reporting_url", "registry_url", "notifier_url", "nats_url", "database_url"), "")
    addresses = Addresses(data_dir=tmp_path, nats_seed="", nats_system_seed="", **urls)

    with pytest.raises(WrongUsage, match="no recipient of backups"):
        await take(addresses, tmp_path / "backup", "age1made-up")
