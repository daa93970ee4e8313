"""`ketnap doctor`: looks at the machine and the system, and says what to do about each fault."""

import typer

from deploy.cli.up import DataDir, PortBase


def doctor(data_dir: DataDir = None, port_base: PortBase = None) -> None:
    """Check this machine and the system on it, running or stopped; exit code 1 if something is at fault."""
    from rich.console import Console
    from rich.markup import escape

    from deploy.cli.tables import uncut
    from deploy.stack.diagnosis import examine
    from deploy.stack.layout import Layout, default_data_dir

    table = uncut("", "what", "seen", "what to do")
    findings = list(examine(Layout(data_dir or default_data_dir()), port_base))
    marks = {True: "[green]ok[/]", False: "[red]FAULT[/]", None: "-"}
    for finding in findings:
        said = (finding.what, finding.seen, "" if finding.ok else finding.remedy)
        table.add_row(marks[finding.ok], *map(escape, said))
    Console().print(table)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)
