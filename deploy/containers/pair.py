"""What is asked of a cluster's two PostgreSQL servers: how they stand, to wait for each other, to take over.

Run as `python -m deploy.containers.pair` with one of the words of USAGE, on the machine in question.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import TextIO

from deploy.containers import machines
from deploy.containers.places import POSTGRES_HOST, POSTGRES_PORT
from deploy.stack import postgres, replication
from deploy.stack.errors import StackError
from deploy.stack.layout import default_data_dir, locate
from deploy.stack.provisioning import drop_log
from deploy.stack.replication import Server

USAGE = """pair: expected one of
  status   how PostgreSQL of this machine and the other one stand
  wait     from now on a commit waits until the other one has it too: nothing is lost with this one
  alone    it does not wait any longer: for as long as the other one is away
  promote  PostgreSQL of this machine takes over, once the other one is down
  forget   drop LOG before that, where commits did not wait: it may hold what the other one took with it"""


def main(what: str, secrets: Path) -> None:
    """Do it; ends with exit code 1 and a line that says what is wrong, 2 for wrong usage."""
    try:
        machine = machines.this_machine()
        if machine is None:
            raise StackError("this machine is no cluster's: KETNAP_MACHINE is not set")
        here = Server(POSTGRES_HOST, POSTGRES_PORT, secrets / "ca.pem")
        other = machines.other_postgres(machine, secrets / "ca.pem")
        _do(what, here, other, secrets)
    except StackError as fault:
        sys.exit(f"pair: {fault}")


def _do(what: str, here: Server, other: Server, secrets: Path) -> None:
    superuser = postgres.password(secrets, postgres.SUPERUSER)
    match what:
        case "status":
            _say(f"this one   {_told(here, secrets)}")
            _say(f"the other  {_told(other, secrets)}")
        case "wait":
            if replication.behind(here, secrets) is None:
                raise StackError("no other PostgreSQL follows this one, so no commit would come to its end")
            replication.wait_for_replica(here, superuser, True)
        case "alone":
            replication.wait_for_replica(here, superuser, False)
        case "forget":
            asyncio.run(drop_log(locate(default_data_dir(), ("nats_url", "nats_seed", "ca"))))
        case "promote":
            standing = replication.standing(other, secrets)
            if standing is not None and not standing.following:
                raise StackError(
                    "the other PostgreSQL takes writes: stop it first, two of them are worse than none"
                )
            if not replication.follows(here, superuser):
                raise StackError("PostgreSQL of this machine takes writes already")
            replication.promote(here, superuser)
        case _:
            _say(USAGE, sys.stderr)
            sys.exit(2)


def _told(server: Server, secrets: Path) -> str:
    """How a server stands, for people."""
    standing = replication.standing(server, secrets)
    if standing is None:
        return "does not answer"
    if standing.following:
        return f"follows, on timeline {standing.timeline}"
    behind = replication.behind(server, secrets)
    followed = "nobody follows it" if behind is None else f"its follower is {behind:,} bytes behind"
    waits = (
        "commits wait for that one" if replication.waits_for_replica(server, secrets) else "commits do not wait"
    )
    return f"takes writes, on timeline {standing.timeline}; {followed}; {waits}"


def _say(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "", Path(os.environ["KETNAP_SECRETS_DIR"]))
