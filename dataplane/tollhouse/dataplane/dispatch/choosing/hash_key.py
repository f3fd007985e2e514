"""What consistent hashing goes by: a variable, header, cookie, consumer or combination (APISIX ``hash_on``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tollhouse.dataplane import variables

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


def hash_key(hash_on: str, key: str | None) -> Callable[[Exchange], str]:
    """A reader of the key. What is absent is replaced by the client's address (APISIX)."""
    if hash_on == "consumer":
        return lambda ex: ex.consumer_name or ex.client_ip
    wanted = key or "remote_addr"
    if hash_on == "header":
        return lambda ex: ex.headers.get(wanted) or ex.client_ip
    if hash_on == "vars_combinations":
        template = variables.template(wanted)
        return lambda ex: template(ex) or ex.client_ip
    name = f"cookie_{wanted}" if hash_on == "cookie" else wanted.removeprefix("$")
    return lambda ex: variables.as_text(variables.value(ex, name)) or ex.client_ip
