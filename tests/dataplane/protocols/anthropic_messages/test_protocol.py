"""What the format is for, and what a request of it needs."""

from __future__ import annotations

from tests.support.protocols import ANTHROPIC, document, protocol


def test_a_missing_model_is_left_to_the_route() -> None:
    assert protocol(ANTHROPIC).peek(document({"messages": []})).model == ""


def test_structured_output_is_a_need_under_both_its_names() -> None:
    for body in ({"output_config": {"format": {"type": "json_schema"}}}, {"output_format": {}}):
        assert protocol(ANTHROPIC).peek(document(body)).needs == {"structured_output"}
    assert protocol(ANTHROPIC).peek(document({"output_config": {"effort": "low"}})).needs == frozenset()


def test_usage_is_never_hidden() -> None:
    chunk = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":3}}\n\n'
    reader = protocol(ANTHROPIC).usage_reader(hide_usage=True)
    assert reader.feed(chunk) is chunk
    assert reader.usage.output_tokens == 3
