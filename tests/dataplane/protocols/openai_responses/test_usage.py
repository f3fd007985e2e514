"""What responses are charged for that their usage does not tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tollhouse.dataplane.chat import Special, Usage
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.dataplane.protocols.openai_responses.usage import ResponsesWatcher, read_tail
from tollhouse.proto.catalog import lookup

USAGE = {"input_tokens": 10, "output_tokens": 5}
SAID = {"type": "message", "content": [{"type": "output_text", "text": 'the "web_search_call" of it'}]}
CALLS = [
    {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": "x"}},
    {"type": "web_search_call", "status": "completed"},
]


def response(*output: dict[str, Any]) -> dict[str, Any]:
    return {"id": "resp_1", "status": "completed", "model": "gpt-4o", "output": [*output], "usage": USAGE}


@pytest.mark.parametrize(("output", "special"), [([SAID], None), ([*CALLS, SAID], Special(web_searches=2))])
def test_web_searches_are_counted_in_the_answer(output: list[dict[str, Any]], special: Special | None) -> None:
    """Whole or streamed; opening a page is none."""
    usage, model = read_tail(json.dumps(response(*output)).encode())
    assert (usage, model) == (Usage(10, output_tokens=5, special=special), "gpt-4o")
    watcher = ResponsesWatcher()
    event = json.dumps({"type": "response.completed", "response": response(*output)})
    watcher.feed(f"event: response.completed\ndata: {event}\n\n".encode())
    assert watcher.usage == usage


def test_each_costs_what_the_table_says() -> None:
    price = lookup("openai", "gpt-4o").price
    assert price is not None
    assert price.search == 10_000_000_000
    tokens = cost(Usage(10, output_tokens=5), price)
    assert cost(Usage(10, output_tokens=5, special=Special(web_searches=2)), price) == tokens + 20_000_000
