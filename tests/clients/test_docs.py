"""Every block of docs/agents.md, run as it stands: only address, key and where the clients are installed differ."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.client_gateway import KEY, ClientGateway

PAGE = Path(__file__).parents[2] / "docs/agents.md"
BLOCKS = re.findall(r"```(sh|python|js)\n(.*?)```", PAGE.read_text(), re.DOTALL)


def _id(block: tuple[str, str]) -> str:
    words = next(
        (line for line in block[1].splitlines() if "import" in line or line.startswith(("claude", "codex"))), ""
    )
    return f"{block[0]} {words[:40]}"


@pytest.mark.parametrize("block", BLOCKS, ids=_id)
def test_block(block: tuple[str, str], gateway: ClientGateway, installed: Path, tmp_path: Path) -> None:
    """It ends well, and a provider was asked."""
    kind, text = block
    text = text.replace("http://localhost:9080", gateway.url).replace("th-your-key", KEY)
    suffix, runner = {
        "sh": ("sh", ["bash", "-eu"]),
        "python": ("py", [str(installed / "venv/bin/python")]),
        "js": ("mjs", ["node"]),
    }[kind]
    folder = installed / "programs" if kind == "js" else tmp_path
    script = folder / f"block.{suffix}"
    script.write_text(text)
    path = f"{installed / 'node_modules/.bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "IS_SANDBOX": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [*runner, str(script)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    asked = [*gateway.simulators.openai.log.entries, *gateway.simulators.anthropic.log.entries]
    assert any(entry.status == 200 for entry in asked)
