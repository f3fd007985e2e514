"""What every Python client program shares: where the gateway is, what is asked, and how an answer is judged.

A program gives one function per feature; ``run`` calls them and prints one JSON line for each.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import os
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

URL = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]
MODEL = os.environ["MODEL"]
SIMULATOR = os.environ["SIMULATOR_URL"]

PROMPT = "Say something."
WEATHER = "What is the weather in Paris?"
WHERE = "The tower is in Paris. Which city is that?"
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PNG_BYTES = base64.b64decode(PNG)
FEATURES = ("chat", "stream", "tools", "structured", "image", "error", "cancel")


def simulate(**fields: Any) -> None:
    """Tell the provider's simulator how to behave."""
    body = json.dumps(fields).encode()
    urlopen(Request(f"{SIMULATOR}/_simulate", body, {"content-type": "application/json"}, method="POST")).read()


def requests() -> list[dict[str, Any]]:
    """What the provider's simulator has received."""
    return list(json.loads(urlopen(f"{SIMULATOR}/_log").read())["entries"])


def _judge(feature: str, value: Any) -> None:
    if feature in ("chat", "image"):
        assert "simulated" in value, f"no answer: {value!r}"
    if feature == "image":
        assert PNG[:40] in json.dumps(requests()[-1]["body"]), "the provider got no image"
    elif feature == "stream":
        assert len(value) > 3, f"came in {len(value)} pieces: {value!r}"
        assert "simulated" in "".join(value), f"no answer: {value!r}"
    elif feature == "tools":
        assert "18 degrees" in value, f"the tool's result is not in {value!r}"
    elif feature == "structured":
        assert value == "Paris", f"expected Paris, got {value!r}"
    elif feature == "error":
        told = f"{type(value).__name__} {value}"
        assert isinstance(value, BaseException), f"no exception but {value!r}"
        assert "429" in told or "RateLimit" in told, told
        assert "Slow down" in told, f"the provider's words are lost: {told}"
    elif feature == "cancel":
        deadline = time.monotonic() + 5
        while requests()[-1]["ended"] != "client left":
            assert time.monotonic() < deadline, f"the provider's request {requests()[-1]['ended']}"
            time.sleep(0.05)


def _prepare(feature: str) -> None:
    if feature == "error":
        simulate(status=429, message="Slow down, please.", retry_after=0)
    elif feature == "cancel":
        simulate(token_ms=30, tokens=600)
    else:
        simulate()


def run(features: dict[str, Callable[[], Any]]) -> None:
    """Try every feature; what a program does not define is not printed."""
    for feature in FEATURES:
        call = features.get(feature)
        if call is None:
            continue
        _prepare(feature)
        try:
            try:
                value = call()
                if inspect.isawaitable(value):
                    value = asyncio.run(value)  # type: ignore[arg-type]
            except Exception as error:
                if feature != "error":
                    raise
                value = error
            _judge(feature, value)
            told = {"feature": feature, "ok": True}
        except BaseException as error:
            told = {"feature": feature, "ok": False, "why": f"{type(error).__name__}: {error}"[:600]}
            traceback.print_exc()
        print(json.dumps(told), flush=True)
    simulate()
