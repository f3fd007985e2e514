"""The official SDKs put translated streams and errors together as their own: read from a real server's bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
import openai
import pytest
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.registry import protocols_by_name

from tests.support.golden import load

MESSAGES = [{"role": "user", "content": "hi"}]


@contextmanager
def serving(status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> Iterator[list[str]]:
    """A server with one answer to everything. Gives its address, followed by the paths it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append(self.path)
            self.send_response(status)
            for name, value in {"content-type": content_type, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = [f"http://127.0.0.1:{server.server_port}"]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def translated(name: str, case: str, target: str) -> bytes:
    """A stream fixture in the other format's bytes."""
    decoder = protocols_by_name()[name].stream_decoder()
    encoder = protocols_by_name()[target].stream_encoder(ReplyContext(model="m", stream_usage=True, request_id="r1"))
    events = decoder.feed(load(name, "streams", case, ".sse")) + decoder.close()
    return b"".join(map(encoder.encode, events))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("tools", {"get_weather": {"city": "Paris"}, "now": {}}),
        ("interleaved_tools", {"a": {"x": 1}, "b": {"y": 2}}),
    ],
)
def test_anthropics_sdk_reads_an_openai_stream(case: str, expected: dict) -> None:
    body = translated("openai_chat", case, "anthropic_messages")
    with serving(200, "text/event-stream", body) as seen:
        client = anthropic.Anthropic(base_url=seen[0], api_key="k")
        with client.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream:
            message = stream.get_final_message()
    assert {block.name: block.input for block in message.content if block.type == "tool_use"} == expected
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (16, 9)


def test_openais_sdk_reads_an_anthropic_stream() -> None:
    body = translated("anthropic_messages", "tools", "openai_chat")
    with serving(200, "text/event-stream", body) as seen:
        client = openai.OpenAI(base_url=seen[0] + "/v1", api_key="k")
        with client.chat.completions.stream(
            model="m", messages=MESSAGES, stream_options={"include_usage": True}
        ) as stream:
            final = stream.get_final_completion()
    message = final.choices[0].message
    assert message.content == "Looking."
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()] == [
        ("toolu_1", "get_weather", '{"city":"Paris"}'),
        ("toolu_2", "now", "{}"),
    ]
    assert final.usage is not None
    assert final.usage.prompt_tokens == 21


def test_an_error_inside_a_stream_is_raised_by_both_sdks() -> None:
    body = translated("openai_chat", "error", "anthropic_messages")
    with serving(200, "text/event-stream", body) as seen:
        client = anthropic.Anthropic(base_url=seen[0], api_key="k", max_retries=0)
        stream = client.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=True)
        with pytest.raises(anthropic.APIError, match="The server had an error"):
            list(stream)
    body = translated("anthropic_messages", "error", "openai_chat")
    with serving(200, "text/event-stream", body) as seen:
        chat = openai.OpenAI(base_url=seen[0], api_key="k", max_retries=0)
        chunks = chat.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError, match="Overloaded"):
            list(chunks)


def test_a_spent_budget_is_not_asked_for_again() -> None:
    error = ClientError(429, "budget_exceeded", "The budget of team blue is spent.")
    for name in ("openai_chat", "anthropic_messages"):
        protocol = protocols_by_name()[name]
        body, headers = protocol.encode_error(error, "r1"), protocol.error_headers(error)
        with serving(protocol.error_status(error), "application/json", body, headers) as seen:
            if name == "openai_chat":
                with pytest.raises(openai.RateLimitError, match="team blue") as caught:
                    openai.OpenAI(base_url=seen[0], api_key="k").chat.completions.create(model="m", messages=MESSAGES)
                assert caught.value.code == "insufficient_quota"
            else:
                client = anthropic.Anthropic(base_url=seen[0], api_key="k")
                with pytest.raises(anthropic.APIStatusError, match="team blue"):
                    client.messages.create(model="m", max_tokens=9, messages=MESSAGES)
            assert len(seen) == 2
