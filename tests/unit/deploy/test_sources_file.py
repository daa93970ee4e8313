"""The users file of NATS: what is written there are rights."""

from pathlib import Path

import pytest

from deploy.stack.keys import new_seed, public_key
from deploy.stack.nats_configuration import read_sources, write_sources


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    sources = {"a-1": public_key(new_seed()), "dien-bien": public_key(new_seed())}
    assert write_sources(tmp_path / "sources.conf", sources)
    assert read_sources(tmp_path / "sources.conf") == sources


def test_the_same_sources_leave_the_file_alone(tmp_path: Path) -> None:
    sources = {"dien-bien": public_key(new_seed())}
    write_sources(tmp_path / "sources.conf", sources)
    assert not write_sources(tmp_path / "sources.conf", sources)


def test_a_source_gets_its_own_subjects_and_no_others(tmp_path: Path) -> None:
    write_sources(tmp_path / "sources.conf", {"dien-bien": "UKEY"})
    assert (
        '{ nkey: UKEY, permissions: { publish: { allow: ["ingest.dien-bien.>"] }, '
        'subscribe: { allow: ["receipt.dien-bien.>", "_INBOX_dien-bien.>"] } } }'
    ) in (tmp_path / "sources.conf").read_text()


@pytest.mark.parametrize("name", ["a.>", ">", "*", 'x"]', "A", "-a", "a", "a" * 33, "ab\n", ""])
def test_a_name_that_would_write_its_own_rights_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a source's name"):
        write_sources(tmp_path / "sources.conf", {name: "UKEY"})
    assert not (tmp_path / "sources.conf").exists()
