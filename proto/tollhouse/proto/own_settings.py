"""What a configuration may not name: the gateway's own settings and the files behind them.

Whoever may write routes may have a node send what they name to an address of their own. Providers' keys are theirs to
use; the keys of administrators, of sealing and of etcd are not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from tollhouse.proto.problems import Problem

PREFIX = "TOLLHOUSE_"
ALLOWED_VARIABLES = "TOLLHOUSE_ENV_ALLOWED"
"""Environment: globs, comma separated, of the variables a configuration may name; by default all but our own."""
SECRET_FOLDERS = "TOLLHOUSE_SECRET_FOLDERS"
"""Environment: folders, comma separated, in which the secret manager ``file`` may read; by default all but the
system's."""

LOG_FOLDERS = "TOLLHOUSE_LOG_FOLDERS"
"""Environment: folders, comma separated, in which ``file-logger`` may write; by default all but the system's."""

_SYSTEM = ("/proc", "/sys", "/dev")
_VARIABLE = re.compile(r"\$env://([^/\s]*)", re.IGNORECASE)


def may_name_variable(name: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a configuration may use this variable of a node's environment."""
    if name.upper().startswith(PREFIX):
        return False
    known = os.environ if environment is None else environment
    patterns = [one.strip() for one in known.get(ALLOWED_VARIABLES, "*").split(",")]
    return any(fnmatchcase(name, pattern) for pattern in patterns if pattern)


def may_read_folder(folder: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether secrets may be read in a folder (an absolute path without ``..``)."""
    return folder != "/" and _is_within(folder, SECRET_FOLDERS, environment)


def may_write_file(file: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether log entries may be written to a file (an absolute path without ``..`` and links)."""
    return _is_within(file, LOG_FOLDERS, environment)


def _is_within(place: str, variable: str, environment: Mapping[str, str] | None) -> bool:
    path = PurePosixPath(place)
    if any(path.is_relative_to(one) for one in _SYSTEM):
        return False
    known = os.environ if environment is None else environment
    allowed = [one.strip() for one in known.get(variable, "").split(",") if one.strip()]
    return not allowed or any(path.is_relative_to(one) for one in allowed)


def own_settings(value: Any, place: str) -> list[Problem]:
    """A problem for each field that names one of the gateway's own variables."""
    what = "the gateway's own settings are nothing a configuration may use"
    return [Problem(path, f"{name}: {what}", "name a variable of its own") for path, name in _named(value, place)]


def _named(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _named(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _named(inner, f"{path}[{place}]")
    elif isinstance(value, str):
        for found in _VARIABLE.finditer(value):
            if found[1].upper().startswith(PREFIX):
                yield path, f"$env://{found[1]}"
