"""A gateway for clients of every kind: one node from a file, in front of strict simulators of all providers."""

from __future__ import annotations

from pathlib import Path

from tests.support.system import Node, Simulators

KEY = "th-key-of-a-client"
"""What every client shows."""

CONFIG = f"""
providers:
  - {{id: openai, type: openai}}
  - {{id: anthropic, type: anthropic}}
models:
  - id: gpt-4o
    targets: [{{provider: openai, model: gpt-4o}}]
  - id: gpt-5.5
    targets: [{{provider: openai, model: gpt-5.5}}]
  - id: text-embedding-3-small
    targets: [{{provider: openai, model: text-embedding-3-small}}]
  - id: claude-sonnet-4-5
    targets: [{{provider: anthropic, model: claude-sonnet-4-5}}]
consumers:
  - username: agent
    plugins: {{key-auth: {{key: {KEY}}}}}
routes:
  - id: everything
    uri: /*
    plugins:
      key-auth: {{}}
      ai-proxy-multi: {{models: "*"}}
"""

OPENAI_MODEL = "gpt-4o"
ANTHROPIC_MODEL = "claude-sonnet-4-5"


class ClientGateway:
    """Runs from ``start`` to ``close``. ``url`` is the root; SDKs of OpenAI's kind take ``url/v1``."""

    def __init__(self, folder: Path) -> None:
        self.simulators = Simulators()
        config = folder / "gateway.yaml"
        config.write_text(CONFIG)
        self.node = Node(folder, "node", ["--config", str(config)], self.simulators)
        self.url = self.node.url

    def start(self) -> ClientGateway:
        """Start, and wait until it answers."""
        self.node.start()
        self.node.wait_ready()
        return self

    def close(self) -> None:
        """Stop everything."""
        self.node.stop(5)
        self.simulators.close()
