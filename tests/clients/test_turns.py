"""Long conversations of the vendors' SDKs, on models of every format."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.client_gateway import ANTHROPIC_MODEL, CODEX_MODEL, GEMINI_MODEL, KEY, OPENAI_MODEL, ClientGateway


@pytest.mark.parametrize("model", [ANTHROPIC_MODEL, OPENAI_MODEL, CODEX_MODEL, GEMINI_MODEL])
def test_turns(model: str, gateway: ClientGateway, installed: Path) -> None:
    """Reasoning, calls and results go back and forth; structured answers fit models within models."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(installed),
        "GATEWAY_URL": gateway.url,
        "GATEWAY_KEY": KEY,
        "MODEL": model,
        "SIMULATOR_URL": gateway.simulator(model).url,
    }
    command = [str(installed / "venv/bin/python"), str(installed / "programs/turns.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
