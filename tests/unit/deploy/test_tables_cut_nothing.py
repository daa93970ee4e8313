"""A table of the command line shows a long path whole on a narrow terminal."""

from io import StringIO

from rich.console import Console

from deploy.cli.tables import uncut


def test_a_path_that_is_too_long_for_its_column_goes_on_in_the_next_line() -> None:
    path = "/" + "/".join(f"directory-{number:02}" for number in range(12)) + "/postgres.log"
    table = uncut("what", "what to do")
    table.add_row("database", f"read {path}")
    shown = StringIO()

    Console(file=shown, width=40).print(table)

    lines = [line.split("│") for line in shown.getvalue().splitlines() if line.count("│") == 3]
    assert "".join(cells[2].strip() for cells in lines).replace("read", "") == path
