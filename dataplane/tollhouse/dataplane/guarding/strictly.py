"""What policies ask of what they judge: JSON that has one reading, and an interface whose content can be seen."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange


class TwiceNamed(ValueError):
    """An object names a field twice: programs differ in which one they take."""


def decode_once(text: str) -> Any:
    """The value. Raises TwiceNamed, ValueError for what is no JSON, RecursionError for what is too deep."""
    value = msgspec.json.decode(text)
    if names_twice(text):
        raise TwiceNamed("a field is named twice")
    return value


def names_twice(text: str) -> bool:
    """Whether an object somewhere in valid JSON has two fields of one name."""
    found = False

    def pairs(fields: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in fields}) < len(fields)

    json.loads(text, object_pairs_hook=pairs)
    return found


def require_judgeable(ex: Exchange, policy: str) -> None:
    """Refuse what a provider keeps (files, batches, stored answers). Raises ClientError 403 ``not_judgeable``."""
    assert ex.protocol is not None
    if ex.protocol.stored(ex.method, ex.path):
        raise ClientError(
            403,
            "not_judgeable",
            f"{ex.path} reaches what a provider keeps, which {policy} on this route cannot look into. Give files, "
            "batches and stored responses a route without it, for those who may.",
        )
