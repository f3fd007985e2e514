"""Codex, headless: a task of several steps and all it asks of a gateway, on responses and on Anthropic's format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tollhouse.cli.simulator import Simulator

from tests.support.agents import CITY, PNG, Agent, codex
from tests.support.client_gateway import ANTHROPIC_MODEL, CODEX_MODEL, ClientGateway

OPTIONS = ("exec", "--skip-git-repo-check")
PATCH = "*** Begin Patch\n*** Add File: hello.py\n+print(6 * 7)\n*** End Patch\n"


def chat(agent: Agent, simulator: Simulator) -> None:
    """An answer in text."""
    assert "simulated" in agent.run(*OPTIONS, "Say something.")


def tools(agent: Agent, simulator: Simulator) -> None:
    """Write a file, run it, report."""
    steps = [{"text": "Writing.", "calls": {"exec_command": {"cmd": "echo 'print(6 * 7)' > hello.py"}}}]
    steps += [{"calls": {"exec_command": {"cmd": "python3 hello.py"}}}]
    simulator.simulate(steps=steps)
    assert "42" in agent.run(*OPTIONS, "Write hello.py, run it and report.")
    assert (agent.work / "hello.py").read_text() == "print(6 * 7)\n"


def patch(agent: Agent, simulator: Simulator) -> None:
    """``apply_patch``: a tool that takes a text with a grammar, elsewhere a function."""
    free = simulator.kind == "openai"
    simulator.simulate(steps=[{"calls": {"apply_patch": PATCH if free else {"input": PATCH}}}])
    agent.run(*OPTIONS, "Write hello.py.")
    assert (agent.work / "hello.py").read_text() == "print(6 * 7)\n"


def parallel(agent: Agent, simulator: Simulator) -> None:
    """Two calls at once, then two one after the other."""
    calls = [{"cmd": f"echo {word}"} for word in ("one", "two")]
    simulator.simulate(steps=[{"calls": {"exec_command": calls}}, *[{"calls": {"exec_command": calls[0]}}] * 2])
    assert "one" in agent.run(*OPTIONS, "Say both.")
    assert len(simulator.log.entries) == 4


def image(agent: Agent, simulator: Simulator) -> None:
    """A picture in the prompt, and one a tool gives back."""
    (agent.work / "a.png").write_bytes(PNG)
    simulator.simulate(steps=[{"calls": {"view_image": {"path": str(agent.work / "a.png")}}}])
    agent.run(*OPTIONS, "Look at a.png.", "-i", "a.png")
    sent = json.dumps(simulator.log.entries[-1].body)
    assert sent.count("iVBORw0KGgo") == 2


def structured(agent: Agent, simulator: Simulator) -> None:
    """``--output-schema``."""
    (agent.work / "schema.json").write_text(json.dumps(CITY))
    simulator.simulate(text='{"city": "Paris"}')
    out = agent.run(*OPTIONS, "The tower is in Paris. Which city?", "--output-schema", "schema.json")
    assert json.loads(out.splitlines()[-1]) == {"city": "Paris"}
    assert '"city"' in json.dumps(simulator.log.entries[-1].body)


def resume(agent: Agent, simulator: Simulator) -> None:
    """A session goes on with what was said before, reasoning included."""
    agent.run(*OPTIONS, "My name is Ada.")
    assert "simulated" in agent.run("exec", "resume", "--last", "--skip-git-repo-check", "And now?")
    assert "My name is Ada" in json.dumps(simulator.log.entries[-1].body)


def error(agent: Agent, simulator: Simulator) -> None:
    """A final error ends the run with the provider's words."""
    simulator.simulate(status=400, message="You may not, says the provider.")
    assert "You may not, says the provider." in agent.run(*OPTIONS, "Say something.", fails=True)


def cancel(agent: Agent, simulator: Simulator) -> None:
    """Interrupted, it leaves no request behind at the provider."""
    simulator.simulate(token_ms=40, tokens=900, tools="none")
    agent.leave(simulator, *OPTIONS, "Say something.")


DOES: dict[str, Callable[[Agent, Simulator], None]] = {
    one.__name__: one for one in (chat, tools, patch, parallel, image, structured, resume, error, cancel)
}


@pytest.mark.parametrize("feature", DOES)
@pytest.mark.parametrize("mode", ["native", "crossed"])
def test_codex(
    mode: str, feature: str, gateway: ClientGateway, installed: Path, tmp_path: Path, matrix: dict[Any, Any]
) -> None:
    """See each function. Crossed: the name Codex knows, so that it sends all its kinds of tools, served by Claude."""
    cells = matrix.setdefault(("Codex", mode), {})
    if feature == "chat":
        cells["stream"] = "ok"  # it never asks otherwise
    cells[feature] = "FAILED"
    crossed = mode == "crossed"
    agent = codex(installed, tmp_path, f"{gateway.url}/crossed" if crossed else gateway.url, CODEX_MODEL)
    DOES[feature](agent, gateway.simulator(ANTHROPIC_MODEL if crossed else CODEX_MODEL))
    cells[feature] = "ok"


@pytest.mark.parametrize("mode", ["native", "crossed"])
def test_the_model_it_comes_with(
    mode: str, gateway: ClientGateway, installed: Path, tmp_path: Path, matrix: dict[Any, Any]
) -> None:
    """No tools in the usual place, but an item of them; one takes JavaScript, and what that runs is what is done."""
    cells = matrix.setdefault(("Codex", mode), {})
    cells["default"] = "FAILED"
    crossed = mode == "crossed"
    simulator = gateway.simulator(ANTHROPIC_MODEL if crossed else CODEX_MODEL)
    script = 'const done = await tools.exec_command({cmd: "expr 40 + 2 | tee a.txt"}); text(done.output);'
    calls = {"functions__exec": {"input": script}} if crossed else {"functions.exec": script}
    simulator.simulate(tools="none", steps=[{"calls": calls}] * 2)
    agent = codex(installed, tmp_path, f"{gateway.url}/{'crossed' if crossed else 'any'}", "")
    assert "42" in agent.run(*OPTIONS, "Add two to forty.")
    assert (agent.work / "a.txt").read_text() == "42\n"
    first, *_, last = (entry.body for entry in simulator.log.entries)
    assert len(simulator.log.entries) == 3
    if crossed:
        assert all("__" in tool["name"] for tool in first["tools"])
    else:
        assert "tools" not in first
        assert first["input"][0]["type"] == "additional_tools"
        assert [item["type"] for item in last["input"]].count("custom_tool_call_output") == 2
    cells["default"] = "ok"


def test_the_built_in_provider_gives_up_its_websocket_at_once(
    gateway: ClientGateway, installed: Path, tmp_path: Path
) -> None:
    """426 sends it on to HTTP without a retry."""
    tools(codex(installed, tmp_path, gateway.url, CODEX_MODEL, builtin=True), gateway.simulator(CODEX_MODEL))


def test_a_name_codex_does_not_know_is_served_by_claude(
    gateway: ClientGateway, installed: Path, tmp_path: Path
) -> None:
    """Functions, a group and web search: the first two are carried, the last is left out."""
    agent = codex(installed, tmp_path, gateway.url, ANTHROPIC_MODEL)
    tools(agent, gateway.simulator(ANTHROPIC_MODEL))
    names = [tool["name"] for tool in gateway.simulator(ANTHROPIC_MODEL).log.entries[0].body["tools"]]
    assert any("__" in name for name in names), names
    assert "web_search" not in names
