"""The audit of locked packages fails for a known vulnerability, and says so where nobody answers.

pip-audit asks PyPI by its own address, so what answers here is a proxy that speaks as PyPI's JSON API does, with a
certificate that the test's own authority has given it.
"""

import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from deploy.stack.certificates import ensure_authority, ensure_server
from tests.faults.system import ROOT

LOCK = "".join(f"{name}==1.0.0 \\\n    --hash=sha256:{'0' * 64}\n" for name in ("made-up-one", "made-up-two"))
FAULT = {
    "id": "PYSEC-2026-0",
    "aliases": [],
    "details": "made up for this test",
    "summary": None,
    "fixed_in": ["1.0.1"],
    "withdrawn": None,
}


class Advisories:
    """What the stand-in for PyPI knows: faults by package; a package that is not in it is unknown."""

    def __init__(self, directory: Path) -> None:
        self.faults: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        authority = ensure_authority(directory / "authority")
        ensure_server(authority, directory / "server", {"pypi.org"})
        self.ca = directory / "authority" / "ca.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server" / "server.pem", directory / "server" / "server.key")
        advisories = self

        class Asked(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.split("/")[2]
                advisories.asked.append(name)
                known = name in advisories.faults
                body = json.dumps({"vulnerabilities": advisories.faults.get(name, [])}).encode()
                self.send_response(200 if known else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
                """Say nothing."""

        class Proxy(socketserver.BaseRequestHandler):
            request: socket.socket

            def handle(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += self.request.recv(65536)
                assert head.startswith(b"CONNECT pypi.org:443 "), head
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with context.wrap_socket(self.request, server_side=True) as encrypted:
                    Asked(encrypted, self.client_address, self.server)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def advisories(tmp_path: Path) -> Iterator[Advisories]:
    made = Advisories(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def _audit(advisories: Advisories, directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    lock = directory / "made-up.lock"
    lock.write_text(LOCK, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HTTPS_PROXY": advisories.url, "REQUESTS_CA_BUNDLE": str(advisories.ca), **settings}
    environment["XDG_CACHE_HOME"] = str(directory / "cache")
    return subprocess.run(
        [sys.executable, ROOT / ".ci/audit.py", directory / "stamp", lock],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_package_with_a_known_vulnerability_fails_the_audit_and_is_named(
    advisories: Advisories, tmp_path: Path
) -> None:
    advisories.faults = {"made-up-one": [], "made-up-two": [FAULT]}

    done = _audit(advisories, tmp_path)

    assert done.returncode == 1, done.stderr
    assert "made-up.lock: made-up-two 1.0.0: PYSEC-2026-0, mended in ['1.0.1']" in done.stdout
    assert "made-up-one" not in done.stdout
    assert not (tmp_path / "stamp").exists()


def test_packages_without_one_pass_and_are_not_asked_about_again_that_day(
    advisories: Advisories, tmp_path: Path
) -> None:
    advisories.faults = {"made-up-one": [], "made-up-two": []}

    first = _audit(advisories, tmp_path, AUDIT="required")
    asked = set(advisories.asked)
    advisories.asked.clear()
    second = _audit(advisories, tmp_path, AUDIT="required")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert asked == {"made-up-one", "made-up-two"}
    assert advisories.asked == []


def test_an_index_that_knows_no_advisories_counts_as_nobody_asked(advisories: Advisories, tmp_path: Path) -> None:
    done = _audit(advisories, tmp_path, AUDIT="required")

    assert done.returncode == 1
    assert "NOT ASKED" in done.stderr
    assert "knows no advisories of 1 of 1 packages" in done.stderr
    assert advisories.asked != []
    assert not (tmp_path / "stamp").exists()
