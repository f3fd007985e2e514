"""What ``stop`` and ``resume`` have in common: whom a kill switch is for, and the object it is in the configuration."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.cli.client import Connection
from tollhouse.cli.commands import _live
from tollhouse.cli.failure import USAGE, Failure

WAIT_S = 5.0


def switch(consumer: str, group: str, everyone: bool) -> tuple[str, dict[str, Any]]:
    """Id and value of the ``stops`` object. Raises Failure unless exactly one is named."""
    if sum((bool(consumer), bool(group), everyone)) != 1:
        raise Failure("name one: a consumer, --group NAME, or --all", code=USAGE)
    if everyone:
        return "everyone", {"everyone": True}
    if group:
        return f"group.{group}", {"consumer_group": group}
    return f"consumer.{consumer}", {"consumer": consumer}


def put(connection: Connection, object_id: str, value: dict[str, Any]) -> str:
    """Write it and wait for all nodes; a sentence about how far it got."""
    from tollhouse.proto.admin.v1 import config_pb2

    with connection.config() as config:
        request = config_pb2.PutRequest(kind="stops", id=object_id, value_json=json.dumps(value).encode())
        return _wait(config, config.Put(request).revision)


def delete(connection: Connection, object_id: str) -> str:
    """Delete it and wait for all nodes; a sentence about how far it got."""
    from tollhouse.proto.admin.v1 import config_pb2

    with connection.config() as config:
        return _wait(config, config.Delete(config_pb2.DeleteRequest(kind="stops", id=object_id)).revision)


def _wait(config: Any, revision: int) -> str:
    nodes, seconds = _live.wait(config, revision, WAIT_S)
    return f"in effect on {nodes} {'node' if nodes == 1 else 'nodes'} after {seconds:.1f} s (revision {revision})"
