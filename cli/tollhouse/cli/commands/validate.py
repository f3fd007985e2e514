"""Check documents without a control plane."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer
from tollhouse.cli.commands import _documents
from tollhouse.cli.failure import USAGE, Failure


def run(
    files: Annotated[list[str], typer.Argument(help="file or folder; - for standard input")] = [],  # noqa: B006
    more: Annotated[list[str], typer.Option("-f", "--file", help="the same (repeatable)")] = [],  # noqa: B006
) -> int:
    """Check documents offline, with the very classes that will run them. Messages begin with file:line."""
    named = [*files, *more]
    if not named:
        raise Failure("name at least one file, folder or -", code=USAGE)
    command = [sys.executable, "-P", "-m", "tollhouse.controlplane.offline", *_documents.paths(named)]
    # A child process: the parts meet only in their contract, and the plugin classes are the control plane's to load.
    return subprocess.run(command, check=False).returncode
