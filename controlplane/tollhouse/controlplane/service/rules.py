"""What a request may ask of a kind: its verbs, its ids, the fields only the server sets. APISIX's texts."""

from __future__ import annotations

from typing import Any

from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.proto.resources import KINDS, Kind

SERVER_SET = ("create_time", "update_time")


def kind_of(plural: str) -> Kind:
    """The kind. Raises Refusal (not found) for what is no resource type."""
    kind = KINDS.get(plural)
    if kind is None:
        raise Refusal(Fault.NOT_FOUND, f"Unsupported resource type: {plural}")
    return kind


def check_verb(kind: Kind, verb: str) -> None:
    """Raises Refusal (unsupported) where the kind does not have the verb."""
    if verb not in kind.verbs:
        raise Refusal(Fault.UNSUPPORTED, f"not supported `{verb}` method for {kind.singular}")


def id_field(kind: Kind) -> str:
    """The field of the value that repeats the id."""
    return "username" if kind.id_rule == "username" else "id"


def stored_id(kind: Kind, object_id: str) -> str:
    """The id as it stands in the value: a credential's without its consumer, a secret's with its manager (APISIX)."""
    return object_id.rpartition("/")[2] if kind.id_rule == "username/id" else object_id


def settle_id(kind: Kind, path_id: str, value: dict[str, Any]) -> str:
    """The object's id, from the path or else the body, which must agree; the value gets it. Raises Refusal."""
    field = id_field(kind)
    in_body = value.get(field)
    if kind.id_rule == "plugin":
        in_body = None  # a plugin's metadata may have an "id" of its own making; the path decides
    if in_body is not None and (isinstance(in_body, bool) or not isinstance(in_body, str | int)):
        raise invalid(f"invalid configuration: {field}: an id is a string, or a whole number from 1")
    missing = not path_id or path_id.endswith("/")
    if missing and in_body is None:
        raise invalid("missing plugin name" if kind.id_rule == "plugin" else f"missing {kind.singular} id")
    object_id = f"{path_id}{in_body}" if missing else path_id
    own = stored_id(kind, object_id)
    if in_body is not None and str(in_body) not in (own, own.rpartition("/")[2]):
        raise invalid("wrong username" if field == "username" else f"wrong {kind.singular} id")
    check_id(kind, object_id)
    value[field] = own
    return object_id


def check_id(kind: Kind, object_id: str) -> None:
    """Raises Refusal for what cannot be an id of the kind."""
    complaint = kind.id_error(object_id)
    if complaint:
        raise invalid(f"invalid configuration: {id_field(kind)}: {complaint}")


def check_new(kind: Kind, path_id: str, value: dict[str, Any]) -> None:
    """A POST brings no id. Raises Refusal when it does."""
    if path_id or value.get("id") is not None:
        raise invalid(f"wrong {kind.singular} id, do not need it")


def check_server_set(value: dict[str, Any]) -> None:
    """Raises Refusal for timestamps in a PUT or POST; only the server sets them."""
    places = (("", value), ("upstream.", value.get("upstream")), ("plugins.", value.get("plugins")))
    for prefix, part in places:
        for field in SERVER_SET:
            if isinstance(part, dict) and part.get(field) is not None:
                raise invalid(f"the property is forbidden: {prefix}{field}")


def stamp(kind: Kind, value: dict[str, Any], before: dict[str, Any] | None, now: int) -> None:
    """Set the timestamps of a PUT or POST: the creation's stays, the update's is now."""
    if kind.timestamps:
        created = (before or {}).get("create_time")
        value["create_time"] = created if isinstance(created, int) else now
        value["update_time"] = now
