"""Fake providers on loopback sockets: true wire formats, scripted failures, a log of what they received."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The other side went away."""

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


class FakeProvider:
    """A server that does what it is told: one behaviour per request, the last one again and again."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.script = deque(behaviours)
        self.received: list[Received] = []
        self.url = ""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> FakeProvider:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *rest = head.decode("latin-1").split("\r\n")
                method, target, _ = line.split(" ")
                pairs = (one.partition(":") for one in rest if one)
                headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
                body = await _body(reader, headers)
                received = Received(method, target, headers, body)
                self.received.append(received)
                behaviour = self.script.popleft() if len(self.script) > 1 else self.script[0]
                watch = asyncio.create_task(_closed(reader, received))
                try:
                    await behaviour(received, writer)
                finally:
                    watch.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await watch
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    return await reader.readexactly(int(headers.get("content-length", 0)))


async def _closed(reader: asyncio.StreamReader, received: Received) -> None:
    while not reader.at_eof() and reader.exception() is None:
        if reader._buffer:  # type: ignore[attr-defined]
            return  # the next request on this connection
        await asyncio.sleep(0.005)
    received.closed.set()


# --- behaviours -------------------------------------------------------------------------------------------------------


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Behaviour:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-type": "application/json", **(headers or {}), "content-length": str(len(data))}

    async def act(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, lines) + data)
        await writer.drain()

    return act


def stream(*pieces: bytes | float, cut: bool = False, headers: Mapping[str, str] | None = None) -> Behaviour:
    """A chunked event stream; a number is a pause in seconds. ``cut``: the connection breaks off at the end."""
    lines = {"content-type": "text/event-stream", **(headers or {}), "transfer-encoding": "chunked"}

    async def act(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, lines))
        for piece in pieces:
            if isinstance(piece, float | int):
                await writer.drain()
                await asyncio.sleep(piece)
            else:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(0)
        if cut:
            writer.transport.abort()
            return
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return act


def silence(seconds: float = 30.0) -> Behaviour:
    """No answer at all for so long."""

    async def act(received: Received, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(received.closed.wait(), seconds)
        writer.transport.abort()

    return act


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode()


# --- OpenAI's wire format ---------------------------------------------------------------------------------------------


def openai_reply(
    text: str = "Hello there", model: str = "gpt-4o-mini", usage: tuple[int, int, int] = (20, 5, 4)
) -> Any:
    """A chat completion; ``usage``: prompt, of which cached, completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[2],
            "total_tokens": usage[0] + usage[2],
            "prompt_tokens_details": {"cached_tokens": usage[1]},
        },
    }


def openai_chunk(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    """One event of a stream."""
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


OPENAI_STREAM = (
    openai_chunk({"role": "assistant", "content": ""}),
    openai_chunk({"content": "Hello"}),
    openai_chunk({"content": " there"}),
    openai_chunk({}, "stop"),
    b"data: "
    + json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "gpt-4o-mini",
            "choices": [],
            "usage": openai_reply()["usage"],
        },
        separators=(",", ":"),
    ).encode()
    + b"\n\n",
    b"data: [DONE]\n\n",
)


# --- Anthropic's wire format ------------------------------------------------------------------------------------------


def anthropic_reply(text: str = "Hello there", usage: tuple[int, int, int] = (15, 5, 4)) -> Any:
    """A message; ``usage``: input without the cached, cached, output."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage[0],
            "cache_read_input_tokens": usage[1],
            "cache_creation_input_tokens": 0,
            "output_tokens": usage[2],
        },
    }


def anthropic_event(name: str, **fields: Any) -> bytes:
    """One event of a stream."""
    data = json.dumps({"type": name, **fields}, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode()


def _message_start() -> bytes:
    message = {**anthropic_reply(), "content": [], "stop_reason": None}
    message["usage"] = {**message["usage"], "output_tokens": 1}
    return anthropic_event("message_start", message=message)


ANTHROPIC_STREAM = (
    _message_start(),
    anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"}),
    anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": " there"}),
    anthropic_event("content_block_stop", index=0),
    anthropic_event(
        "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 4}
    ),
    anthropic_event("message_stop"),
)

OPENAI_ERRORS: dict[int, Any] = {
    401: {
        "error": {"message": "Incorrect API key provided: sk-live-123", "type": "invalid_request_error", "code": "k"}
    },
    429: {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}},
    500: {"error": {"message": "The server had an error", "type": "server_error"}},
    529: {"error": {"message": "Overloaded", "type": "overloaded_error"}},
    400: {"error": {"message": "messages[0].role is wrong", "type": "invalid_request_error", "param": "messages"}},
}


@contextlib.asynccontextmanager
async def providers(*scripts: Behaviour | tuple[Behaviour, ...]) -> AsyncIterator[list[FakeProvider]]:
    """Running fakes, one per script."""
    started = [await FakeProvider(*(script if isinstance(script, tuple) else (script,))).start() for script in scripts]
    try:
        yield started
    finally:
        for one in started:
            await one.stop()
