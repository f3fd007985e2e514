"""What a drill runs on: two simulated providers and a node of two workers, all of them gone afterwards."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tollhouse.cli.drill.faults import Fault
from tollhouse.cli.drill.provider import Provider
from tollhouse.cli.embedded.child import Child, Command
from tollhouse.cli.failure import UNREACHABLE, Failure

MODEL = "drill"
FIRST = "anthropic"
"""The target whose provider is made to fail."""
FIRST_MODEL, SECOND_MODEL = "claude-haiku-4-5", "gpt-4o-mini"
SCRIPT = {"token_ms": 10, "tokens": 20}
"""What both providers do while nothing is wrong."""
_START_S = 60.0


class Rig:
    """``async with Rig(folder) as rig``: ``rig.url`` serves the model ``drill``, from Anthropic's simulator first and
    from OpenAI's when that fails."""

    def __init__(
        self,
        folder: Path,
        routing: Mapping[str, Any] | None = None,
        *,
        first: Provider | None = None,
        second: Provider | None = None,
        checks: Mapping[str, Any] | None = None,
        grpc: bool = False,
    ) -> None:
        """``routing`` overwrites fields of the route's ``ai-proxy-multi``; ``first``, ``second``: somebody else's
        providers, already there; ``checks``: how the first is probed; ``grpc``: the node serves its API at
        ``rig.grpc``."""
        self._folder = folder
        self._routing = dict(routing or {})
        self._checks = {"checks": dict(checks)} if checks else {}
        self._wants_grpc = grpc
        self.grpc = ""
        self.first = first or Provider("anthropic", **SCRIPT)
        self.second = second or Provider("openai", **SCRIPT)
        self._own = [one for one, given in ((self.first, first), (self.second, second)) if given is None]
        self.url = ""
        self._node: Child | None = None

    @property
    def log(self) -> Path:
        """Where the node writes down its calls (``books``)."""
        return self._folder / "calls.log"

    async def __aenter__(self) -> Rig:
        try:
            await asyncio.gather(self._start_node(), *(one.start() for one in self._own))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start_node(self) -> None:
        (self._folder / "config.json").write_text(json.dumps(self._config()))
        state = self._folder / "node"
        arguments = [
            *(sys.executable, "-m", "tollhouse.dataplane", "--config", str(self._folder / "config.json")),
            *("--workers", "2", "--http-listen", "127.0.0.1:0", "--https-listen", "", "--control-listen", ""),
            *(
                "--grpc-listen",
                "127.0.0.1:0" if self._wants_grpc else "",
                "--state-dir",
                str(state),
                "--drain-timeout-s",
                "3",
            ),
        ]
        keys = {
            "TOLLHOUSE_SEALING_KEY": secrets.token_urlsafe(32),
            "ANTHROPIC_API_KEY": "sk-a",
            "OPENAI_API_KEY": "sk-o",
        }
        self._node = Child(Command("node", arguments, keys), self._folder / "node.log", lambda text: None)
        await self._node.start()
        await self._wait(state / "addresses.json")

    async def __aexit__(self, *exc: object) -> None:
        if self._node is not None:
            await self._node.stop()
        for provider in self._own:
            provider.end()

    async def restart_node(self) -> None:
        """Another life of the node, in the same folder."""
        assert self._node is not None
        await self._node.stop()
        (self._folder / "node" / "addresses.json").unlink(missing_ok=True)
        await self._start_node()

    async def begin(self, fault: Fault) -> None:
        """The first provider begins to fail."""
        if fault.stopped:
            await self.first.kill()
        else:
            await self.first.simulate(**fault.script)

    async def end(self, fault: Fault) -> None:
        """It is well again."""
        if fault.stopped:
            await self.first.start()
        else:
            await self.first.simulate()

    def _config(self) -> dict[str, Any]:
        routing = {
            "models": [MODEL],
            "timeouts": {"connect": 1000, "first_byte": 10_000, "total": 20_000},
            "hedge_after_ms": "auto",
            "explain": True,
            **self._routing,
        }
        return {
            "providers": [
                {"id": "anthropic", "type": "anthropic", "endpoint": self.first.url, **self._checks},
                {"id": "openai", "type": "openai", "endpoint": self.second.url},
            ],
            "models": [
                {
                    "id": MODEL,
                    "targets": [
                        {"provider": "anthropic", "model": FIRST_MODEL, "priority": 1},
                        {"provider": "openai", "model": SECOND_MODEL},
                    ],
                }
            ],
            "routes": [
                {
                    "id": "drill",
                    "uri": "/v1/chat/completions",
                    "plugins": {"ai-proxy-multi": routing, "file-logger": {"path": str(self.log)}},
                }
            ],
        }

    async def _wait(self, addresses: Path) -> None:
        import aiohttp

        assert self._node is not None
        deadline = time.monotonic() + _START_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                if listens := _read(addresses):
                    self.url, self.grpc = f"http://{listens['http']}", listens["grpc"]
                    try:
                        async with session.get(self.url) as reply:
                            await reply.read()
                            return
                    except aiohttp.ClientError:
                        pass
                await asyncio.sleep(0.1)
        raise Failure(f"the node of the drill does not answer: {self._node.last_words()}", code=UNREACHABLE)


def _read(addresses: Path) -> dict[str, str]:
    """Where the node listens; empty until it says."""
    told: dict[str, str] = json.loads(addresses.read_text()) if addresses.exists() else {}
    return told
