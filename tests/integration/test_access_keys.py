"""Keys: what lets a holder in, what does not, and that the file's changes count at once."""

import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from deploy.cli import key, main
from deploy.stack.access import add_key, list_keys, revoke_keys, revoke_keys_of_source
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout
from shared.runtime.access.keys import KeyRing, KeysUnreadable, NotAdmitted, digest
from shared.runtime.access.principal import Principal

NOW = datetime.now(UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def test_a_key_is_whom_it_was_made_for(layout: Layout) -> None:
    viewer, viewers = add_key(layout, "office", "viewer", organisation="district")
    source, sources = add_key(layout, "system", "source", source="dien-bien", organisation="root")
    operator, operators = add_key(layout, "admin", "operator")

    ring = KeyRing(layout.keys_file)

    assert ring.holder(viewers, NOW) == Principal("viewer", viewer.id, "district")
    assert ring.holder(sources, NOW) == Principal("source", source.id, "root", "dien-bien")
    assert ring.holder(operators, NOW) == Principal("operator", operator.id)


def test_the_list_says_what_each_key_opens(layout: Layout) -> None:
    for name, role, about in (
        ("prometheus", "watcher", {}),
        ("admin", "operator", {}),
        ("office", "viewer", {"organisation": "district"}),
    ):
        add_key(layout, name, role, **about)

    listed = CliRunner().invoke(key.app, ["list", "--data-dir", str(layout.data_dir)]).stdout

    opens = {
        cells[1].strip(): cells[3].strip()
        for cells in (line.strip("│┃ ").split("│") for line in listed.splitlines())
        if len(cells) == 6
    }
    assert opens == {
        "prometheus": "metrics",
        "admin": "everything",
        "office": "district",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--role", "nobody"],
        ["--role", "viewer"],
        ["--role", "operator", "--organisation", "district"],
        ["--role", "operator", "--expires", "2001-02-03"],
        ["--role", "operator", "--expires", "9999-12-31"],
    ],
)
def test_what_makes_no_key_is_wrong_usage(
    layout: Layout, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["ketnap", "key", "add", "office", *arguments, "--data-dir", str(layout.data_dir)]
    monkeypatch.setattr("sys.argv", command)

    with pytest.raises(SystemExit) as ended:
        main()

    assert (ended.value.code, list_keys(layout)) == (2, [])


def test_only_a_hash_is_kept_and_the_file_is_its_owners(layout: Layout) -> None:
    entry, key = add_key(layout, "office", "viewer", organisation="district")

    written = layout.keys_file.read_text(encoding="utf-8")

    assert key.startswith(f"ketnap_{entry.id}_")
    assert len(key.rpartition(f"{entry.id}_")[2]) == 43
    assert key.rpartition(f"{entry.id}_")[2] not in written
    assert digest(key) in written
    assert stat.S_IMODE(layout.keys_file.stat().st_mode) == 0o600


def test_no_two_keys_are_alike(layout: Layout) -> None:
    keys = [add_key(layout, f"office {number}", "operator")[1] for number in range(20)]

    assert len(set(keys)) == 20


@pytest.mark.parametrize("spoil", ["another secret", "another id", "cut off", "longer", "nothing", "not ours"])
def test_what_is_not_exactly_a_key_admits_nobody_and_is_not_repeated(layout: Layout, spoil: str) -> None:
    entry, key = add_key(layout, "office", "viewer", organisation="district")
    _, other = add_key(layout, "other", "operator")
    spoilt = {
        "another secret": key[: -len("x" * 43)] + other[-43:],
        "another id": key.replace(entry.id, "aaaaaaaa"),
        "cut off": key[:-1],
        "longer": key + "A",
        "nothing": "",
        "not ours": "eyJhbGciOiJub25lIn0.e30.",
    }[spoil]

    with pytest.raises(NotAdmitted) as refused:
        KeyRing(layout.keys_file).holder(spoilt, NOW)

    assert key[-43:] not in str(refused.value)
    assert other[-43:] not in str(refused.value)


def test_a_key_counts_until_the_end_of_its_last_day_in_vietnam(layout: Layout) -> None:
    _, key = add_key(layout, "office", "viewer", organisation="district", expires=date(2099, 6, 30))
    ring = KeyRing(layout.keys_file)
    end = datetime(2099, 6, 30, 17, tzinfo=UTC)  # midnight there

    ring.holder(key, end - timedelta(seconds=1))
    with pytest.raises(NotAdmitted, match="has expired"):
        ring.holder(key, end)


def test_a_change_of_the_file_counts_at_once(layout: Layout) -> None:
    entry, first = add_key(layout, "first", "operator")
    ring = KeyRing(layout.keys_file)
    ring.holder(first, NOW)

    _, second = add_key(layout, "second", "operator")
    assert ring.holder(second, NOW).role == "operator"

    revoke_keys(layout, entry.id)
    with pytest.raises(NotAdmitted, match="is revoked"):
        ring.holder(first, NOW)


def test_once_locked_no_file_that_is_gone_broken_or_empty_opens_the_door(layout: Layout) -> None:
    _, key = add_key(layout, "admin", "operator")
    ring = KeyRing(layout.keys_file)
    written = layout.keys_file.read_bytes()

    layout.keys_file.write_bytes(b"{")
    with capture_logs() as said:
        assert not ring.empty
    assert "cannot be read" in said[0]["event"]
    assert ring.holder(key, NOW)  # whoever was admitted still is

    layout.keys_file.unlink()
    with capture_logs() as said:
        assert not ring.empty
    assert "nobody is admitted" in said[0]["event"]
    with pytest.raises(NotAdmitted):
        ring.holder(key, NOW)

    layout.keys_file.write_bytes(b'{"keys": []}')
    assert not ring.empty

    layout.keys_file.write_bytes(written)
    assert ring.holder(key, NOW)


def test_nobody_begins_with_a_broken_file(layout: Layout) -> None:
    layout.keys_file.parent.mkdir()
    layout.keys_file.write_text("{}}")

    with pytest.raises(KeysUnreadable, match="no file of keys"):
        KeyRing(layout.keys_file)
    with pytest.raises(StackError, match="no file of keys"):
        add_key(layout, "admin", "operator")


def test_revoked_keys_stay_in_the_list_and_their_names_are_free_again(layout: Layout) -> None:
    first, _ = add_key(layout, "office", "viewer", organisation="district")
    with pytest.raises(StackError, match="exists"):
        add_key(layout, "office", "operator")

    assert [each.id for each in revoke_keys(layout, "office")] == [first.id]
    second, _ = add_key(layout, "office", "operator")

    assert [(each.id, each.ended(NOW)) for each in list_keys(layout)] == [
        (first.id, "is revoked"),
        (second.id, None),
    ]
    with pytest.raises(StackError, match="no key 'nobody'"):
        revoke_keys(layout, "nobody")


def test_the_keys_of_a_source_end_with_it(layout: Layout) -> None:
    gone, _ = add_key(layout, "system", "source", source="dien-bien", organisation="root")
    add_key(layout, "other", "source", source="lai-chau", organisation="other-root")

    assert [each.id for each in revoke_keys_of_source(layout, "dien-bien")] == [gone.id]

    assert [each.id for each in list_keys(layout) if each.revoked_at] == [gone.id]


@pytest.mark.parametrize(
    ("role", "about", "said"),
    [
        ("viewer", {}, "needs --organisation"),
        ("viewer", {"organisation": "a/b"}, "the id of an organisation"),
        ("viewer", {"organisation": "a", "source": "dien-bien"}, "no --source"),
        ("source", {"source": "dien-bien"}, "the source's root"),
        ("source", {"organisation": "root"}, "needs --source"),
        ("source", {"source": "Dien Bien", "organisation": "root"}, "the name of a source"),
        ("operator", {"organisation": "root"}, "for everything"),
        ("service", {}, "a role among watcher, source, viewer, operator"),
        ("operator", {"expires": date(2020, 1, 1)}, "a day that is not over"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    layout: Layout, role: str, about: dict[str, str | date], said: str
) -> None:
    with pytest.raises(StackError, match=said):
        add_key(layout, "office", role, **about)  # type: ignore[arg-type]
    assert list_keys(layout) == []
