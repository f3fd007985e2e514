"""The providers: true wire formats, latency, faults, and a bill. A transport: gateway and agents reach them alike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
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
        took = (speed.start_s + task.output_tokens / speed.per_s) * self._luck.uniform(0.8, 1.3)
        took *= fault.factor if fault is not None else 1.0
        size = len(request.body) // 4
        patience = min(request.timeouts.first_byte_s, request.timeouts.total_s or 1e9)
        began = loop.time()
        try:
            await asyncio.sleep(min(took, patience))
        except asyncio.CancelledError:
            written = int(task.output_tokens * (loop.time() - began) / took)
            self._charge(key, body["model"], size, written, task, delivered=False)
            raise
        if took > patience:
            written = int(task.output_tokens * patience / took)
            self._charge(key, body["model"], size, written, task, delivered=False)
            raise TransportError("first_byte", "No answer in time.", timed_out=True, request_sent=True)
        self._charge(key, body["model"], size, task.output_tokens, task, delivered=True)
        return _Response(200, _reply(provider, body["model"], size, task.output_tokens))

    async def close(self) -> None:
        """Nothing is open."""

    async def _refuse(self) -> UpstreamResponse:
        self._refusals += 1
        await asyncio.sleep(self._luck.uniform(0.02, 0.15))
        if self._refusals % 2:
            raise TransportError("connect", "The connection was refused.")
        return _Response(503, {"type": "error", "error": {"type": "api_error", "message": "Service unavailable"}})

    def _charge(self, key: str, model: str, size: int, written: int, task: Task, *, delivered: bool) -> None:
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
