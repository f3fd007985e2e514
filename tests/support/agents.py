"""Coding agents without a screen: one run each, in a folder and a home of its own."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tollhouse.cli.simulator import Simulator

from tests.support.client_gateway import KEY

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@dataclass
class Agent:
    """An agent's executable, its surroundings and where it works."""

    executable: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work = self.folder / "work"
        self.home = self.folder / "home"
        for folder in (self.work, self.home):
            folder.mkdir()

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **self.environment}
        return subprocess.Popen(
            [str(self.executable), *arguments],
            cwd=self.work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What it printed, once it has ended well (or badly, if it is to)."""
        process = self._start(arguments)
        try:
            out, err = process.communicate(timeout=100)
        finally:
            process.kill()
        assert (process.returncode != 0) is fails, f"ended with {process.returncode}:\n{out[-3000:]}\n{err[-3000:]}"
        return out + err if fails else out

    def leave(self, simulator: Simulator, *arguments: str) -> None:
        """Start it, let some of the answer come, and interrupt it."""
        process = self._start(arguments)
        try:
            wait(lambda: any(entry.pieces_sent > 3 for entry in simulator.log.entries), "no answer began")
            process.send_signal(signal.SIGINT)
            process.wait(15)
        finally:
            process.kill()
            process.communicate()
        wait(lambda: simulator.log.entries[-1].ended == "client left", "the provider's request goes on")


def wait(holds: object, otherwise: str, seconds: float = 30) -> None:
    """Until a condition holds."""
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def claude_code(installed: Path, folder: Path, url: str, model: str) -> Agent:
    """Claude Code, as docs/agents.md says."""
    environment = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "IS_SANDBOX": "1",
    }
    return Agent(installed / "node_modules/.bin/claude", folder, environment)


def codex(installed: Path, folder: Path, url: str, model: str, *, builtin: bool = False) -> Agent:
    """Codex, as docs/agents.md says: with a provider of its own, or its built-in one at another address. Without a
    model it takes the one it comes with."""
    agent = Agent(installed / "node_modules/.bin/codex", folder, {"TOLLHOUSE_KEY": KEY, "CODEX_API_KEY": KEY})
    agent.environment["CODEX_HOME"] = str(agent.home)
    named = f'model = "{model}"\n' if model else ""
    provider = f'openai_base_url = "{url}/v1"\n'
    if not builtin:
        provider = 'model_provider = "tollhouse"\n'
    (agent.home / "config.toml").write_text(
        f'{named}{provider}approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
        "check_for_update_on_startup = false\n[analytics]\nenabled = false\n"
        f'[model_providers.tollhouse]\nname = "Tollhouse"\nbase_url = "{url}/v1"\nenv_key = "TOLLHOUSE_KEY"\n'
        'wire_api = "responses"\n'
    )
    return agent
