"""Claude Code, headless: a task of several steps and all else it does, on Anthropic's and on OpenAI's format."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tollhouse.cli.simulator import Simulator

from tests.support.agents import CITY, PNG, Agent, claude_code
from tests.support.client_gateway import ANTHROPIC_MODEL, OPENAI_MODEL, ClientGateway

MODES = {"native": ANTHROPIC_MODEL, "crossed": OPENAI_MODEL}
OPTIONS = ("--permission-mode", "bypassPermissions", "--output-format", "json")


def ask(agent: Agent, prompt: str, *more: str, fails: bool = False) -> Any:
    """One run's result."""
    return json.loads(agent.run("-p", prompt, *OPTIONS, *more, fails=fails).splitlines()[-1])


def chat(agent: Agent, simulator: Simulator) -> None:
    """An answer in text."""
    simulator.simulate(tools="none")
    assert "simulated" in ask(agent, "Say something.")["result"]


def tools(agent: Agent, simulator: Simulator) -> None:
    """Write a file, run it, report."""
    path = str(agent.work / "hello.py")
    write = {"text": "Writing.", "calls": {"Write": {"file_path": path, "content": "print(6 * 7)\n"}}}
    run = {"calls": {"Bash": {"command": f"python3 {path}", "description": "Run it"}}}
    simulator.simulate(steps=[write, run])
    assert "42" in ask(agent, "Write hello.py, run it and report.")["result"]
    assert (agent.work / "hello.py").read_text() == "print(6 * 7)\n"


def parallel(agent: Agent, simulator: Simulator) -> None:
    """Two calls at once, then three one after the other."""
    calls = [{"command": f"echo {word}", "description": "Say it"} for word in ("one", "two")]
    steps = [{"calls": {"Bash": calls}}] + [{"calls": {"Bash": calls[0]}}] * 3
    simulator.simulate(steps=steps)
    assert "one" in ask(agent, "Say both.")["result"]
    assert len(simulator.log.entries) == 5


def image(agent: Agent, simulator: Simulator) -> None:
    """Read a picture: it reaches the model, as the format wants it."""
    (agent.work / "a.png").write_bytes(PNG)
    simulator.simulate(steps=[{"calls": {"Read": {"file_path": str(agent.work / "a.png")}}}])
    ask(agent, "Look at a.png.")
    assert "image" in json.dumps(simulator.log.entries[-1].body)
    assert base64.b64encode(PNG).decode()[:8] in json.dumps(simulator.log.entries[-1].body)


def structured(agent: Agent, simulator: Simulator) -> None:
    """``--json-schema``."""
    simulator.simulate(steps=[{"calls": {"StructuredOutput": {"city": "Paris"}}}])
    assert ask(agent, "Which city?", "--json-schema", json.dumps(CITY))["structured_output"] == {"city": "Paris"}


def resume(agent: Agent, simulator: Simulator) -> None:
    """A session goes on with what was said before."""
    simulator.simulate(tools="none")
    session = ask(agent, "My name is Ada.")["session_id"]
    assert "simulated" in ask(agent, "And now?", "--resume", session)["result"]
    assert "My name is Ada" in json.dumps(simulator.log.entries[-1].body)


def tool_search(agent: Agent, simulator: Simulator) -> None:
    """A tool that is found first and used then: its reference is read, and it is offered from then on."""
    agent.environment["ENABLE_TOOL_SEARCH"] = "true"
    find = {"calls": {"ToolSearch": {"query": "select:TaskCreate", "max_results": 5}}}
    use = {"calls": {"TaskCreate": {"subject": "Cook", "description": "Cook a meal"}}}
    simulator.simulate(tools="none", steps=[find, use])
    assert "created successfully: Cook" in ask(agent, "Find the tool and use it.")["result"]
    before, found, used = (entry.body for entry in simulator.log.entries)
    offered = [[tool.get("name") or tool["function"]["name"] for tool in one["tools"]] for one in (before, found, used)]
    assert ["TaskCreate" in names for names in offered] == [False, True, True]
    assert "TaskCreate" in json.dumps(found["messages"][-2:])
    assert ("tool_reference" in json.dumps(found["messages"])) is (simulator.kind == "anthropic")


def compaction(agent: Agent, simulator: Simulator) -> None:
    """A long session is summed up, and goes on from the summary alone."""
    simulator.simulate(tools="none")
    session = ask(agent, "My name is Ada.")["session_id"]
    for number in range(3):
        ask(agent, f"Let us count: {number}.", "--resume", session)
    simulator.simulate(tools="none", text="<summary>Somebody called Ada counted to three.</summary>")
    ask(agent, "/compact", "--resume", session)
    summing = json.dumps(simulator.log.entries[-1].body)
    assert "summary" in summing
    assert "Let us count: 2." in summing
    simulator.simulate(tools="none")
    ask(agent, "And now?", "--resume", session)
    after = json.dumps(simulator.log.entries[-1].body)
    assert "Somebody called Ada counted to three." in after
    assert "Let us count: 0." not in after


def error(agent: Agent, simulator: Simulator) -> None:
    """A final error ends the run with the provider's words."""
    simulator.simulate(status=400, message="You may not, says the provider.")
    assert "You may not, says the provider." in json.dumps(ask(agent, "Say something.", fails=True))


def cancel(agent: Agent, simulator: Simulator) -> None:
    """Interrupted, it leaves no request behind at the provider."""
    simulator.simulate(token_ms=40, tokens=900, tools="none")
    agent.leave(simulator, "-p", "Say something.", *OPTIONS)


DOES: dict[str, Callable[[Agent, Simulator], None]] = {
    one.__name__: one
    for one in (chat, tools, parallel, image, structured, resume, tool_search, compaction, error, cancel)
}


@pytest.mark.parametrize("feature", DOES)
@pytest.mark.parametrize("mode", MODES)
def test_claude_code(
    mode: str, feature: str, gateway: ClientGateway, installed: Path, tmp_path: Path, matrix: dict[Any, Any]
) -> None:
    """See each function."""
    cells = matrix.setdefault(("Claude Code", mode), {})
    if feature == "chat":
        cells["stream"] = "ok"  # it never asks otherwise
    cells[feature] = "FAILED"
    DOES[feature](claude_code(installed, tmp_path, gateway.url, MODES[mode]), gateway.simulator(MODES[mode]))
    cells[feature] = "ok"
