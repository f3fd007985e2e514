"""The same figures from the command line: status, top and tail of a running system."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import ADMIN_KEY, System

CHAT = {
    "ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer $env://OPENAI_API_KEY"}}},
    "key-auth": {},
}


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[System]:
    """A system with a chat route, one agent, and the prometheus plugin."""
    system = System(tmp_path)
    try:
        system.start()
        system.admin_call("PUT", "routes/chat", {"uri": "/v1/*", "plugins": CHAT})
        key = {"key-auth": {"key": "the-key-of-anna-0123"}}
        system.admin_call("PUT", "consumers/anna", {"username": "anna", "plugins": key})
        system.put("global_rules/metrics", {"plugins": {"prometheus": {}}})
        yield system
    finally:
        system.close()


def talk(system: System, times: int, key: str = "the-key-of-anna-0123") -> list[int]:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    return [system.chat(body, apikey=key).status for _ in range(times)]


def test_one_look_each(seen: System) -> None:
    """Fine when it is, with figures that are the simulator's; an outage is named with what to do."""
    lines: list[dict[str, object]] = []
    command = [sys.executable, "-m", "tollhouse.cli.main", "--server", seen.server, "tail", "-n", "6", "-o", "json"]
    environment = {"TOLLHOUSE_ADMIN_KEY": ADMIN_KEY, "PATH": "/usr/bin:/bin"}
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert tail.stderr is not None
    assert "following 1 node" in tail.stderr.readline()
    time.sleep(0.5)
    before = seen.simulators.openai.log.requests
    traffic = threading.Timer(1.0, talk, (seen, 5))
    traffic.start()
    top = json.loads(seen.ctl("top", "--once", "--every", "3", "-o", "json").stdout)
    traffic.join()
    assert seen.simulators.openai.log.requests - before == 5
    assert round(top["requests_per_s"] * 3, 1) == pytest.approx(5, rel=0.2)
    assert top["agents"][0]["name"] == "anna"
    assert top["targets"][0]["good"] == 1
    fine = json.loads(seen.ctl("status", "--seconds", "0", "-o", "json").stdout)
    assert {one["state"] for one in fine} == {"good"}, fine
    assert talk(seen, 1, "not-a-key") == [401]
    out, _ = tail.communicate(timeout=10)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [one["status"] for one in lines] == [200] * 5 + [401]
    assert {one["consumer"] for one in lines[:5]} == {"anna"}

    seen.simulators.openai.simulate(status=503)
    traffic = threading.Timer(1.5, talk, (seen, 4))
    traffic.start()
    outage = seen.ctl("status", "--seconds", "4", "-o", "json", check=False)
    traffic.join()
    seen.simulators.openai.simulate(status=401)
    talk(seen, 4)
    dead = json.loads(seen.ctl("status", "--seconds", "0", "-o", "json", check=False).stdout)
    seen.simulators.openai.simulate()
    assert [one for one in dead if one["what"].startswith("target ") and one["state"] == "bad"], dead
    assert outage.returncode == 1
    bad = {one["what"]: one for one in json.loads(outage.stdout) if one["state"] == "bad"}
    assert "failed" in bad["requests"]["found"]
    assert "tail --errors" in bad["requests"]["remedy"]
    assert "need attention" in seen.ctl("status", "--seconds", "0", check=False).stderr
    target = next(one["what"] for one in dead if one["what"].startswith("target "))
    name = target.removeprefix("target ")
    seen.ctl("targets", "open", name, "--all")
    seen.ctl("stop", "--all", "--reason", "a drill")
    stopped = seen.ctl("status", "--seconds", "0", "-o", "json", check=False)
    seen.ctl("resume", "--all")
    told = {one["what"]: one for one in json.loads(stopped.stdout)}
    assert (stopped.returncode, told["kill switch"]["found"]) == (1, "everybody is stopped (a drill)")
    assert "targets reset" in told[target]["remedy"]
    seen.ctl("targets", "reset", name, "--all")
    assert "requests/s" in seen.ctl("top", "--once", "--every", "0.3").stdout

    seen.control_plane.stop()
    gone = seen.ctl("status", "--node", f"127.0.0.1:{seen.node.grpc}", check=False)
    assert gone.returncode == 1
    assert "control plane" in gone.stdout
    assert "serves on" in gone.stdout
    assert "HOST:PORT looks at another" in seen.ctl("status", "--node", "127.0.0.1:1", check=False).stdout
