"""Who may use the Admin API: identities with roles, and their keys: made, shown once, rotated, withdrawn."""

from __future__ import annotations

import json
import secrets
import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._lifetimes import moment, seconds
from tollhouse.cli.failure import USAGE, Failure

MASK = "********"
_SERVER_SET = ("id", "create_time", "update_time")


class Action(StrEnum):
    """What to do."""

    LIST = "list"
    ADD = "add"
    ROTATE = "rotate"
    REVOKE = "revoke"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="list, add, rotate or revoke")],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="the identity")] = "",
    key_id: Annotated[str, typer.Argument(metavar="[KEY]", help="revoke only this key")] = "",
    role: Annotated[str, typer.Option(help="admin, operator, finance, approver, viewer or node")] = "",
    kind: Annotated[list[str] | None, typer.Option(help="only this kind of the role's (repeatable)")] = None,
    group: Annotated[list[str] | None, typer.Option(help="only this consumer group and those below it")] = None,
    verb: Annotated[list[str] | None, typer.Option(help="only read, write or delete of the role's")] = None,
    ttl: Annotated[str, typer.Option(help="how long the new key is good: 12h, 90d; without it until revoked")] = "",
    overlap: Annotated[str, typer.Option(help="how long the old keys are still good beside the new one")] = "1h",
) -> None:
    """List, add, rotate or revoke identities of the Admin API. A key is shown once and stored as its digest."""
    connection: Connection = context.obj
    if action is not Action.LIST and not name:
        raise Failure(f"{action} needs a name", "gatewayctl admins list", USAGE)
    lifetime, kept = seconds(ttl), seconds(overlap)
    with connection.config() as config:
        if action is Action.LIST:
            _list(config)
        elif action is Action.ADD:
            scope = {"kinds": kind, "consumer_groups": group, "verbs": verb}
            _add(config, name, role, {field: value for field, value in scope.items() if value}, lifetime)
        elif action is Action.ROTATE:
            _rotate(config, name, lifetime, kept)
        else:
            _revoke(config, name, key_id)


def _add(config: Any, name: str, role: str, scope: dict[str, Any], lifetime: int) -> None:
    if not role:
        raise Failure("add needs --role", "--role operator", USAGE)
    key, entry = _new_key(lifetime)
    _put(config, name, {"role": role, **scope, "keys": [entry]}, -1)
    _show(name, entry, key)


def _rotate(config: Any, name: str, lifetime: int, overlap: int) -> None:
    stored = _get(config, name)
    value = json.loads(stored.value_json)
    end, now = int(time.time()) + overlap, int(time.time())
    good = [one for one in value.get("keys", ()) if not one.get("expires_at") or one["expires_at"] > now]
    old = [{**one, "expires_at": min(end, one.get("expires_at") or end)} for one in good] if overlap else []
    key, entry = _new_key(lifetime)
    _put(config, name, {**_written(value), "keys": [*old, entry]}, stored.mod_revision)
    for one in old:
        told = f"the key {render.plain(one['id'])} of {render.plain(name)} is good until {moment(one['expires_at'])}"
        render.err().print(told)
    _show(name, entry, key)


def _revoke(config: Any, name: str, key_id: str) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    if not key_id:
        config.Delete(config_pb2.DeleteRequest(kind="admins", id=name))
        render.out().print(f"{render.plain(name)} may not use the Admin API any more")
        return
    stored = _get(config, name)
    value = json.loads(stored.value_json)
    left = [one for one in value.get("keys", ()) if one["id"] != key_id]
    if len(left) == len(value.get("keys", ())):
        raise Failure(f"{name} has no key {key_id}", "gatewayctl admins list")
    _put(config, name, {**_written(value), "keys": left}, stored.mod_revision)
    render.out().print(f"revoked {render.plain(key_id)} of {render.plain(name)}")


def _list(config: Any) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    rows = []
    for one in config.List(config_pb2.ListRequest(kind="admins")).objects:
        value = json.loads(one.value_json)
        scope = ", ".join(
            f"{field}: {' '.join(value[field])}" for field in ("kinds", "consumer_groups", "verbs") if value.get(field)
        )
        role = value["role"] if value.get("status", 1) else f"{value['role']} (off)"
        for key in value.get("keys") or [{"id": "none"}]:
            rows.append((one.id, role, scope, key["id"], moment(key.get("created_at")), moment(key.get("expires_at"))))
    render.table(("name", "role", "only", "key", "since", "until"), rows, "only keys of the environment are let in")


def _new_key(lifetime: int) -> tuple[str, dict[str, Any]]:
    key, now = f"tha-{secrets.token_urlsafe(32)}", int(time.time())
    entry = {"id": f"key-{secrets.token_hex(4)}", "key": key, "created_at": now}
    return key, {**entry, "expires_at": now + lifetime} if lifetime else entry


def _show(name: str, entry: dict[str, Any], key: str) -> None:
    until = f", good until {moment(entry['expires_at'])}" if "expires_at" in entry else ""
    render.err().print(f"key {render.plain(entry['id'])} of {render.plain(name)}{until}; it is not shown again:")
    typer.echo(key)


def _get(config: Any, name: str) -> Any:
    from tollhouse.proto.admin.v1 import config_pb2

    return config.Get(config_pb2.GetRequest(kind="admins", id=name))


def _put(config: Any, name: str, value: dict[str, Any], if_mod_revision: int) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    body = json.dumps(value).encode()
    config.Put(config_pb2.PutRequest(kind="admins", id=name, value_json=body, if_mod_revision=if_mod_revision))


def _written(value: dict[str, Any]) -> dict[str, Any]:
    """As it may be written again; masked keys stay what they are."""
    return {field: inner for field, inner in value.items() if field not in _SERVER_SET}
