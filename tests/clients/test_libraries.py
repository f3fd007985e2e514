"""SDKs and frameworks: each does the same seven things natively, and on a model of another format."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.client_gateway import ANTHROPIC_MODEL, GEMINI_MODEL, KEY, OPENAI_MODEL, ClientGateway

FEATURES = ("chat", "stream", "tools", "structured", "image", "error", "cancel")
OPENAI = (OPENAI_MODEL, ANTHROPIC_MODEL)
ANTHROPIC = (ANTHROPIC_MODEL, OPENAI_MODEL)
CLIENTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "openai chat": ("openai_chat.py", "", OPENAI),
    "openai responses": ("openai_responses.py", "", OPENAI),
    "anthropic": ("anthropic_sdk.py", "", ANTHROPIC),
    "google-genai": ("google_genai.py", "", (GEMINI_MODEL, ANTHROPIC_MODEL, OPENAI_MODEL)),
    "langchain-openai": ("langchain_any.py", "openai", OPENAI),
    "langchain-anthropic": ("langchain_any.py", "anthropic", ANTHROPIC),
    "pydantic-ai openai": ("pydantic_ai_any.py", "openai", OPENAI),
    "pydantic-ai anthropic": ("pydantic_ai_any.py", "anthropic", ANTHROPIC),
    "openai-agents": ("openai_agents.py", "", OPENAI),
    "litellm openai": ("litellm_any.py", "openai", OPENAI),
    "litellm anthropic": ("litellm_any.py", "anthropic", ANTHROPIC),
    "openai on gemini": ("openai_responses.py", "", ("", GEMINI_MODEL)),
    "openai chat on gemini": ("openai_chat.py", "", ("", GEMINI_MODEL)),
    "anthropic on gemini": ("anthropic_sdk.py", "", ("", GEMINI_MODEL)),
    "node openai chat": ("openai_node.mjs", "chat", OPENAI),
    "node openai responses": ("openai_node.mjs", "responses", OPENAI),
    "node @anthropic-ai/sdk": ("anthropic_node.mjs", "", ANTHROPIC),
    "ai @ai-sdk/openai": ("ai_sdk.mjs", "responses", OPENAI),
    "ai @ai-sdk/openai chat": ("ai_sdk.mjs", "chat", OPENAI),
    "ai @ai-sdk/anthropic": ("ai_sdk.mjs", "anthropic", ANTHROPIC),
}
CASES = [
    (client, "native" if number == 0 else "crossed", model)
    for client, (_, _, models) in CLIENTS.items()
    for number, model in enumerate(models)
    if model
]


WAITING = [
    *("openai chat", "openai responses", "anthropic", "google-genai"),
    *("node openai responses", "node @anthropic-ai/sdk", "ai @ai-sdk/openai", "ai @ai-sdk/anthropic"),
]
"""Each with a reader of streams of its own."""


@pytest.mark.parametrize(("client", "mode", "model"), CASES, ids=[f"{one}-{model}" for one, _, model in CASES])
def test_client(
    client: str, mode: str, model: str, gateway: ClientGateway, installed: Path, matrix: dict[tuple[str, str], dict]
) -> None:
    """Chat, stream, tools, structured output, an image, an error in the client's own words, and leaving early."""
    program, kind, _ = CLIENTS[client]
    interpreter = "node" if program.endswith(".mjs") else str(installed / "venv/bin/python")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(installed),
        "GATEWAY_URL": gateway.url,
        "GATEWAY_KEY": KEY,
        "MODEL": model,
        "KIND": kind,
        "SIMULATOR_URL": gateway.simulator(model).url,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    command = [interpreter, str(installed / "programs" / program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"feature"')]
    cells = {one["feature"]: "ok" if one["ok"] else "FAILED" for one in told}
    label = (
        client if client.count("gemini") or mode == "native" or len(CLIENTS[client][2]) < 3 else f"{client} {model[:6]}"
    )
    matrix[(label, mode)] = {name: cells.get(name, "missing") for name in FEATURES}
    failed = [f"{one['feature']}: {one['why']}" for one in told if not one["ok"]]
    told_all = f"{failed}\n{done.stdout[-800:]}\n{done.stderr[-3000:]}"
    assert not failed, told_all
    assert len(told) == len(FEATURES), told_all


@pytest.mark.parametrize("client", WAITING)
def test_client_takes_signs_of_life_for_what_they_are(client: str, gateway: ClientGateway, installed: Path) -> None:
    """All the same, while the provider takes its time and keep-alives come before the first event and in between."""
    model = CLIENTS[client][2][0]
    gateway.slow(model)
    cells: dict[tuple[str, str], dict[str, str]] = {}
    test_client(client, "native", model, gateway, installed, cells)
    assert set(cells[(client, "native")].values()) == {"ok"}
