"""Keys of agents: issued, shown once, rotated with overlap, revoked, listed."""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.failure import USAGE, Failure

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EXPIRES = "expires"


class Action(StrEnum):
    """What to do."""

    ISSUE = "issue"
    ROTATE = "rotate"
    REVOKE = "revoke"
    LIST = "list"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="issue, rotate, revoke or list")],
    consumer: Annotated[str, typer.Argument(help="the consumer the key is of")],
    key_id: Annotated[str, typer.Argument(metavar="[KEY]", help="id of the key, to rotate or revoke")] = "",
    ttl: Annotated[str, typer.Option(help="how long a new key is good: 12h, 90d; without it until it is revoked")] = "",
    overlap: Annotated[str, typer.Option(help="how long a rotated key is still good beside the new one")] = "1h",
    timeout: Annotated[float, typer.Option(help="seconds to wait until every node knows")] = 15.0,
) -> None:
    """Issue, rotate, revoke or list the keys of a consumer. A key is shown once and stored as its digest."""
    connection: Connection = context.obj
    lifetime, kept = _seconds(ttl), _seconds(overlap)
    if action in (Action.ROTATE, Action.REVOKE) and not key_id:
        raise Failure(f"{action} needs the id of a key", f"gatewayctl keys list {consumer}", USAGE)
    with connection.config() as config:
        if action is Action.LIST:
            _list(config, consumer)
        elif action is Action.REVOKE:
            _revoke(config, consumer, key_id, timeout)
        else:
            old = _stored(config, f"{consumer}/{key_id}") if action is Action.ROTATE else None
            _issue(config, consumer, lifetime, timeout)
            if old is not None:
                _expire(config, f"{consumer}/{key_id}", old, max(1, kept), timeout)


def _issue(config: Any, consumer: str, lifetime: int, timeout: float) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    key = f"tlh-{secrets.token_urlsafe(32)}"
    name = f"key-{secrets.token_hex(4)}"
    value = {"plugins": {"key-auth": {"key": key}}, "labels": _labels(lifetime)}
    request = config_pb2.PutRequest(
        kind="credentials",
        id=f"{consumer}/{name}",
        value_json=json.dumps(value).encode(),
        if_mod_revision=-1,
        ttl_s=lifetime,
    )
    answer = config.Put(request)
    _live.wait(config, answer.revision, timeout)
    until = f", good until {_labels(lifetime)[_EXPIRES]}" if lifetime else ""
    render.err().print(f"key {render.plain(name)} of {render.plain(consumer)}{until}; it is not shown again:")
    typer.echo(key)


def _stored(config: Any, object_id: str) -> dict[str, Any]:
    from tollhouse.proto.admin.v1 import config_pb2

    value: dict[str, Any] = json.loads(config.Get(config_pb2.GetRequest(kind="credentials", id=object_id)).value_json)
    return value


def _expire(config: Any, object_id: str, value: dict[str, Any], seconds: int, timeout: float) -> None:
    """The old key under a lease: it goes by itself, on all nodes. Its mask keeps what is stored."""
    from tollhouse.proto.admin.v1 import config_pb2

    kept = {name: inner for name, inner in value.items() if name not in ("id", "create_time", "update_time")}
    kept["labels"] = {**(kept.get("labels") or {}), **_labels(seconds)}
    request = config_pb2.PutRequest(
        kind="credentials", id=object_id, value_json=json.dumps(kept).encode(), ttl_s=seconds
    )
    answer = config.Put(request)
    _live.wait(config, answer.revision, timeout)
    render.err().print(f"the old key {render.plain(object_id)} is good until {kept['labels'][_EXPIRES]}")


def _revoke(config: Any, consumer: str, key_id: str, timeout: float) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    answer = config.Delete(config_pb2.DeleteRequest(kind="credentials", id=f"{consumer}/{key_id}"))
    nodes, seconds = _live.wait(config, answer.revision, timeout)
    render.out().print(f"revoked {render.plain(key_id)} of {render.plain(consumer)}: {nodes} nodes in {seconds:.2f} s")


def _list(config: Any, consumer: str) -> None:
    from tollhouse.proto.admin.v1 import config_pb2

    answer = config.List(config_pb2.ListRequest(kind="credentials", parent_id=consumer))
    rows = []
    for one in answer.objects:
        value = json.loads(one.value_json)
        labels = value.get("labels") or {}
        made = value.get("create_time")
        since = datetime.fromtimestamp(made, UTC).isoformat(timespec="seconds") if isinstance(made, int) else ""
        rows.append((one.id.rpartition("/")[2], ", ".join(value.get("plugins") or {}), since, labels.get(_EXPIRES, "")))
    render.table(("key", "by", "since", "until"), rows, f"{consumer} has no keys")


def _labels(lifetime: int) -> dict[str, str]:
    if not lifetime:
        return {}
    return {_EXPIRES: (datetime.now(UTC) + timedelta(seconds=lifetime)).isoformat(timespec="seconds")}


def _seconds(text: str) -> int:
    """``90d`` as seconds; 0 for nothing."""
    if not text:
        return 0
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise Failure(f"{text!r} is no length of time", "write 30m, 12h or 90d", USAGE)
    return int(found[1]) * _UNITS[found[2]]
