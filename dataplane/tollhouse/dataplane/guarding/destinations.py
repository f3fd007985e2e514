"""Where data could be sent: hosts of addresses and e-mail addresses named in a text."""

from __future__ import annotations

import re2
from tollhouse.dataplane.guarding.patterns import options

_MOST = 400
_DESTINATION = re2.compile(
    r"(?:https?|ftp|wss?)://(?:[^\s/@\"'<>]{1,200}@)?([a-z0-9][a-z0-9.-]{1,253})|([a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    options(case=False),
)


def destinations_in(text: str) -> set[str]:
    """Hosts and e-mail addresses, lower case."""
    if "://" not in text and "@" not in text:
        return set()
    found: set[str] = set()
    for match in _DESTINATION.finditer(text.encode("utf-8", "replace")):
        named = match.group(1) or match.group(2)
        found.add(named.decode().lower().rstrip("."))
        if len(found) >= _MOST:
            break
    return found


def strange(arguments: str, trusted: frozenset[str], untrusted: frozenset[str]) -> list[str]:
    """Destinations of a tool call that only untrusted text has named; a host counts as named when an address at it
    or a part of its domain was named by someone trusted."""
    hosts = {name.rpartition("@")[2] for name in trusted}
    return sorted(
        name
        for name in destinations_in(arguments)
        if name in untrusted
        and name not in trusted
        and ("@" in name or not any(name == host or name.endswith(f".{host}") for host in hosts))
    )
