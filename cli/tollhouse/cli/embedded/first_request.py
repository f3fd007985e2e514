"""The request ``up`` sends by itself, so that a newcomer sees an answer before typing anything."""

from __future__ import annotations

import asyncio
import json
import time

from tollhouse.cli.client import Connection
from tollhouse.cli.failure import Failure
from tollhouse.cli.gateway_request import Prompt, Told, send

QUESTION = "Write a Python function to validate email addresses"


async def ask(gateway: str, key: str, within_s: float = 10.0) -> Told:
    """The tutorial's own request (or, with a key, one for the catalogue); tried again while the node warms up."""
    prompt = Prompt(gateway=gateway, text=QUESTION, model="claude-3-sonnet", key=key, stream=False)
    deadline = time.monotonic() + within_s
    while True:
        try:
            return await send(prompt, lambda text: None)
        except Failure:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def route_of(connection: Connection, node: str, key: str) -> str:
    """The route that request took, as the node explains it; empty when the node does not say."""
    return await asyncio.to_thread(_route_of, connection, node, key)


def _route_of(connection: Connection, node: str, key: str) -> str:
    from tollhouse.proto.admin.v1 import node_pb2

    body = Prompt(gateway="", text=QUESTION, model="claude-3-sonnet", stream=False).body()
    request = node_pb2.ExplainRequest(
        method="POST",
        path="/v1/chat/completions",
        headers={"content-type": "application/json", "authorization": f"Bearer {key}"},
        body=json.dumps(body).encode(),
        client_address="127.0.0.1",
    )
    try:
        with connection.node(node) as asked:
            return str(asked.Explain(request).route_id)
    except Failure:
        return ""
