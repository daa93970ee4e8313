"""An installation by compose.yaml, as an operator has it: up, asked, killed in parts, upgraded, down."""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from deploy.stack.ports import free_port
from shared.runtime.tls import trusting

COMPOSE = shlex.split(os.environ.get("KETNAP_COMPOSE", "docker compose"))
SERVICES = ("registry", "reporting", "notifier")
LONG_RUNNING = ("postgres", "nats", *SERVICES)
JOBS = ("secrets", "setup")


def run(*command: str | Path, patience: float = 300.0, settings: Mapping[str, str] | None = None) -> str:
    """What a command says on its standard output; fails with all it said where it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
        stdin=subprocess.DEVNULL,
        env=os.environ | dict(settings or {}),
    )
    assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


class Installation:
    """One compose project on ports of its own; NATS is published too, for sources outside."""

    def __init__(
        self,
        project: str,
        directory: Path,
        version: str,
        *further: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`directory` holds compose.yaml; `further` files of compose come on top, and `settings` as in `.env`."""
        first = free_port(together=5)
        files = (directory / "compose.yaml", directory / "compose.sources.yaml", *further)
        self.project = project
        self.version = version
        self.key = ""
        self.nats_url = f"tls://127.0.0.1:{first + 3}"
        self.prometheus_url = f"http://127.0.0.1:{first + 4}"
        self._ca = ""
        self._ports = dict(zip(("reporting", "registry", "notifier"), range(first, first + 3), strict=True))
        self._settings = (
            {f"KETNAP_{name.upper()}_PORT": str(port) for name, port in self._ports.items()}
            | {
                "KETNAP_NATS_PUBLISH": f"127.0.0.1:{first + 3}",
                "KETNAP_POSTGRES_CPUS": str(min(2, os.cpu_count() or 1)),
                "KETNAP_PROMETHEUS_PORT": str(first + 4),
                "COMPOSE_FILE": ":".join(map(str, files)),
                "COMPOSE_PROJECT_NAME": project,
            }
            | dict(settings or {})
        )

    def compose(self, *arguments: str) -> str:
        """`docker compose …` with this installation's settings and version."""
        return run(*COMPOSE, *arguments, settings=self._settings | {"KETNAP_VERSION": self.version})

    def up(self, *services: str) -> None:
        """Start everything, or only `services`; returns when all are healthy."""
        self.compose("up", "--detach", "--wait", "--no-build", *services)

    def down(self, *options: str) -> None:
        """Stop everything and remove the containers; the volumes stay, unless `--volumes` is said."""
        self.compose("--profile", "command-line", "--profile", "watch", "down", "--timeout", "60", *options)

    def ketnap(self, *arguments: str, files: Path | None = None) -> str:
        """The command line inside; gives its standard output. The directory `files` is /files there."""
        mounted = ("-v", f"{files}:/files") if files else ()
        return self.compose("run", "--rm", "--no-TTY", "--no-deps", *mounted, "ketnap", *arguments).strip()

    @property
    def ca(self) -> str:
        """What certifies its servers, as an operator hands it to sources."""
        if not self._ca:
            self._ca = self.inside("cat /var/lib/ketnap/secrets/ca.pem")
        return self._ca

    def inside(self, script: str, *arguments: str) -> str:
        """What a shell script says in a container like that of the command line."""
        return self.compose(
            "run", "--rm", "--no-TTY", "--no-deps", "--entrypoint", "sh", "ketnap", "-c", script, *arguments
        ).strip()  # fmt: skip

    def inspect(self, service: str) -> dict[str, Any]:
        """All that the engine tells about a service's container."""
        [found] = json.loads(run("docker", "inspect", f"{self.project}-{service}-1"))
        return dict(found)

    def crash(self, service: str) -> None:
        """End a container's process as a fault would; the engine's restart rule is left alone."""
        os.kill(self.inspect(service)["State"]["Pid"], signal.SIGKILL)

    def healthy(self) -> bool:
        """Whether all that shall run runs and is healthy."""
        states = [self.inspect(service)["State"] for service in LONG_RUNNING]
        return all(state["Running"] and state["Health"]["Status"] == "healthy" for state in states)

    def url(self, service: str) -> str:
        """`https://…` of registry, reporting or notifier, as published."""
        return f"https://127.0.0.1:{self._ports[service]}"

    def client(self, service: str, timeout: float = 20) -> httpx.AsyncClient:
        """A client from outside that trusts the installation's authority and no other."""
        verify = trusting(self.ca)
        return httpx.AsyncClient(base_url=self.url(service), timeout=timeout, trust_env=False, verify=verify)

    async def get(self, service: str, path: str, **parameters: Any) -> Any:
        """The JSON of a GET with the operator's key; None while the service is away."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        try:
            async with self.client(service) as client:
                answer = await client.get(path, params=parameters or None, headers=headers)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    async def log(self) -> list[dict[str, Any]]:
        """All recorded events, in log order."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/x-ndjson"}
        async with self.client("registry", timeout=60) as client:
            answer = await client.get("/v1/events", headers=headers)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]
