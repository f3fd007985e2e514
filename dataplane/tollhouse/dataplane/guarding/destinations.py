"""Where data could be sent: hosts of addresses and e-mail addresses named in a text."""

from __future__ import annotations

import re
from collections.abc import Set

import re2
from tollhouse.dataplane.guarding.patterns import options

_MOST = 400
_DESTINATION = re2.compile(
    r"(?:https?|ftp|wss?)://(?:[^\s/@\"'<>]{1,200}@)?([a-z0-9][a-z0-9.-]{1,253})|([a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    options(case=False),
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_HOST = re.compile(r"(?<![a-z0-9.@-])[a-z0-9-]+(?:\.[a-z0-9-]+)+(?![a-z0-9@-])")


def destinations_in(text: str) -> set[str]:
    """Hosts and e-mail addresses, lower case. Escapes of JSON are read: ``https:\\/\\/`` is an address, too."""
    if "\\" in text:
        text = _ESCAPE.sub(
            lambda found: chr(int(found[1], 16)) if found[1] else found[2] if found[2] == "/" else " ", text
        )
    if "://" not in text and "@" not in text:
        return set()
    found: set[str] = set()
    for match in _DESTINATION.finditer(text.encode("utf-8", "replace")):
        named = match.group(1) or match.group(2)
        found.add(named.decode().lower().rstrip("."))
        if len(found) >= _MOST:
            break
    return found


def is_named(destination: str, names: Set[str]) -> bool:
    """Whether it, its host or a domain above that is among the names. Below a domain everything is its owner's: data
    leaves in the name of a host as well."""
    host = destination.rpartition("@")[2]
    while host:
        if host in names:
            return True
        _, dot, above = host.partition(".")
        host = above if dot and "." in above else ""
    return False


def strange(arguments: str, trusted: frozenset[str], untrusted: frozenset[str]) -> list[str]:
    """Destinations of a tool call that only untrusted text has named; a host counts as named when an address at it
    or a part of its domain was named by someone trusted. Hosts count without ``https://`` as well."""
    if not untrusted:
        return []
    hosts = {name.rpartition("@")[2] for name in trusted}
    pointed = {name for name in untrusted if "@" not in name}
    told = destinations_in(arguments)
    told |= {host for host in _HOST.findall(arguments.lower()) if is_named(host, pointed)}
    return sorted(
        name
        for name in told
        if name not in trusted
        and (name in untrusted or is_named(name, pointed))
        and ("@" in name or not is_named(name, hosts))
    )
