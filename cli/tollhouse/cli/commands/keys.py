"""Keys of agents: issued, shown once, rotated with overlap, revoked, listed."""

from __future__ import annotations

import json
import secrets
import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.commands._lifetimes import moment, seconds
from tollhouse.cli.failure import USAGE, Failure

_EXPIRES = "expires"


class Action(StrEnum):
    """What to do."""

    ISSUE = "issue"
    ROTATE = "rotate"
    REVOKE = "revoke"
    LIST = "list"


class By(StrEnum):
    """What the key is for."""

    KEY = "key-auth"
    JWT = "jwt-auth"
    HMAC = "hmac-auth"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="issue, rotate, revoke or list")],
    consumer: Annotated[str, typer.Argument(metavar="[CONSUMER]", help="the consumer the key is of")] = "",
    key_id: Annotated[str, typer.Argument(metavar="[KEY]", help="id of the key, to rotate or revoke")] = "",
    by: Annotated[By, typer.Option(help="the plugin that recognises it: key-auth, jwt-auth or hmac-auth")] = By.KEY,
    ttl: Annotated[str, typer.Option(help="how long a new key is good: 12h, 90d; without it until it is revoked")] = "",
    overlap: Annotated[str, typer.Option(help="how long a rotated key is still good beside the new one")] = "1h",
    every: Annotated[bool, typer.Option("--all", help="revoke every key of the consumer")] = False,
    timeout: Annotated[float, typer.Option(help="seconds to wait until every node knows")] = 15.0,
) -> None:
    """Issue, rotate, revoke or list keys of consumers. A key is shown once and stored as its digest; the secrets of
    jwt-auth and hmac-auth are stored sealed."""
    connection: Connection = context.obj
    lifetime, kept = seconds(ttl), seconds(overlap)
    if action is not Action.LIST and not consumer:
        raise Failure(f"{action} needs a consumer", "gatewayctl keys list", USAGE)
    if action in (Action.ROTATE, Action.REVOKE) and not key_id and not (every and action is Action.REVOKE):
        raise Failure(f"{action} needs the id of a key", f"gatewayctl keys list {consumer}", USAGE)
    with connection.config() as config:
        if action is Action.LIST:
            _list(config, consumer)
        elif action is Action.REVOKE:
            _revoke(config, consumer, _ids(config, consumer) if every else [key_id], timeout)
        elif action is Action.ISSUE:
            _issue(config, consumer, by, lifetime, timeout)
        else:
            old = _stored(config, f"{consumer}/{key_id}")
            _issue(config, consumer, _by(old), lifetime, timeout)
            _expire(config, f"{consumer}/{key_id}", old, max(1, kept), timeout)


def _issue(config: Any, consumer: str, by: By, lifetime: int, timeout: float) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    key = f"tlh-{secrets.token_urlsafe(32)}"
    name = f"key-{secrets.token_hex(4)}"
    public = f"{consumer}-{name}"
    plugin = {
        By.KEY: {"key": key},
        By.JWT: {"key": public, "secret": key},
        By.HMAC: {"key_id": public, "secret_key": key},
    }[by]
    value = {"plugins": {by.value: plugin}, **_ending(lifetime, {})}
    request = config_pb2.PutRequest(
        kind="credentials",
        id=f"{consumer}/{name}",
        value_json=json.dumps(value).encode(),
        if_mod_revision=-1,
        ttl_s=lifetime,
    )
    answer = config.Put(request)
    _live.wait(config, answer.revision, timeout)
    until = f", good until {value['labels'][_EXPIRES]}" if lifetime else ""
    named = {By.KEY: "", By.JWT: f" (claim key: {public}, HS256)", By.HMAC: f" (keyId: {public})"}[by]
    told = f"key {render.plain(name)} of {render.plain(consumer)}{render.plain(named)}{until}; it is not shown again:"
    render.err().print(told)
    typer.echo(key)


def _stored(config: Any, object_id: str) -> dict[str, Any]:
    from tollhouse.proto.admin.v1 import config_pb2

    value: dict[str, Any] = json.loads(config.Get(config_pb2.GetRequest(kind="credentials", id=object_id)).value_json)
    return value


def _by(value: dict[str, Any]) -> By:
    """A rotated key is followed by one of its kind."""
    found = next((by for by in By if by.value in (value.get("plugins") or {})), None)
    if found is None:
        raise Failure("only keys of key-auth, jwt-auth and hmac-auth are rotated by this command", "", USAGE)
    return found


def _expire(config: Any, object_id: str, value: dict[str, Any], lifetime: int, timeout: float) -> None:
    """The old key gets an end, and a lease, so that it goes by itself, on all nodes. Its mask keeps what is stored."""
    from tollhouse.proto.admin.v1 import config_pb2

    kept = {name: inner for name, inner in value.items() if name not in ("id", "create_time", "update_time")}
    kept |= _ending(lifetime, kept.get("labels") or {})
    request = config_pb2.PutRequest(
        kind="credentials", id=object_id, value_json=json.dumps(kept).encode(), ttl_s=lifetime
    )
    answer = config.Put(request)
    _live.wait(config, answer.revision, timeout)
    render.err().print(f"the old key {render.plain(object_id)} is good until {kept['labels'][_EXPIRES]}")


def _revoke(config: Any, consumer: str, key_ids: list[str], timeout: float) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    for key_id in key_ids:
        answer = config.Delete(config_pb2.DeleteRequest(kind="credentials", id=f"{consumer}/{key_id}"))
        nodes, took_s = _live.wait(config, answer.revision, timeout)
        told = f"revoked {render.plain(key_id)} of {render.plain(consumer)}: {nodes} nodes in {took_s:.2f} s"
        render.out().print(told)
    if not key_ids:
        render.out().print(f"{render.plain(consumer)} has no keys")


def _ids(config: Any, consumer: str) -> list[str]:
    return [one.id.rpartition("/")[2] for one in _credentials(config, consumer)]


def _credentials(config: Any, consumer: str) -> list[Any]:
    from tollhouse.proto.admin.v1 import config_pb2

    return list(config.List(config_pb2.ListRequest(kind="credentials", parent_id=consumer)).objects)


def _list(config: Any, consumer: str) -> None:
    rows = []
    for one in _credentials(config, consumer):
        value = json.loads(one.value_json)
        owner, _, name = one.id.partition("/")
        until = moment(value.get("expires_at")) or (value.get("labels") or {}).get(_EXPIRES, "")
        by = ", ".join(value.get("plugins") or {})
        row = (name, by, moment(value.get("create_time")), until)
        rows.append(row if consumer else (owner, *row))
    heads = ("key", "by", "since", "until")
    nothing = f"{consumer} has no keys" if consumer else "there are no keys"
    render.table(heads if consumer else ("consumer", *heads), rows, nothing)


def _ending(lifetime: int, labels: dict[str, str]) -> dict[str, Any]:
    """The nodes look at the end themselves; the label says it to people."""
    if not lifetime:
        return {"labels": labels} if labels else {}
    end = int(time.time()) + lifetime
    return {"expires_at": end, "labels": {**labels, _EXPIRES: moment(end)}}
