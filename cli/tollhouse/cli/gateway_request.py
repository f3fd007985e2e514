"""One prompt through the gateway, over either wire format, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from tollhouse.cli.failure import REFUSED, UNREACHABLE, Failure

Format = Literal["openai", "anthropic"]
PATHS: dict[Format, str] = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


@dataclass
class Told:
    """What is known about an answered prompt."""

    text: str = ""
    status: int = 0
    model: str = ""
    target: str = ""
    attempts: str = ""
    dropped: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: str = ""
    revision: str = ""
    request_id: str = ""
    first_token_s: float = 0.0
    total_s: float = 0.0
    tool_calls: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Prompt:
    """What to ask."""

    gateway: str
    text: str
    model: str
    key: str = ""
    format: Format = "openai"
    stream: bool = True
    max_tokens: int = 1000
    system: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> dict[str, Any]:
        """The request's body."""
        messages = [{"role": "user", "content": self.text}]
        body: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens, "messages": messages}
        if self.system and self.format == "anthropic":
            body["system"] = self.system
        elif self.system:
            messages.insert(0, {"role": "system", "content": self.system})
        if self.stream:
            body["stream"] = True
            if self.format == "openai":
                body["stream_options"] = {"include_usage": True}
        return body

    def all_headers(self) -> dict[str, str]:
        """The request's headers."""
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        if self.format == "anthropic":
            headers["anthropic-version"] = "2023-06-01"
        return headers | dict(self.headers)


async def send(prompt: Prompt, piece: Callable[[str], None]) -> Told:
    """Send it; ``piece`` gets the answer's text as it arrives. Raises Failure with the gateway's own message."""
    told = Told()
    begun = time.perf_counter()
    url = prompt.gateway.rstrip("/") + PATHS[prompt.format]
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, json=prompt.body(), headers=prompt.all_headers()) as reply,
        ):
            _read_headers(told, reply)
            if reply.status >= 400:
                raise Failure(_error_text(await reply.read(), reply.status), _hint(reply.status), REFUSED)
            if reply.content_type == "text/event-stream":
                async for event in _events(reply):
                    text = _read_event(told, prompt.format, event)
                    if text:
                        told.first_token_s = told.first_token_s or time.perf_counter() - begun
                        told.text += text
                        piece(text)
            else:
                _read_whole(told, prompt.format, await reply.json(content_type=None))
                piece(told.text)
    except (aiohttp.ClientConnectorError, TimeoutError):
        raise Failure(f"cannot reach the gateway at {prompt.gateway}", "gatewayctl up --demo", UNREACHABLE) from None
    except aiohttp.ClientError as error:
        raise Failure(f"the answer broke off: {error}", "gatewayctl nodes", REFUSED) from None
    told.total_s = time.perf_counter() - begun
    return told


def _read_headers(told: Told, reply: aiohttp.ClientResponse) -> None:
    told.status = reply.status
    told.target = reply.headers.get("x-tollhouse-target", "")
    told.model = reply.headers.get("x-tollhouse-model", "")
    told.attempts = reply.headers.get("x-tollhouse-attempts", "")
    told.dropped = reply.headers.get("x-tollhouse-dropped", "")
    told.revision = reply.headers.get("x-tollhouse-revision", "")
    told.request_id = reply.headers.get("x-tollhouse-request-id", "")
    told.cost_usd = reply.headers.get("x-tollhouse-cost-usd", "")


async def _events(reply: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in reply.content:
        if line.startswith(b"data:") and line.strip() != b"data: [DONE]":
            yield json.loads(line[5:])


def _read_event(told: Told, form: Format, event: dict[str, Any]) -> str:
    if "error" in event:
        raise Failure(f"the stream ended with an error: {event['error'].get('message', event['error'])}")
    if form == "anthropic":
        if event.get("type") == "message_start":
            told.model = told.model or event["message"].get("model", "")
            _read_usage(told, form, event["message"].get("usage") or {})
        if event.get("type") == "message_delta":
            _read_usage(told, form, event.get("usage") or {})
        return str((event.get("delta") or {}).get("text") or "")
    told.model = told.model or event.get("model", "")
    _read_usage(told, form, event.get("usage") or {})
    choices = event.get("choices") or []
    return str(choices[0].get("delta", {}).get("content") or "") if choices else ""


def _read_whole(told: Told, form: Format, document: dict[str, Any]) -> None:
    told.model = told.model or document.get("model", "")
    _read_usage(told, form, document.get("usage") or {})
    if form == "anthropic":
        blocks = document.get("content") or []
        told.text = "".join(block.get("text", "") for block in blocks)
        told.tool_calls = [block["name"] for block in blocks if block.get("type") == "tool_use"]
        return
    message = document["choices"][0]["message"]
    told.text = message.get("content") or ""
    told.tool_calls = [call["function"]["name"] for call in message.get("tool_calls") or []]


def _read_usage(told: Told, form: Format, usage: dict[str, Any]) -> None:
    if form == "anthropic":
        cached = usage.get("cache_read_input_tokens") or 0
        fresh = (usage.get("input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
        told.input_tokens = fresh + cached or told.input_tokens
        told.output_tokens = usage.get("output_tokens") or told.output_tokens
    else:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        told.input_tokens = usage.get("prompt_tokens") or told.input_tokens
        told.output_tokens = usage.get("completion_tokens") or told.output_tokens
    told.cached_tokens = cached or told.cached_tokens


def _error_text(body: bytes, status: int) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return f"{status}: {body[:300].decode('utf-8', 'replace')}"
    error = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, dict):
        error = error.get("message") or error.get("error_msg") or error
    return f"{status}: {error}"


def _hint(status: int) -> str:
    return {
        401: "give the agent's key with --key, or set TOLLHOUSE_KEY",
        404: "gatewayctl get routes shows what is served; gatewayctl get models which models",
        429: "a limit is reached; the reply's Retry-After says when to try again",
    }.get(status, "gatewayctl explain shows what the gateway does with it")
