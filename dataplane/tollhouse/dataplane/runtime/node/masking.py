"""Shows configuration without its secrets."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.proto.resources import KINDS
from tollhouse.proto.sealing import mask_secrets


def masked(value: Any, model: type[BaseModel]) -> Any:
    """A copy of plain data with what its model marks as secret masked."""
    return mask_secrets(value, model)


def masked_json(raw: RawObject) -> bytes:
    """One stored object as ``{"id", "key", "value", "modifiedIndex"}`` with its secrets masked. An object that cannot
    be read is not shown at all: nobody could say what in it is secret."""
    shown: dict[str, Any] = {"id": raw.id, "kind": raw.kind, "modifiedIndex": raw.mod_revision}
    try:
        value = msgspec.json.decode(raw.value)
        shown["value"] = _mask_object(raw, value)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        shown["error"] = f"cannot be read: {type(error).__name__}"
    return msgspec.json.encode(shown)


def _mask_object(raw: RawObject, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    # Loads every plugin; the supervisor, which shows objects only when asked, runs none of them.
    from tollhouse.dataplane import registry

    if raw.kind == "plugin_metadata":
        cls = registry.plugin_classes()[raw.id]
        return value if cls.Metadata is None else mask_secrets(value, cls.Metadata)
    identifies = raw.kind in ("consumers", "credentials")

    def plugin_model(name: str) -> type[BaseModel] | None:
        cls = registry.plugin_classes().get(name)
        if cls is None:
            return None
        return cls.ConsumerConfig if identifies and cls.ConsumerConfig is not None else cls.Config

    return mask_secrets(value, KINDS[raw.kind].model_for(raw.id), plugin_model)
