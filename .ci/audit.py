"""Asks PyPI whether a locked package has a known vulnerability: `python .ci/audit.py STAMP LOCK…`.

pip-audit takes a package of which the index knows nothing for one without a fault, and then ends well. Behind a
mirror without PyPI's advisories that would be so for all of them, so what it was told is counted here. Exit codes:
1 for a vulnerability; 0 where there is none, and where nobody could be asked, which is said loudly (AUDIT=required
makes it 1). A good answer counts for a day (STAMP), so that a working day asks once.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE = 25.0
"""Seconds for each lock: without a network it is to be told at once, and never to hold anybody up."""
FRESH = 24 * 3600.0


class NotAsked(Exception):
    """Nobody has said whether the packages are vulnerable."""


def first_of(lock: Path) -> str:
    """The first package of a lock with its hashes: asked alone, it soon shows whether anybody answers."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1])


def audit(lock: Path) -> list[str]:
    """A line for each known vulnerability. Raises NotAsked."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip",
        "--progress-spinner", "off", "--format", "json", "--timeout", "5",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise NotAsked(f"PyPI did not answer within {PATIENCE:.0f} s") from None
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise NotAsked((done.stderr.strip() or "pip-audit said nothing").splitlines()[-1][:200]) from None
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if packages and len(unknown) > len(packages) / 10:
        raise NotAsked(f"the index knows no advisories of {len(unknown)} of {len(packages)} packages: a mirror?")
    for name in unknown:
        print(f"{lock.name}: {name} is unknown to PyPI's advisories")
    return [
        f"{lock.name}: {each['name']} {each['version']}: {fault['id']}, mended in {fault['fix_versions']}"
        for each in packages
        for fault in each.get("vulns", ())
    ]


def main(stamp: Path, locks: list[Path]) -> int:
    """The exit code."""
    mark = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    if stamp.exists() and stamp.read_text() == mark and time.time() - stamp.stat().st_mtime < FRESH:
        return 0
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as one:
            one.write(first_of(locks[0]))
            one.flush()
            audit(Path(one.name))
        faults = [fault for lock in locks for fault in audit(lock)]
    except NotAsked as why:
        print(
            f"\n######## NOT ASKED: whether packages have known vulnerabilities. {why} ########\n", file=sys.stderr
        )
        return 1 if os.environ.get("AUDIT") == "required" else 0
    for fault in faults:
        print(fault)
    if faults:
        print("`make lock` brings newer versions; read its diff")
        return 1
    stamp.write_text(mark)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]]))
