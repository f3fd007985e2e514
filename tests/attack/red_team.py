"""A red team against a live system: `make attack`, or `make attack URL=http://host:9080 KEY=...`.

Without URL it starts a system of its own and attacks everything. With URL it attacks a node that runs already, as an
agent with that key could: only what needs no look behind the scenes.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from tests.attack import callers, configuration, content, formats, identities, wire
from tests.attack.target import ATTACKS, CANARY, KEY, Target
from tests.support.system import System, call

FIELDS = (wire, identities, callers, content, formats, configuration)
"""In the order they are attacked."""

DISPATCH = {"ai-proxy-multi": {"instances": [{"name": "one", "provider": "openai", "weight": 1}]}}
ROUTE = {
    "uris": ["/v1/*", "/v1beta/*"],
    "plugins": {
        "key-auth": {},
        "ai-guard": {"canaries": [CANARY], "output": {"exfiltration.destination": "block"}},
        "ai-model-policy": {"rules": [{"models": ["gpt-*"]}]},
        "ai-tool-policy": {"allow": ["search", "read"], "arguments": [{"argument": "q", "deny": r"\.\./"}]},
        "ai-data-policy": {"rules": [{"fields": ["ssn"], "action": "drop"}]},
        **DISPATCH,
    },
}
FLAGGED = {
    "uri": "/flagged/*",
    "plugins": {
        "key-auth": {},
        "ai-guard": {"actions": {"injection": "flag"}},
        "ai-tool-policy": {"side_effects": ["send_*"]},
        **DISPATCH,
    },
}
"""Where an attack is only told, and what it could do is taken away."""


def own_system(folder: Path) -> System:
    """A system with one guarded route and one agent."""
    system = System(folder)
    system.start()
    system.put("consumers/agent", {"username": "agent", "plugins": {"key-auth": {"key": KEY}}})
    system.put("routes/guarded", ROUTE)
    system.put("routes/flagged", FLAGGED)
    system.wait_live()
    target = Target(system.node.url, KEY, system)
    for _ in range(16):  # both workers know the agent before anybody guesses
        target.chat([{"role": "user", "content": "hello there"}])
    return system


def run(target: Target, fields: Sequence[ModuleType] = FIELDS) -> int:
    """All attacks; prints what held. The exit status: 1 when something gave way."""
    order = [module.__name__ for module in fields]
    wanted = [listed for listed in ATTACKS if listed[2].__module__ in order]
    for name, inside, one in sorted(wanted, key=lambda listed: order.index(listed[2].__module__)):
        if inside and target.system is None:
            continue
        begun = time.monotonic()
        try:
            held, told = one(target)
        except (OSError, AssertionError, ValueError, KeyError, IndexError) as error:
            held, told = False, f"{type(error).__name__}: {error}"[:200]
        target.held.append((name, held, told))
        print(f"{'held' if held else 'GAVE WAY':9} {name}  ({told}; {time.monotonic() - begun:.1f} s)", flush=True)
    broken = sum(not held for _, held, _ in target.held)
    print(f"\n{len(target.held) - broken} of {len(target.held)} held")
    return 1 if broken else 0


def unreachable(url: str) -> str:
    """Why a node cannot be attacked there; empty when it can."""
    if not url.startswith(("http://", "https://")):
        return f"{url!r} is no http:// or https:// address of a node"
    try:
        call(f"{url}/v1/models")
    except OSError as error:
        return f"nobody answers at {url}: {error}"
    return ""


def main() -> int:
    """The command line."""
    flags = argparse.ArgumentParser(description="Attacks a Tollhouse system and prints what held.")
    flags.add_argument("--url", help="a node that runs already (http://host:9080); default: a system of its own")
    flags.add_argument("--key", default="", help="an agent's key there, for the header apikey")
    given = flags.parse_args()
    if given.url:
        problem = unreachable(given.url)
        if problem:
            print(problem, file=sys.stderr)
            return 2
        return run(Target(given.url.rstrip("/"), given.key))
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # simulated providers tell of streams the guard cuts off
    with tempfile.TemporaryDirectory() as folder:
        system = own_system(Path(folder))
        try:
            return run(Target(system.node.url, KEY, system))
        finally:
            system.close()


if __name__ == "__main__":
    sys.exit(main())
