"""Fails on whatever looks like a secret in a file of the repository and is not in `.secrets.baseline`.

`python .ci/secret_scan.py`, or with `--accept` to write the baseline anew after every find was looked at. The
scanner is detect-secrets. Lines move, so a find is known by its file, kind and hash, never by its line.
"""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core import baseline
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parent.parent
BASELINE = ROOT / ".secrets.baseline"
NOT_OURS = (".lock", "echarts.min.js", ".secrets.baseline")
"""Hashes of packages, and a library as it was published; long lines of no sense, which take most of the time."""
SETTINGS = {
    "plugins_used": [
        {"name": name}
        for name in (
            "AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector",
            "GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector", "KeywordDetector", "NpmDetector",
            "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector",
            "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
        )
    ]
    + [{"name": "Base64HighEntropyString", "limit": 4.5}, {"name": "HexHighEntropyString", "limit": 3.0}],
    "filters_used": [
        {"path": f"detect_secrets.filters.{each}"}
        for each in (
            "allowlist.is_line_allowlisted", "heuristic.is_indirect_reference", "heuristic.is_likely_id_string",
            "heuristic.is_not_alphanumeric_string", "heuristic.is_potential_uuid",
            "heuristic.is_prefixed_with_dollar_sign",
            "heuristic.is_sequential_string", "heuristic.is_templated_secret",
        )
    ],
}  # fmt: skip


def files() -> list[str]:
    """The files that git knows or would add, but those that are not ours."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [each for each in listed if not each.endswith(NOT_OURS) and (ROOT / each).is_file()]


def main() -> int:
    """The exit code: 1 if something was found that nobody has looked at."""
    found = SecretsCollection(root=str(ROOT))
    with transient_settings(SETTINGS):
        found.scan_files(*files(), num_processors=1)
        if "--accept" in sys.argv:
            told = baseline.format_for_output(found)
            for file, each in told["results"].items():
                for secret in each:
                    secret["filename"] = file  # and not where this machine keeps it
            BASELINE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            return 0
        known = baseline.load(json.loads(BASELINE.read_text(encoding="utf-8")))
    accepted = {(file, secret.type, secret.secret_hash) for file, secret in known}
    new = [(file, each) for file, each in found if (file, each.type, each.secret_hash) not in accepted]
    for file, secret in new:
        print(f"{file}:{secret.line_number}: looks like a secret ({secret.type})")
    if new:
        print(
            "Take it out, and out of the history too. If it is none (an example, a made-up value of a test): "
            "`# pragma: allowlist secret` on its line, or `make accept-secrets`"
        )
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
