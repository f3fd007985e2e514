"""The requests that are measured, as bytes on the wire."""

from __future__ import annotations

import json
from pathlib import Path

KEY = "bench-key-0123456789abcdef"
_WORDS = "the quick brown fox jumps over the lazy dog and writes a long prompt about gateways and their tolls "


def prompt(size: int) -> str:
    """Harmless text of about ``size`` bytes."""
    return (_WORDS * (size // len(_WORDS) + 1))[:size]


def chat_body(size: int, *, stream: bool, pace_ms: int = 50, events: int = 60) -> bytes:
    """A chat request of about ``size`` bytes; the pace of a streamed answer stands in its prompt."""
    messages = [{"role": "system", "content": "You are a coding agent. Answer briefly."}]
    left = size - 350
    while left > 0:  # agents send many messages, not one
        part = min(left, 8000)
        messages.append({"role": "user", "content": prompt(part)})
        left -= part + 40
    body: dict[str, object] = {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 512}
    if stream:
        messages.append({"role": "user", "content": f"pace={pace_ms} events={events} "})
        body["stream"] = True
    return json.dumps(body, separators=(",", ":")).encode()


def write(folder: Path, name: str, body: bytes) -> Path:
    """A request file for the load generator."""
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\nuser-agent: bench/1\r\nauthorization: Bearer {KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    path = folder / f"{name}.request"
    path.write_bytes(head.encode() + body)
    return path
