"""The page for those who publish stays true: each of its Python examples runs as it stands there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.system import ROOT, System

PAGE = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = {
    found["name"]: found["code"]
    for found in re.finditer(
        r'^```python\n(?P<code>"""(?P<name>\w+\.py): .*?)^```$', PAGE, re.MULTILINE | re.DOTALL
    )
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`ketnap up` with the source of the page, in a directory that holds what the page says."""
    system = System(tmp_path_factory.mktemp("integrators"))
    system.start()
    try:
        seed = system.add_source("my-province", "my-province")
        (system.directory / "my-province.seed").write_text(seed, encoding="utf-8")
        (lines,) = re.findall(r"cat > first\.jsonl <<'EOF'\n(.*?)^EOF$", README, re.MULTILINE | re.DOTALL)
        (system.directory / "first.jsonl").write_text(lines, encoding="utf-8")
        yield system
    finally:
        if system.running:
            system.stop()


def run(system: System, name: str) -> str:
    """What the example prints, run as a program of its own."""
    program: Path = system.directory / name
    program.write_text(EXAMPLES[name], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=system.directory,
        env={"NATS_URL": system.addresses.nats_url, "REGISTRY_URL": system.url("registry")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_python_example_of_the_page_is_run_here_or_over_tls() -> None:
    assert list(EXAMPLES) == ["over_tls.py", "publisher.py", "one_event.py", "receipts.py", "bench.py"]
    assert PAGE.count("```python") == len(EXAMPLES)


def test_the_examples_do_what_the_page_says(system: System) -> None:
    assert outcomes(run(system, "bench.py")) == [*["recorded"] * 5, "rejected"]
    assert outcomes(run(system, "publisher.py")) == ["recorded"] * 5
    assert outcomes(run(system, "publisher.py")) == ["duplicate"] * 5
    bench = run(system, "bench.py")
    assert outcomes(bench) == [*["duplicate"] * 5, "rejected"]
    assert bench.splitlines()[-1] == "5 rejected $.effectiveon"
    receipt = json.loads(run(system, "one_event.py"))
    assert (receipt["outcome"], receipt["position"]) == ("recorded", 6)
    assert outcomes(run(system, "receipts.py")) == [*["recorded"] * 5, *["duplicate"] * 5, "recorded"]


def outcomes(printed: str) -> list[str]:
    """The outcomes in the order in which they are printed."""
    return re.findall(r"^\S+ (recorded|duplicate|quarantined|rejected|discarded)\b", printed, re.MULTILINE)
