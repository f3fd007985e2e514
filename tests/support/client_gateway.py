"""A gateway for clients of every kind: one node from a file, in front of strict simulators of all providers."""

from __future__ import annotations

from pathlib import Path

from tollhouse.cli.simulator import Simulator
from tollhouse.cli.simulator.script import Script

from tests.support.system import Node, Simulators

KEY = "th-key-of-a-client"
"""What every client shows."""

OPENAI_MODEL = "gpt-4o"
CODEX_MODEL = "gpt-5.5"
ANTHROPIC_MODEL = "claude-sonnet-4-5"
GEMINI_MODEL = "gemini-2.5-flash"

CONFIG = f"""
providers:
  - {{id: openai, type: openai}}
  - {{id: anthropic, type: anthropic}}
  - {{id: gemini, type: gemini}}
models:
  - id: gpt-4o
    targets: [{{provider: openai, model: gpt-4o}}]
  - id: gpt-5.5
    targets: [{{provider: openai, model: gpt-5.5}}]
  - id: text-embedding-3-small
    targets: [{{provider: openai, model: text-embedding-3-small}}]
  - id: claude-sonnet-4-5
    targets: [{{provider: anthropic, model: claude-sonnet-4-5}}]
  - id: gemini-2.5-flash
    targets: [{{provider: gemini, model: gemini-2.5-flash}}]
consumers:
  - username: agent
    plugins: {{key-auth: {{key: {KEY}}}}}
routes:
  - id: crossed
    uri: /crossed/*
    plugins:
      key-auth: {{}}
      ai-proxy-multi:
        instances:
          - name: claude
            provider: anthropic
            weight: 1
            auth: {{header: {{x-api-key: $env://ANTHROPIC_API_KEY}}}}
            options: {{model: {ANTHROPIC_MODEL}}}
  - id: any
    uri: /any/*
    plugins:
      key-auth: {{}}
      ai-proxy-multi:
        instances: [{{name: openai, provider: openai, weight: 1}}]
  - id: everything
    uri: /*
    plugins:
      key-auth: {{}}
      ai-proxy-multi: {{models: "*"}}
"""


class ClientGateway:
    """Runs from ``start`` to ``close``. ``url`` is the root; SDKs of OpenAI's kind take ``url/v1``."""

    def __init__(self, folder: Path) -> None:
        self.simulators = Simulators()
        self.gemini = Simulator("gemini", cache_min_tokens=64)
        self.simulators.start(self.gemini)
        config = folder / "gateway.yaml"
        config.write_text(CONFIG)
        self.node = Node(folder, "node", ["--config", str(config)], self.simulators)
        self.node.environment["TOLLHOUSE_ENDPOINT_GEMINI"] = self.gemini.url
        self.node.environment["GEMINI_API_KEY"] = "key-of-gemini"
        self.node.environment["TOLLHOUSE_KEEPALIVE_S"] = "0.1"
        self.url = self.node.url

    def simulator(self, model: str) -> Simulator:
        """The provider that serves a model."""
        if model.startswith("gemini"):
            return self.gemini
        return self.simulators.anthropic if model.startswith("claude") else self.simulators.openai

    def slow(self, model: str) -> None:
        """From now on the provider of a model takes long enough for signs of life, whatever else it is told."""
        simulator = self.simulator(model)
        simulator.base_script = Script(first_token_ms=400, token_ms=20)
        simulator.simulate()

    def reset(self) -> None:
        """All providers healthy and quick, their logs empty."""
        for simulator in (self.simulators.openai, self.simulators.anthropic, self.simulators.qwen, self.gemini):
            simulator.base_script = Script()
        self.simulators.reset()
        self.gemini.simulate()
        self.gemini.log.clear()

    def start(self) -> ClientGateway:
        """Start, and wait until it answers."""
        self.node.start()
        self.node.wait_ready()
        return self

    def close(self) -> None:
        """Stop everything."""
        self.node.stop(5)
        self.simulators.stop(self.gemini)
        self.simulators.close()
