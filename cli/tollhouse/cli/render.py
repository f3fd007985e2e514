"""What people see (tables, colours, on a terminal) and what scripts read (JSON, YAML, on standard output)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


class Output(StrEnum):
    """Forms of output."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def out() -> Console:
    """Standard output, for results."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Standard error, for remarks and progress: never mixed into results."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def data(value: Any, output: Output) -> None:
    """A value as JSON or YAML."""
    if output is Output.YAML:
        import yaml

        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str = "nothing to show") -> None:
    """Rows under headings, as wide as the terminal allows; on a pipe nothing is cut."""
    from rich import box
    from rich.table import Table

    shown = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    count = 0
    for row in rows:
        shown.add_row(*[cell if isinstance(cell, str) else str(cell) for cell in row])
        count += 1
    console = out()
    if not count:
        err().print(f"[dim]{empty}[/]")
        return
    if not sys.stdout.isatty():
        console.width = 10_000
        shown.box = None
        shown.padding = (0, 2, 0, 0)
    console.print(shown)


def plain(text: Any) -> str:
    """Text that holds no markup."""
    from rich.markup import escape

    return escape(str(text))


_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def problems(found: Iterable[Any]) -> bool:
    """Problems of a configuration (``tollhouse.proto`` or protobuf ones), one a line, on standard error. Returns
    whether an error is among them."""
    console = err()
    failed = False
    for problem in found:
        place = f"{problem.file}:{problem.line}: " if problem.file and problem.line else ""
        if problem.file and not problem.line:
            place = f"{problem.file}: "
        where = f"{problem.where}: " if problem.where else ""
        hint = f" [dim]({plain(problem.hint)})[/]" if problem.hint else ""
        colour = _COLOURS.get(problem.severity, "red")
        console.print(f"{plain(place)}[{colour}]{problem.severity}:[/] {plain(where + problem.what)}{hint}")
        failed = failed or problem.severity == "error"
    return failed
