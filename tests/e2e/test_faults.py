"""Processes die, one after the other; agents are served."""

import os
import signal
from pathlib import Path

from tests.support.system import System, status_of, wait_for

TUTORIAL = Path(__file__).parents[2] / "deploy/examples/tutorial.yaml"
ASK = {
    "model": "claude-3-sonnet",
    "messages": [{"role": "user", "content": "Write a Python function to validate email addresses"}],
    "max_tokens": 1000,
}


def served(system: System) -> bool:
    """Whether the tutorial's request is answered by the Anthropic simulator."""
    try:
        answer = system.chat(ASK)
    except OSError:
        return False
    return answer.status == 200 and "claude-3-sonnet" in answer.text


def test_each_process_is_killed_in_turn(own_system: System) -> None:
    """After kill -9 of a worker, etcd, the control plane and the whole node the tutorial works again."""
    system = own_system.start()
    system.ctl("apply", "-f", str(TUTORIAL), "--wait")
    assert served(system)

    workers = system.node.workers()
    os.kill(workers[0], signal.SIGKILL)
    wait_for(lambda: len(set(system.node.workers()) - {workers[0]}) == 2, 15, "a new worker", system.node.said)
    wait_for(lambda: served(system), 10, "an answer after a worker's death", system.node.said)
    assert all(served(system) for _ in range(10))

    system.etcd.kill()
    assert all(served(system) for _ in range(5))
    assert system.admin_call("PUT", "routes/x", {"uri": "/x", "plugins": {}})[0] == 503
    system.etcd.start()
    wait_for(lambda: status_of(f"{system.admin_url}/routes") == 200, 20, "the Admin API", system.control_plane.said)
    system.put("routes/after-etcd", {"uri": "/after-etcd", "plugins": {"cors": {}}, "upstream": {"nodes": {"a:1": 1}}})
    assert served(system)

    system.control_plane.kill()
    assert all(served(system) for _ in range(5))
    system.control_plane.start()
    system.wait_control_plane()
    system.put("routes/after-control-plane", {"uri": "/x", "plugins": {}, "upstream": {"nodes": {"a:1": 1}}})

    orphans = system.node.workers()
    system.node.kill()
    wait_for(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), 20, "the workers' end", system.node.said
    )
    system.node.start()
    system.node.wait_ready()
    wait_for(lambda: served(system), 15, "an answer after the node's death", system.node.said)


def test_node_starts_and_serves_with_etcd_down(own_system: System) -> None:
    """The last good configuration is on the node's disk: it starts without etcd and catches up when etcd is back."""
    system = own_system.start()
    system.ctl("apply", "-f", str(TUTORIAL), "--wait")
    assert served(system)
    assert system.node.stop() == 0
    system.etcd.kill()
    system.node.start()
    system.node.wait_ready()
    wait_for(lambda: served(system), 15, "an answer without etcd", system.node.said)
    system.etcd.start()
    wait_for(lambda: status_of(f"{system.admin_url}/routes") == 200, 20, "the Admin API", system.control_plane.said)
    wait_for(lambda: "etcd" in system.ctl("nodes").stdout, 20, "the node's registration", system.node.said)
    system.put("routes/later", {"uri": "/later", "plugins": {}, "upstream": {"nodes": {"a:1": 1}}})
    assert served(system)


def test_stopping_a_node_finishes_what_runs(own_system: System) -> None:
    """SIGTERM during a stream: the stream ends well, then the node ends with status 0."""
    import threading

    system = own_system.start()
    system.ctl("apply", "-f", str(TUTORIAL), "--wait")
    system.simulators.anthropic.simulate(tokens=20, token_ms=50)
    texts: list[str] = []
    asking = threading.Thread(target=lambda: texts.append(system.chat({**ASK, "stream": True}).text))
    asking.start()
    wait_for(lambda: system.simulators.anthropic.log.requests == 1, 5, "the request at the provider")
    assert system.node.stop() == 0
    asking.join(10)
    assert texts
    assert texts[0].rstrip().endswith("data: [DONE]")
