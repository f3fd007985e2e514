"""The price table that all nodes charge by: which it is, and publishing another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._times import shown
from tollhouse.cli.failure import USAGE, Failure
from tollhouse.cli.render import Output

KIND = "price_tables"


def published(connection: Connection) -> tuple[dict[str, Any], int] | None:
    """The table and its revision; None where none is published."""
    from tollhouse.proto.admin.v1 import config_pb2
    from tollhouse.proto.resources.price_table import PUBLISHED

    with connection.config() as config:
        found = config.List(config_pb2.ListRequest(kind=KIND)).objects
    for one in found:
        if one.id == PUBLISHED:
            return json.loads(one.value_json), one.mod_revision
    return None


def use_published(connection: Connection) -> None:
    """Have this process look prices up where nodes do."""
    from tollhouse.proto.catalog import reader

    found = published(connection)
    if found is None:
        return
    try:
        reader.publish(reader.parse_table(found[0]))
    except ValueError as error:
        render.err().print(f"the published table cannot be read, nodes use their own: {render.plain(str(error))}")


def show_table(connection: Connection, output: Output) -> None:
    """Which one it is, since when, and what comes with this program."""
    from tollhouse.proto.catalog import reader

    found = published(connection)
    bundled = reader.bundled()
    value, revision = found if found is not None else ({}, 0)
    line = {
        "published": f"{value['source']} {value['version']}" if value else "",
        "revision": revision,
        "published_at": value.get("update_time", 0),
        "models": sum(map(len, value.get("vendors", {}).values())),
        "pinned": bool(value.get("pinned")),
        "bundled": bundled.name,
    }
    if output is not Output.TABLE:
        render.data([line], output)
        return
    if not value:
        render.err().print(f"no table is published: each node charges by its own (here {bundled.name})")
        return
    heads = ("PUBLISHED", "REVISION", "SINCE", "MODELS", "PINNED", "COMES WITH THIS PROGRAM")
    since = shown(int(line["published_at"]) * 1000)
    pinned = "yes" if line["pinned"] else "no"
    row = (line["published"], str(revision), since, str(line["models"]), pinned, bundled.name)
    render.table(heads, [[render.plain(one) for one in row]], "")


def publish(connection: Connection, file: str, *, pin: bool) -> int:
    """Have all nodes charge by a table: a file's, or the one of this program."""
    from tollhouse.proto.admin.v1 import config_pb2
    from tollhouse.proto.catalog import reader
    from tollhouse.proto.resources.price_table import PUBLISHED

    try:
        value = json.loads(Path(file).read_bytes() if file else reader.bundled_bytes())
        table = reader.parse_table(value if isinstance(value, dict) else {})
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", code=USAGE) from None
    except ValueError as error:
        raise Failure(f"{file} is no price table: {error}", "gatewayctl prices import reads LiteLLM's", USAGE) from None
    value = {name: value[name] for name in ("source", "version", "vendors")} | {"pinned": pin}
    request = config_pb2.PutRequest(kind=KIND, id=PUBLISHED, value_json=json.dumps(value).encode())
    with connection.config() as config:
        answer = config.Put(request)
    rows = sum(map(len, table.vendors.values()))
    kept = ", pinned" if pin else ""
    render.err().print(f"{render.plain(table.name)} published: {rows} models{kept}, revision {answer.revision}")
    return 0
