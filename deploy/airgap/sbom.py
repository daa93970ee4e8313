"""Prints a bill of materials (CycloneDX 1.6) of the image that it runs in: Debian's packages and Python's.

`docker run --interactive IMAGE python3 - NAME VERSION < sbom.py`; standard library only.
"""

import datetime
import json
import platform
import re
import subprocess
import sys
import uuid
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

_LAID_OUT = Path("/opt/ketnap")
"""Where deploy/images/lay_out.sh says, in `*/debian-packages`, what it has laid out without installing it."""
_FIELDS = "${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n"


def debian() -> list[dict[str, Any]]:
    """Every installed package of Debian's, with the source that it was built from."""
    asked = ["/usr/bin/dpkg-query", "--show", f"--showformat={_FIELDS}"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    for listed in _LAID_OUT.glob("*/debian-packages"):
        lines += listed.read_text(encoding="utf-8").splitlines()
    components = []
    for line in lines:
        name, version, architecture, source, source_version = line.split("\t")
        reference = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-13"
        components.append(
            {
                "type": "library",
                "bom-ref": reference,
                "name": name,
                "version": version,
                "purl": reference,
                "properties": [{"name": "debian:source", "value": f"{source} {source_version}"}],
            }
        )
    return components


def python() -> list[dict[str, Any]]:
    """Every Python package that can be imported."""
    return [_component(found) for found in sorted(distributions(), key=lambda each: each.name.lower())]


def _component(found: Distribution) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", found.name).lower()
    reference = f"pkg:pypi/{name}@{quote(found.version)}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": found.version,
        "purl": reference,
    }
    if "License-Expression" in found.metadata:
        return component | {"licenses": [{"expression": found.metadata["License-Expression"]}]}
    return component


def bill(name: str, version: str) -> dict[str, Any]:
    """The whole document about the image `name`:`version`."""
    components = {each["bom-ref"]: each for each in [*debian(), *python()]}
    reference = f"pkg:oci/{name}@{quote(version)}?arch={platform.machine()}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "component": {"type": "container", "bom-ref": reference, "name": name, "version": version},
        },
        "components": list(components.values()),
    }


if __name__ == "__main__":
    json.dump(bill(*sys.argv[1:3]), sys.stdout, indent=1)
