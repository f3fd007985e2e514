"""Names of kinds as people type them."""

from __future__ import annotations

from tollhouse.cli.failure import USAGE, Failure


def plural(typed: str) -> str:
    """``route``, ``routes``, ``plugin-config`` -> the plural the API uses. Raises Failure that lists the kinds."""
    from tollhouse.proto.resources import KINDS

    wanted = typed.strip().lower().replace("-", "_")
    for name, kind in KINDS.items():
        if wanted in (name, kind.schema_name):
            return name
    raise Failure(f"there is no kind {typed!r}", f"there are {', '.join(KINDS)}", USAGE)


def complete(typed: str) -> list[str]:
    """Kinds that begin as typed, for the shell."""
    from tollhouse.proto.resources import KINDS

    return [name for name in KINDS if name.startswith(typed)]
