"""A cluster by cluster/compose.yaml, as an operator begins it: three compose projects that meet at addresses.

All are on this machine. Each has a network of its own, and what it publishes for the others it publishes at that
network's gateway, which is an address of this machine; so all goes the way it goes between machines.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.deployment.installation import COMPOSE, Installation

NUMBERS = (1, 2, 3)
_PORTS = {"reporting": 8080, "registry": 8081, "notifier": 8082}
_OVERLAY = Path(__file__).with_name("machine.yaml")


class Machine(Installation):
    """One of the three, with the folder that an operator has there."""

    def __init__(self, number: int, bundle: Path, folder: Path, version: str) -> None:
        super().__init__(f"ketnap-test-machine-{number}", folder, version)
        for part in ("compose.yaml", "cluster", "watch"):
            source = bundle / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
        self.address = _address(number)
        """Where the others reach it."""
        self._settings = {
            "KETNAP_MACHINE": str(number),
            **{f"KETNAP_MACHINE_{each}": _address(each) for each in NUMBERS},
            "KETNAP_PUBLISH": self.address,
            "KETNAP_POSTGRES_CPUS": str(min(2, os.cpu_count() or 1)),
            "KETNAP_TEST_NETWORK": _network(number),
            "KETNAP_VERSION": version,
            "COMPOSE_FILE": f"{folder}/compose.yaml:{folder}/cluster/compose.yaml:{_OVERLAY}",
            "COMPOSE_PROJECT_NAME": self.project,
            **({"COMPOSE_PROFILES": "data"} if number != 3 else {}),
        }
        self.nats_url = ",".join(f"tls://{_address(each)}:4222" for each in NUMBERS)

    def url(self, service: str) -> str:
        return f"https://{self.address}:{_PORTS[service]}"

    def down(self, *options: str) -> None:
        # What is said here counts instead of COMPOSE_PROFILES.
        self.compose("--profile", "data", "--profile", "command-line", "down", "--timeout", "60", *options)

    def carry(self, what: str, text: str = "") -> str:
        """`carry begin`, `give` or `take`; gives what it says on its standard output."""
        done = subprocess.run(
            [*COMPOSE, "run", "--rm", "--no-TTY", "carry", what],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | self._settings,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def know(self, key: str, ca: str) -> None:
        """With what it is asked from now on."""
        self.key, self._ca = key, ca

    def pair(self, what: str) -> str:
        """What `pair status`, `wait`, `alone` or `promote` says."""
        return self.compose("run", "--rm", "--no-TTY", "pair", what)

    def kill(self) -> None:
        """All of its containers at once, as a machine that loses its power."""
        self.compose("kill")


class Cluster:
    """The three machines, from nothing."""

    def __init__(self, bundle: Path, folder: Path, version: str) -> None:
        self.machines = []
        for number in NUMBERS:
            (folder / str(number)).mkdir()
            self.machines.append(Machine(number, bundle, folder / str(number), version))

    def begin(self) -> None:
        """As docs/cluster.md says it."""
        self._each(lambda machine: machine.down("--volumes"), self.machines)  # of a run that was broken off
        first, *others = self.machines
        first.carry("begin")
        carried = first.carry("give")
        self._each(lambda machine: machine.carry("take", carried), others)
        self._each(lambda machine: machine.up("nats"), self.machines)
        self._each(Machine.up, self.machines)
        first.pair("wait")
        key = first.ketnap("key", "add", "test", "--role", "operator")
        for machine in self.machines:
            machine.know(key, json.loads(carried)["authority"]["ca.pem"])

    def end(self, logs: Path) -> None:
        """Gone with all data; what was logged is in `logs`, for whoever asks why something failed."""
        logs.write_text("")
        for machine in self.machines:
            with logs.open("a") as file:
                file.write(machine.compose("logs", "--no-color", "--timestamps"))
        self._each(lambda machine: machine.down("--volumes"), self.machines)

    def _each(self, do: Callable[[Machine], object], machines: Sequence[Machine]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(do, machines))


def _network(number: int) -> str:
    return f"10.213.{number}"


def _address(number: int) -> str:
    return f"{_network(number)}.1"
