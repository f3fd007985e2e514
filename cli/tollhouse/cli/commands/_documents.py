"""The files named on a command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tollhouse.cli.failure import USAGE, Failure

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"


def paths(named: list[str]) -> list[str]:
    """Every file named, folders opened up (their YAML and JSON files, at any depth, in the order of names)."""
    found: list[str] = []
    for name in named:
        path = Path(name)
        if name == STDIN:
            found.append(STDIN)
        elif path.is_dir():
            inside = sorted(str(one) for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
            if not inside:
                raise Failure(f"there is no YAML or JSON file in {name}", code=USAGE)
            found += inside
        elif path.is_file():
            found.append(name)
        else:
            raise Failure(f"there is no file {name}", code=USAGE)
    return found


def read(named: list[str]) -> list[Any]:
    """The documents, as the API takes them."""
    from tollhouse.proto.admin.v1 import config_pb2

    documents = []
    for name in paths(named):
        content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        documents.append(config_pb2.Document(name="stdin" if name == STDIN else name, content=content))
    return documents
