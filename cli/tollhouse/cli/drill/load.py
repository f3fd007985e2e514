"""Agents at work: calls at a steady rate, every other one streamed, and how each ended."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.cli.drill.rig import FIRST, MODEL

PATIENCE_S = 30.0
_ERROR_BYTES = 600
_CONTENT = re.compile(rb'"content":\s*"[^"]')
_AFTER = re.compile(r" after ([0-9.]+) s")


@dataclass(slots=True)
class Call:
    """One call as its agent saw it."""

    at_s: float
    """Since the drill began."""
    took_s: float
    status: int
    stream: bool
    whole: bool
    """The answer came to its proper end."""
    told: bool
    """If it broke off, the agent was told so by a well-formed error."""
    attempts: int
    failover_s: float
    """Time spent on attempts that failed before the one that answered."""
    target: str
    begun: bool
    """Content had been shown."""
    met: bool = False
    """The first provider was asked, so that whatever is wrong with it was met."""
    error: str = ""
    """The last the agent heard of a call that did not end well."""


async def work(url: str, rate: float, seconds: float) -> list[Call]:
    """Call ``rate`` times a second for so long; a slow answer delays nobody else's call."""
    import aiohttp

    began = time.monotonic()
    calls: list[Call] = []
    running: set[asyncio.Task[None]] = set()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for number in itertools.count():
            at_s = number / rate
            if at_s >= seconds:
                break
            await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
            one = asyncio.create_task(_call(session, url, number, began, calls))
            running.add(one)
            one.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
    return calls


async def _call(session: Any, url: str, number: int, began: float, calls: list[Call]) -> None:
    import aiohttp

    stream = bool(number % 2)
    body = {
        "model": MODEL,
        "stream": stream,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": f"Task {number}: say what you see."}],
    }
    start = time.monotonic()
    status, text, headers = 0, b"", {}
    try:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        sent = {"x-tollhouse-explain": "1", "authorization": f"Bearer agent-{number % 20}"}
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=sent, timeout=timeout) as reply:
            status, headers = reply.status, dict(reply.headers)
            async for piece in reply.content.iter_any():
                text += piece
    except (aiohttp.ClientError, TimeoutError):
        pass
    calls.append(_judge(start - began, time.monotonic() - start, status, stream, text, headers))


def _judge(at_s: float, took_s: float, status: int, stream: bool, text: bytes, headers: Mapping[str, str]) -> Call:
    lowered = {name.lower(): value for name, value in headers.items()}
    if stream and status == 200:
        failed = b'"error"' in text
        whole = text.rstrip().endswith(b"data: [DONE]") and not failed
        told = failed
    else:
        whole = status == 200 and text.endswith(b"}")
        told = status >= 400 and text.startswith(b"{")
    attempts = int(lowered.get("x-tollhouse-attempts", "0") or 0)
    target = lowered.get("x-tollhouse-target", "")
    begun = stream and _CONTENT.search(text) is not None
    error = "" if whole else text[-_ERROR_BYTES:].decode("utf-8", "replace")
    return Call(
        at_s, took_s, status, stream, whole, told, attempts, _failover(lowered), target, begun, _met(lowered), error
    )


def _met(lowered: Mapping[str, str]) -> bool:
    return any(
        value.startswith(f"{FIRST} ") for name, value in lowered.items() if name.startswith("x-tollhouse-attempt-")
    )


def _failover(headers: Mapping[str, str]) -> float:
    """What the failed attempts took, by the gateway's own account."""
    spent = 0.0
    for number in itertools.count(1):
        line = headers.get(f"x-tollhouse-attempt-{number}")
        if line is None:
            return spent
        found = _AFTER.search(line)
        if found and ": answered" not in line and ": given up" not in line:
            spent += float(found.group(1))
    return spent
