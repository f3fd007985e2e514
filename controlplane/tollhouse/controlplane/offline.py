"""``python -m tollhouse.controlplane.offline FILE...``: the checks of an apply, without any server.

Prints one problem per line as ``file:line: severity: where: what (hint)``, or with ``--json`` one JSON list.
Exit codes: 0 no errors, 1 errors, 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson
from tollhouse.controlplane.service.checking import MASK_WITHOUT_STORED, Checker
from tollhouse.controlplane.service.planning import Planner
from tollhouse.controlplane.service.reading import Source, read_sources
from tollhouse.controlplane.store.objects import View
from tollhouse.proto.problems import Problem, errors_only
from tollhouse.proto.sealing import Sealer, generate_key

NO_SUCH = "there is no "
"""How check's problem of a reference to nothing begins."""

SUFFIXES = (".yaml", ".yml", ".json")


def check(sources: Sequence[Source], *, partial: bool = False) -> list[Problem]:
    """All problems of a document set. ``partial``: it is part of a configuration that is stored elsewhere, so what it
    refers to need not stand in it."""
    # Nothing is stored, so any key does: what is looked for are mistakes in the documents.
    checker = Checker(Sealer([generate_key()]))
    planner = Planner(read_sources(sources), View({}, 0, 0), checker, 0)
    return [_softened(problem, partial) for problem in planner.run(prune=False).problems]


def main(argv: Sequence[str] | None = None) -> int:
    """Check the files named on the command line; ``-`` is standard input."""
    flags = argparse.ArgumentParser(prog="tollhouse.controlplane.offline", description=__doc__)
    flags.add_argument("files", nargs="+", metavar="FILE", help="YAML or JSON file, folder of them, or - for stdin")
    flags.add_argument("--json", action="store_true", help="print the problems as one JSON list")
    flags.add_argument("--partial", action="store_true", help="references to what is not in the files are warnings")
    arguments = flags.parse_args(argv)
    try:
        sources = [source for name in arguments.files for source in _read(name)]
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    problems = check(sources, partial=arguments.partial)
    if arguments.json:
        print(orjson.dumps([asdict(problem) for problem in problems]).decode())
    else:
        for problem in problems:
            print(problem)
    return 1 if errors_only(problems) else 0


def _read(name: str) -> list[Source]:
    if name == "-":
        return [Source("<stdin>", sys.stdin.buffer.read())]
    path = Path(name)
    if not path.is_dir():
        return [Source(name, path.read_bytes())]
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise FileNotFoundError(2, f"the folder holds no {', '.join(SUFFIXES)} file", name)
    return [Source(str(file), file.read_bytes()) for file in files]


def _softened(problem: Problem, partial: bool) -> Problem:
    """What only a look at the stored configuration could tell is no error here."""
    if problem.what == MASK_WITHOUT_STORED:
        return replace(problem, severity="warning")
    if partial and problem.what.startswith(NO_SUCH):
        return replace(problem, severity="warning")
    return problem


if __name__ == "__main__":
    sys.exit(main())
