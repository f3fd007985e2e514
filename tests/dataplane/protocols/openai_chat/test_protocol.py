"""Which requests are chat completions."""

from __future__ import annotations

from tests.support.protocols import OPENAI, document, protocol


def test_a_path_or_a_body_with_messages_tells() -> None:
    chat = protocol(OPENAI)
    assert chat.claims("/v1/chat/completions", None)
    assert chat.claims("/openai/deployments/x/chat/completions", None)
    assert not chat.claims("/ask", None)
    assert chat.claims("/ask", document({"messages": []}))
    assert not chat.claims("/ask", document({"messages": "x"}))
    assert not chat.claims("/ask", document({"input": "x"}))


def test_a_missing_model_is_left_to_the_route() -> None:
    assert protocol(OPENAI).peek(document({"messages": []})).model == ""
