"""The `ketnap` command: its list of commands, each loaded only when it is asked for."""

import importlib
import importlib.metadata
import os
import sys
from typing import Annotated

import typer

from deploy.cli.breaking import explained, give_up_output, prepare_output
from deploy.cli.ending import INTERRUPTED, ended, prepare_ending
from deploy.stack.errors import StackError, WrongUsage
from shared.runtime.settings import SettingsError

# name: (module, the function or sub-application in it), in the order of `ketnap --help`
_COMMANDS = {
    "up": ("deploy.cli.up", "up"),
    "demo": ("deploy.cli.demo", "demo"),
    "source": ("deploy.cli.source", "app"),
    "key": ("deploy.cli.key", "app"),
    "publish": ("deploy.cli.publish", "publish"),
    "validate": ("deploy.cli.validate", "validate"),
    "quarantine": ("deploy.cli.quarantine", "app"),
    "follow": ("deploy.cli.follow", "follow"),
    "projections": ("deploy.cli.projections", "app"),
    "keys": ("deploy.cli.keys", "app"),
    "log": ("deploy.cli.log", "app"),
    "backup": ("deploy.cli.backup", "backup"),
    "restore": ("deploy.cli.restore", "restore"),
    "doctor": ("deploy.cli.doctor", "doctor"),
}


def application(first: str | None = None) -> typer.Typer:
    """The command line with only the command `first` loaded, or with all if there is none of that name."""
    app = typer.Typer(
        name="ketnap", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, callback=_ketnap
    )
    for name in [first] if first in _COMMANDS else list(_COMMANDS):
        module, attribute = _COMMANDS[name]
        target = getattr(importlib.import_module(module), attribute)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name)(target)
    return app


def main() -> None:
    """Run the command line of this process; exit code 0: done, 1: a fault was found, 2: wrong usage.

    What a signal ended is 128 and its number, as shells say it.
    """
    prepare_output()
    prepare_ending()
    try:
        application(sys.argv[1] if len(sys.argv) > 1 else None)(prog_name="ketnap")
    except KeyboardInterrupt:  # before the command itself began
        _end()
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        _end()
    except (StackError, SettingsError) as fault:
        typer.echo(f"ketnap: {fault}", err=True)
        sys.exit(2 if isinstance(fault, WrongUsage) else 1)
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        give_up_output()
        typer.echo(f"ketnap: {told}", err=True)
        sys.exit(1)


def _end() -> None:
    code, said = ended()
    typer.echo(f"ketnap: {said}", err=True)
    sys.exit(code)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ketnap {version()}")
        raise typer.Exit


def version() -> str:
    """Which version this is: images say it in their environment, a checkout as an installed package."""
    try:
        return os.environ.get("KETNAP_VERSION") or importlib.metadata.version("ketnap")
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


def _ketnap(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Say which version this is, and end."
        ),
    ] = False,
) -> None:
    """Event log and reporting for yearly admission targets."""
