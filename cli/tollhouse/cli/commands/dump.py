"""Everything that is stored, as one document."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands.get import value_of
from tollhouse.cli.render import Output


def run(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output", help="yaml or json")] = Output.YAML,
) -> None:
    """Print the whole configuration as one document. Secrets are masked; applying it again keeps the stored ones."""
    from tollhouse.proto.admin.v1 import config_pb2
    from tollhouse.proto.resources import KINDS

    connection: Connection = context.obj
    document: dict[str, list[Any]] = {}
    with connection.config() as config:
        for kind, known in KINDS.items():
            if known.parent or not known.in_documents:
                continue
            objects = config.List(config_pb2.ListRequest(kind=kind)).objects
            if objects:
                document[kind] = [value_of(one) for one in objects]
            for child in (name for name, other in KINDS.items() if other.parent == kind):
                for one in objects:
                    inside = config.List(config_pb2.ListRequest(kind=child, parent_id=one.id)).objects
                    if inside:
                        document.setdefault(child, []).extend(value_of(found) for found in inside)
    render.data(document, Output.JSON if output is Output.JSON else Output.YAML)
