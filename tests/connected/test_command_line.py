"""The `ketnap` command as an operator and a province use it, each time a process of its own, on a real system."""

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.stack.layout import Layout
from deploy.stack.ports import in_use
from shared.runtime.connection import connect
from tests.faults.system import System, eventually
from tests.given import admitted, identified, new_uuid, organisation, root

Event = dict[str, Any]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`ketnap up` on an empty directory."""
    system = System(tmp_path_factory.mktemp("command-line"))
    system.start()
    try:
        yield system
    finally:
        if system.running:
            system.stop()


@pytest.fixture(scope="module")
def founded(system: System) -> System:
    """The system with the source dien-bien, whose root and cell are on record."""
    system.add_source("dien-bien", "root")
    published = _publish(system, _file(system, "founding.jsonl", root(), organisation("cell")))
    assert (published.returncode, _outcomes(published.stdout)) == (0, {"recorded": 2}), published.stderr
    return system


def _file(system: System, name: str, *lines: Event | str) -> Path:
    path = system.directory / name
    texts = (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def _publish(system: System, *files: Path) -> Any:
    return system.ketnap(
        "publish", *files, "--source", "dien-bien", "--creds", system.directory / "dien-bien.creds"
    )


def _outcomes(printed: str) -> dict[str, int]:
    """The printed table of outcomes, without zeros."""
    rows = re.findall(r"(recorded|duplicate|quarantined|rejected|discarded)\W+([\d,]+)\s*│", printed)
    assert len(rows) == 5, printed
    return {outcome: int(number.replace(",", "")) for outcome, number in rows if number != "0"}


def test_an_event_is_followed_through_all_services(founded: System) -> None:
    early = admitted(new_uuid(), "2022-06-01")
    known = new_uuid()
    identified_one = identified(known, "2022-03-01")
    of_no_type = {**identified(new_uuid(), "2022-03-01"), "type": "[bold]all[/]."}
    _publish(founded, _file(founded, "followed.jsonl", early, identified_one, of_no_type))

    def followed() -> Any:
        return founded.ketnap("follow", "dien-bien", identified_one["id"])

    deadline = time.monotonic() + 30
    while (there := followed()).returncode != 0:
        assert time.monotonic() < deadline, there.stdout + there.stderr
    waits = founded.ketnap("follow", "dien-bien", early["id"])
    refused = founded.ketnap("follow", "dien-bien", of_no_type["id"])
    unknown = founded.ketnap("follow", "dien-bien", new_uuid())

    assert all(word in there.stdout for word in ("recorded at position", "in the figures", "judged for alerts"))
    assert (waits.returncode, "quarantined" in waits.stdout, "unknown-subject" in waits.stdout) == (1, True, True)
    assert "not in the figures" in waits.stdout
    assert (refused.returncode, "[bold]all[/]" in refused.stdout) == (1, True), refused.stdout + refused.stderr
    assert (unknown.returncode, "404" in unknown.stderr) == (1, True), unknown.stderr


def test_a_source_is_added_once_and_listed_and_its_credentials_are_its_owners_only(founded: System) -> None:
    creds = founded.directory / "dien-bien.creds"
    assert stat.S_IMODE(creds.stat().st_mode) == 0o600
    assert re.fullmatch(r"SU[A-Z2-7]{56}\n", creds.read_text(encoding="ascii"))
    listed = founded.ketnap("source", "list")
    assert (listed.returncode, bool(re.search(r"dien-bien\W+root\W", listed.stdout))) == (0, True), listed.stdout

    again = founded.ketnap("source", "add", "dien-bien", "--root", "r", "--creds", founded.directory / "other")
    assert again.returncode == 1
    assert again.stderr.startswith("ketnap: source dien-bien is registered already, with root root")
    assert "ketnap source rotate" in again.stderr
    assert not (founded.directory / "other").exists()

    overwriting = founded.ketnap("source", "add", "son-la", "--root", "r", "--creds", creds)
    assert (overwriting.returncode, "--force" in overwriting.stderr) == (1, True)
    assert "son-la" not in founded.ketnap("source", "list").stdout


def test_a_file_of_good_bad_and_waiting_events_ends_in_a_table_and_says_where_each_fault_is(
    founded: System,
) -> None:
    good, waiting = identified(new_uuid(), "2022-01-05"), admitted(new_uuid(), "2022-06-01")
    bad = {**identified(new_uuid(), "2022-01-05"), "effectiveon": "2022-02-30"}
    unknown = {**identified(new_uuid(), "2022-01-05"), "type": "MemberPromoted.v1"}
    first = _file(founded, "mixed.jsonl", good, "", bad, waiting)
    second = _file(founded, "more.jsonl", good, unknown)

    published = _publish(founded, first, second)

    assert published.returncode == 1
    assert _outcomes(published.stdout) == {"recorded": 1, "duplicate": 1, "quarantined": 1, "rejected": 2}
    problems = [line for line in published.stdout.splitlines() if ".jsonl:" in line]
    assert [problem.rpartition(str(founded.directory) + "/")[2].split(": ")[:2] for problem in problems] == [
        ["mixed.jsonl:3", "rejected not-a-cloudevent at $.effectiveon"],
        ["mixed.jsonl:4", "quarantined unknown-subject"],
        ["more.jsonl:2", "rejected unknown-type at $.type"],
    ]
    assert "2022-02-30" in problems[0]
    assert "MemberPromoted" in problems[2]
    assert "5/5" in published.stderr


def test_a_line_that_is_not_json_is_named_before_anything_is_published(founded: System) -> None:
    good = identified(new_uuid(), "2022-01-05")
    refused = _publish(founded, _file(founded, "broken.jsonl", good, '{"id": '))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ketnap: {founded.directory}/broken.jsonl:2: not JSON")
    assert "nothing was published" in refused.stderr
    assert _outcomes(_publish(founded, _file(founded, "good.jsonl", good)).stdout) == {"recorded": 1}


def test_a_dry_run_says_what_publishing_would_give_and_stores_nothing(founded: System) -> None:
    person = new_uuid()
    good = [identified(person, "2022-01-05"), admitted(person, "2022-06-01")]
    bad = {**identified(new_uuid(), "2022-01-05"), "data": {}}

    well = founded.ketnap("validate", _file(founded, "dry.jsonl", *good))
    ill = founded.ketnap("validate", _file(founded, "dry-bad.jsonl", *good, bad))

    assert (well.returncode, _outcomes(well.stdout)) == (0, {"recorded": 2})
    assert "Nothing was stored" in well.stdout
    assert (ill.returncode, _outcomes(ill.stdout)) == (1, {"recorded": 2, "rejected": 1})
    assert "dry-bad.jsonl:3: rejected invalid-data at $.data" in ill.stdout
    # A rejected file's good events are no duplicates afterwards.
    published = _publish(founded, founded.directory / "dry.jsonl")
    assert _outcomes(published.stdout) == {"recorded": 2}
    for said in (well.stdout, ill.stdout, published.stdout):
        assert "Findings, which hold nothing back: 1 no-decision" in said


def test_what_waits_is_listed_decided_again_released_by_its_cause_or_dropped(founded: System) -> None:
    person, stranger = new_uuid(), new_uuid()
    early, never = admitted(person, "2022-06-01"), admitted(stranger, "2022-06-01")
    published = _publish(founded, _file(founded, "wait.jsonl", early, never))
    assert (published.returncode, _outcomes(published.stdout)) == (0, {"quarantined": 2})  # waiting is no fault

    def quarantine(*arguments: str) -> Any:
        return founded.ketnap("quarantine", *arguments)

    def waiting(event: Event) -> str:
        listed = quarantine("list", "--source", "dien-bien", "--subject", event["subject"])
        assert listed.returncode == 0
        return str(listed.stdout)

    said = waiting(early)
    assert "MemberAdmitted.v1 effective on 2022-06-01" in said
    assert f"person/{person}" in said
    assert f"dien-bien {early['id']}" in said
    assert "unknown-subject: expected" in said
    assert "1 waiting: 1 unknown-subject" in said
    (item,) = map(json.loads, quarantine("list", "--subject", early["subject"], "--json").stdout.splitlines())
    assert (item["event_id"], item["event"]) == (early["id"], early)
    retried = quarantine("retry", "dien-bien", early["id"])
    assert (retried.returncode, "is quarantined: unknown-subject: " in retried.stdout) == (1, True)
    all_retried = quarantine("retry", "--source", "dien-bien", "--code", "unknown-subject")
    assert all_retried.returncode == 1
    assert re.search(r"^decided again: \d+ quarantined$", all_retried.stdout, re.MULTILINE), all_retried.stdout
    assert early["id"] in all_retried.stdout
    shown = quarantine("show", "dien-bien", early["id"])
    assert (shown.returncode, "CandidateIdentified.v1 of person/" in shown.stdout) == (0, True), shown.stdout
    assert re.search(r"cell +admissions +2022-06-01 +\+1", shown.stdout), shown.stdout

    cause = _publish(founded, _file(founded, "cause.jsonl", identified(person, "2022-01-05")))
    assert (cause.returncode, waiting(early)) == (0, "nothing waits that matches\n")

    dropped = quarantine("discard", "dien-bien", never["id"], "--reason", "sent by mistake")
    assert (dropped.returncode, waiting(never)) == (0, "nothing waits that matches\n")
    gone = quarantine("discard", "dien-bien", never["id"], "--reason", "sent by mistake")
    assert (gone.returncode, gone.stderr.startswith("ketnap: ")) == (1, True)
    assert never["id"] in gone.stderr


def test_credentials_of_another_source_are_refused_with_a_word_on_where_to_get_the_right_ones(
    founded: System,
) -> None:
    founded.add_source("lai-chau", "lai-chau-root")
    creds = founded.directory / "lai-chau.creds"
    refused = founded.ketnap(
        "publish", founded.directory / "founding.jsonl", "--source", "dien-bien", "--creds", creds
    )
    assert refused.returncode == 1
    assert "may not publish for source dien-bien" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("up", "--port-base", "80"),
        ("source", "add", "dien-bien"),
        ("source", "add", "Dien", "--root", "r", "--creds", "no-such-directory/creds"),
        ("publish", "no-such-file.jsonl", "--source", "dien-bien", "--creds", "/dev/null"),
        ("publish", "/dev/null", "--source", "dien bien", "--creds", "/dev/null"),
        ("quarantine", "discard", "dien-bien", "9e79685e-fe3e-41cd-ac49-8d8d27c0b62f"),
        ("quarantine", "retry"),
        ("quarantine", "retry", "dien-bien"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_says_so(system: System, arguments: tuple[str, ...]) -> None:
    refused = system.ketnap(*arguments)
    assert refused.returncode == 2
    assert "Usage: ketnap" in refused.stderr
    assert "Error" in refused.stderr


def test_a_second_one_on_the_same_directory_is_refused_and_harms_nothing(system: System) -> None:
    refused = system.ketnap("up")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"ketnap: another `ketnap up` (process {system.pid}) runs on {system.data_dir}; "
        "stop it first, or name another directory with --data-dir\n"
    )
    assert system.ketnap("source", "list").returncode == 0


def test_a_second_one_on_the_same_ports_is_told_which_and_what_to_do(system: System) -> None:
    elsewhere = system.directory / "elsewhere"
    refused = system.ketnap("up", "--data-dir", elsewhere, "--port-base", str(system.port_base))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ketnap: port {system.port_base}, meant for reporting, is in use")
    assert "--port-base" in refused.stderr
    assert system.ketnap("source", "list").returncode == 0


@contextmanager
def _ctrl_c_ignored(ignored: bool) -> Iterator[None]:
    """What is begun within takes no notice of Ctrl-C, as a script has it of what it begins with `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ignored else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _ended(command: subprocess.Popen[str], *signals: signal.Signals) -> tuple[int, str]:
    """The exit code and the last line of a command that these signals end."""
    for number in signals:
        command.send_signal(number)
        time.sleep(0.05)  # so that they come as two: what is awaited is the end of the command
    _, said = command.communicate(timeout=60)
    assert "Traceback" not in said
    return command.returncode, said.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("signals", "code", "by"),
    [
        ((signal.SIGINT,), 130, "Ctrl-C"),
        ((signal.SIGINT, signal.SIGINT), 130, "Ctrl-C"),
        ((signal.SIGTERM,), 143, "SIGTERM"),
    ],
    ids=["Ctrl-C", "Ctrl-C twice", "SIGTERM"],
)
async def test_a_publication_that_is_ended_says_how_far_it_came_and_can_be_begun_again(
    founded: System, signals: tuple[signal.Signals, ...], code: int, by: str
) -> None:
    file = _file(founded, "ended.jsonl", identified(new_uuid(), "2022-05-01"))
    registry = founded.pid_of("registry")
    client = await connect(founded.addresses.nats_url, nkeys_seed_str=founded.addresses.nats_seed)
    stream = client.jetstream()
    before = (await stream.stream_info("INGEST_dien-bien")).state.last_seq

    async def arrived() -> bool | None:
        return (await stream.stream_info("INGEST_dien-bien")).state.last_seq > before or None

    os.kill(registry, signal.SIGSTOP)
    try:
        credentials = founded.directory / "dien-bien.creds"
        publishing = founded.begin("publish", file, "--source", "dien-bien", "--creds", credentials)
        await eventually(arrived, "the event in its stream")
        ended, said = await asyncio.to_thread(_ended, publishing, *signals)
    finally:
        os.kill(registry, signal.SIGCONT)
        await client.close()

    assert ended == code
    assert said.startswith(f"ketnap: ended by {by} before it was done; of 1 events at least ")
    assert "Run this again" in said
    assert _publish(founded, file).returncode == 0


@pytest.mark.parametrize(
    ("signals", "code"),
    [((signal.SIGINT,), 130), ((signal.SIGTERM,), 143), ((signal.SIGTERM, signal.SIGTERM), 143)],
    ids=["Ctrl-C", "SIGTERM in the background", "SIGTERM twice"],
)
async def test_a_backup_that_is_ended_leaves_neither_a_file_nor_a_dump(
    founded: System, signals: tuple[signal.Signals, ...], code: int
) -> None:
    file, key = founded.directory / "ended.age", founded.directory / f"ended-{len(signals)}-{code}.key"
    run = Layout(founded.data_dir).run

    async def dumping() -> bool | None:
        return bool(list(run.glob("ketnap-backup.*/database.dump"))) or None

    held = await asyncpg.connect(founded.addresses.database_url)
    try:
        async with held.transaction():
            await held.execute("LOCK TABLE registry.backup IN ACCESS EXCLUSIVE MODE")
            with _ctrl_c_ignored(signals == (signal.SIGTERM,)):
                backup = founded.begin("backup", file, "--new-key", key)
            await eventually(dumping, "a dump that waits")
            ended, said = await asyncio.to_thread(_ended, backup, *signals)
    finally:
        await held.close()

    assert ended == code
    assert f"there is no {file}. Run this again, without --new-key: {key} is made" in said
    assert not file.exists()
    left = list(run.glob("ketnap-backup.*"))
    assert left == [] or len(signals) > 1  # a second signal ends the cleaning up, too
    assert founded.ketnap("backup", file).returncode == 0
    assert list(run.glob("ketnap-backup.*")) == []
    file.unlink()


async def test_a_restore_that_is_ended_leaves_nothing_that_could_be_taken_for_a_system(founded: System) -> None:
    file, key, place = (founded.directory / name for name in ("copy.age", "copy.key", "restored"))
    assert founded.ketnap("backup", file, "--new-key", key).returncode == 0
    layout = Layout(place)

    async def begun() -> bool | None:
        return (layout.half_restored / "postgres.pid").exists() or None

    restoring = founded.begin("restore", file, "--key", key, "--data-dir", place)
    await eventually(begun, "a database beside its place")
    ended, said = await asyncio.to_thread(_ended, restoring, signal.SIGTERM)

    assert (ended, f"{place} has no database, as before: run this again" in said) == (143, True)
    assert (list(layout.postgres.iterdir()), layout.half_restored.exists()) == ([], False)
    assert list(place.glob("ketnap-restore.*")) == []

    full = founded.ketnap("restore", file, "--key", key, "--data-dir", place, largest_file=16_384)
    assert full.returncode == 1
    assert f"nothing was restored. Make room for {place}, or name another directory" in full.stderr
    assert list(layout.postgres.iterdir()) == []

    layout.half_restored.mkdir()  # as one leaves it that was killed
    refused = founded.ketnap("up", "--data-dir", place)
    assert (refused.returncode, "run `ketnap restore` again" in refused.stderr) == (1, True)


def test_the_doctor_finds_a_running_system_well_and_a_stopped_one_too(system: System) -> None:
    running = system.ketnap("doctor")
    assert (running.returncode, "FAULT" in running.stdout) == (0, False), running.stdout
    assert all(part in running.stdout for part in ("running", "PostgreSQL 18", "JetStream answers", "answers 200"))

    assert system.stop() == 0
    assert not any(in_use(system.port_base + number) for number in range(5))

    stopped = system.ketnap("doctor", "--port-base", str(system.port_base))
    assert (stopped.returncode, "FAULT" in stopped.stdout) == (0, False), stopped.stdout
    assert "not running" in stopped.stdout
    assert "ketnap up --data-dir" in stopped.stdout
