"""The providers: true wire formats, latency, faults, and a bill. A transport: gateway and agents reach them alike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from tollhouse.dataplane.transport import Transport, TransportError, UpstreamRequest, UpstreamResponse
from tollhouse.proto.catalog import lookup

from benchmarks.before_after.scenario import Fault, Task

PORTS = {1: "anthropic", 2: "openai"}
KEY_HEADERS = ("x-api-key", "authorization")


@dataclass(frozen=True, slots=True)
class Speed:
    """How quick a model is: seconds to the first token, tokens per second."""

    start_s: float
    per_s: float


SPEEDS = {
    "claude-opus-4-5": Speed(1.2, 60.0),
    "claude-haiku-4-5": Speed(0.5, 150.0),
    "gpt-5": Speed(1.5, 70.0),
    "gpt-5-mini": Speed(0.6, 140.0),
}


@dataclass(slots=True)
class Billed:
    """One line of a provider's bill. It knows the key that was used, not who used it."""

    at_s: float
    key: str
    model: str
    input_tokens: int
    output_tokens: int
    nano_usd: int
    task: int
    delivered: bool


class World(Transport):
    """All providers."""

    def __init__(self, tasks: Sequence[Task], faults: Sequence[Fault], seed: int) -> None:
        self._tasks = {task.number: task for task in tasks}
        self._faults = faults
        self._luck = random.Random(seed)
        self._refusals = 0
        self.requests = 0
        self.bill: list[Billed] = []
        self.due_s: dict[int, float] = {}
        """When the provider a call was sent to first would have begun its answer (a whole one: been through), had it
        been healthy."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """As the port says."""
        self.requests += 1
        loop = asyncio.get_running_loop()
        provider = PORTS[request.origin.port]
        fault = next(
            (one for one in self._faults if one.provider == provider and one.from_s <= loop.time() < one.to_s), None
        )
        if fault is not None and fault.mode == "down":
            return await self._refuse()
        assert isinstance(request.body, bytes)
        body = msgspec.json.decode(request.body)
        task = self._tasks[int(str(body["messages"][-1]["content"]).rpartition("#")[2].partition("]")[0])]
        key = next(value for name, value in request.headers if name in KEY_HEADERS)
        speed = SPEEDS[body["model"]]
        luck = self._luck.uniform(0.8, 1.3)
        start, took = speed.start_s * luck, (speed.start_s + task.output_tokens / speed.per_s) * luck
        self.due_s.setdefault(task.number, loop.time() + (start if task.streamed else took))
        factor = fault.factor if fault is not None else 1.0
        start, took = start * factor, took * factor
        size = len(request.body) // 4
        if task.streamed:
            stream = _Stream(self, task, key, body["model"], size, start, took, provider)
            await stream.begin(request.timeouts.first_byte_s)
            return stream
        patience = min(request.timeouts.first_byte_s, request.timeouts.total_s or 1e9)
        began = loop.time()
        try:
            await asyncio.sleep(min(took, patience))
        except asyncio.CancelledError:
            written = int(task.output_tokens * (loop.time() - began) / took)
            self.charge(key, body["model"], size, written, task, delivered=False)
            raise
        if took > patience:
            written = int(task.output_tokens * patience / took)
            self.charge(key, body["model"], size, written, task, delivered=False)
            raise TransportError("first_byte", "No answer in time.", timed_out=True, request_sent=True)
        self.charge(key, body["model"], size, task.output_tokens, task, delivered=True)
        return _Response(200, _reply(provider, body["model"], size, task.output_tokens))

    async def close(self) -> None:
        """Nothing is open."""

    async def _refuse(self) -> UpstreamResponse:
        self._refusals += 1
        await asyncio.sleep(self._luck.uniform(0.02, 0.15))
        if self._refusals % 2:
            raise TransportError("connect", "The connection was refused.")
        return _Response(503, {"type": "error", "error": {"type": "api_error", "message": "Service unavailable"}})

    def charge(self, key: str, model: str, size: int, written: int, task: Task, *, delivered: bool) -> None:
        """A line on the bill."""
        price = lookup("anthropic" if model.startswith("claude") else "openai", model).price
        assert price is not None
        nano = (size * price.base.input + written * price.base.output) // 1_000_000
        now = asyncio.get_running_loop().time()
        self.bill.append(Billed(now, key, model, size, written, nano, task.number, delivered))


def _reply(provider: str, model: str, size: int, written: int) -> Any:
    text = "Done."
    if provider == "anthropic":
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": size, "output_tokens": written},
        }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_571_200,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": size, "completion_tokens": written, "total_tokens": size + written},
    }


class _Stream(UpstreamResponse):
    """A streamed answer: its first words when it begins, the rest when it is through."""

    def __init__(
        self, world: World, task: Task, key: str, model: str, size: int, start_s: float, took_s: float, provider: str
    ) -> None:
        self.status = 200
        self.headers = [("content-type", "text/event-stream")]
        self._charge = partial(world.charge, key, model, size)
        self._task = task
        self._written = task.output_tokens
        self._start_s, self._took_s = start_s, took_s
        self._began_s = asyncio.get_running_loop().time()
        self._pieces = list(_events(provider, model, size, task.output_tokens))
        self._left = len(self._pieces)
        self._charged = False

    async def begin(self, patience_s: float) -> None:
        """Wait for its beginning."""
        try:
            await asyncio.sleep(min(self._start_s, patience_s))
        except asyncio.CancelledError:
            self.close()
            raise
        if self._start_s > patience_s:
            self.close()
            raise TransportError("first_byte", "No answer in time.", timed_out=True, request_sent=True)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    async def chunk(self) -> bytes:
        if not self._left:
            return b""
        if self._left == 1:
            await asyncio.sleep(max(0.0, self._began_s + self._took_s - asyncio.get_running_loop().time()))
            self._bill(self._written, delivered=True)
        self._left -= 1
        return self._pieces[-1 - self._left]

    async def read(self, limit: int) -> bytes:
        return await self.chunk()

    def close(self) -> None:
        passed = asyncio.get_running_loop().time() - self._began_s
        self._bill(int(self._written * min(1.0, passed / self._took_s)), delivered=False)

    def _bill(self, written: int, *, delivered: bool) -> None:
        if not self._charged:
            self._charged = True
            self._charge(written, self._task, delivered=delivered)


def _events(provider: str, model: str, size: int, written: int) -> tuple[bytes, bytes]:
    """The first words, and the rest."""
    if provider == "anthropic":
        message = _reply(provider, model, size, 1) | {"content": [], "stop_reason": None}
        text = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "Done."}
        first: list[dict[str, Any]] = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": text},
            {"type": "content_block_delta", "index": 0, "delta": delta},
        ]
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        last: list[dict[str, Any]] = [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": written}},
            {"type": "message_stop"},
        ]
        return _named(first), _named(last)
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_767_571_200, "model": model}
    usage = {"prompt_tokens": size, "completion_tokens": written, "total_tokens": size + written}
    said = {"index": 0, "delta": {"role": "assistant", "content": "Done."}, "finish_reason": None}
    parts = [
        chunk | {"choices": [said]},
        chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        chunk | {"choices": [], "usage": usage},
    ]
    lines = [b"data: %s\n\n" % msgspec.json.encode(one) for one in parts]
    return lines[0], lines[1] + lines[2] + b"data: [DONE]\n\n"


def _named(events: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), msgspec.json.encode(one)) for one in events)


class _Response(UpstreamResponse):
    """A whole answer."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.headers = [("content-type", "application/json")]
        self._body = msgspec.json.encode(body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    async def chunk(self) -> bytes:
        body, self._body = self._body, b""
        return body

    async def read(self, limit: int) -> bytes:
        return await self.chunk()

    def close(self) -> None:
        return None
