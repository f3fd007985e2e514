"""A request whose body is ready to be judged or shaped by a plugin."""

from __future__ import annotations

import json
from typing import Any

from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin
from tollhouse.dataplane.registry import load_plugin_config, plugin_classes, protocols_by_name

from tests.support.services import plain_services, request

PATHS = {"openai_chat": "/v1/chat/completions", "anthropic_messages": "/v1/messages", "": "/anything"}


def exchange(body: dict[str, Any] | None, protocol: str = "openai_chat") -> Exchange:
    """An exchange with its document read; ``protocol`` empty is an ordinary route."""
    raw = b"" if body is None else json.dumps(body).encode()
    ex = request(None, PATHS[protocol], method="POST", body=raw)  # type: ignore[arg-type]
    ex.body = raw
    ex.document = None if body is None else RequestDocument(raw)
    ex.protocol = protocols_by_name()[protocol] if protocol else None
    return ex


def configured(name: str, **config: Any) -> Plugin[Any]:
    """A plugin as a snapshot would make it. Raises ValueError for a config it does not take."""
    loaded, _ = load_plugin_config(name, config)
    assert loaded is not None
    return plugin_classes()[name](loaded, Place("routes", "r1"), plain_services())
