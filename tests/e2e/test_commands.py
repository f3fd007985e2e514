"""gatewayctl against a running system."""

import json

import pytest
import yaml

from tests.support.system import System

ROUTE = {"id": "one", "uri": "/one", "upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1}}}


def test_apply_get_diff_delete(system: System) -> None:
    """Objects come in by apply, are seen by get and dump, compared by diff, removed by delete and prune."""
    document = yaml.safe_dump({"routes": [ROUTE]})
    dry = system.ctl("apply", "-f", "-", "--dry-run", "-o", "json", stdin=document)
    assert json.loads(dry.stdout)["changes"] == [{"action": "create", "kind": "routes", "id": "one"}]
    assert system.ctl("get", "routes", "one", check=False).returncode == 1
    done = system.ctl("apply", "-f", "-", "--wait", stdin=document)
    assert "create" in done.stdout
    assert "live on 1 node" in done.stderr
    assert "/one" in system.ctl("get", "routes").stdout
    assert json.loads(system.ctl("get", "route", "one", "-o", "json").stdout)["uri"] == "/one"
    changed = yaml.safe_dump({"routes": [{**ROUTE, "uri": "/two"}]})
    shown = system.ctl("diff", "-f", "-", "--exit-code", stdin=changed, check=False)
    assert shown.returncode == 1
    assert "-uri: /one" in shown.stdout
    assert "+uri: /two" in shown.stdout
    dumped = system.ctl("dump").stdout
    assert system.ctl("diff", "-f", "-", "--exit-code", stdin=dumped).returncode == 0
    pruned = yaml.safe_dump({"routes": [{**ROUTE, "id": "two"}]})
    assert "delete" in system.ctl("apply", "-f", "-", "--prune", stdin=pruned).stdout
    system.ctl("delete", "routes", "two", "--wait")
    assert system.ctl("get", "routes", "two", check=False).returncode == 1


def test_invalid_documents_change_nothing(system: System) -> None:
    """One bad object refuses all; the message names file, line and field."""
    document = "routes:\n  - id: good\n    uri: /good\n    plugins: {request-id: {}}\n  - id: bad\n    urri: /bad\n"
    done = system.ctl("apply", "-f", "-", stdin=document, check=False)
    assert done.returncode == 1
    assert "urri" in done.stderr
    assert "stdin:" in done.stderr
    assert system.ctl("get", "routes", "good", check=False).returncode == 1


def test_a_change_is_seen_in_the_history_and_taken_back(system: System) -> None:
    """history names who and what, show the difference, rollback the way back; every node serves it."""
    good = system.put("routes/h", {"uri": "/h", "upstream": ROUTE["upstream"]})
    system.put("routes/h", {"uri": "/broken", "upstream": ROUTE["upstream"]})
    newest, before = json.loads(system.ctl("history", "-n", "2", "-o", "json").stdout)
    assert (before["revision"], newest["changes"]) == (good, [{"action": "update", "kind": "routes", "id": "h"}])
    assert "update routes/h" in system.ctl("history").stdout
    shown = system.ctl("show", str(newest["revision"])).stdout
    assert "-uri: /h" in shown
    assert "+uri: /broken" in shown
    assert "+uri: /h" in system.ctl("rollback", str(good), "--dry-run").stdout
    done = system.ctl("rollback", str(good), "--yes")
    assert "live" in done.stderr
    assert json.loads(system.ctl("get", "route", "h", "-o", "json").stdout)["uri"] == "/h"
    system.ctl("delete", "routes", "h")


def test_nodes_are_listed(system: System) -> None:
    """The node shows with its workers and no refusals; JSON has the same."""
    assert "node-1" in system.ctl("nodes").stdout
    (node,) = json.loads(system.ctl("nodes", "-o", "json").stdout)["nodes"]
    assert (node["id"], node["workers"], node["workers_alive"]) == ("node-1", 2, 2)


def test_ask_and_explain(system: System) -> None:
    """ask sends a prompt and shows model, target, tokens and cost; explain tells the route and targets unsent."""
    plugins = {
        "ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer $env://OPENAI_API_KEY"}}}
    }
    system.put("routes/ask", {"uri": "/v1/chat/completions", "plugins": plugins})
    common = ("--gateway", system.node.url, "--model", "gpt-4o")
    streamed = system.ctl("ask", "hello gateway", *common)
    assert "You wrote: hello gateway" in streamed.stdout
    whole = json.loads(system.ctl("ask", "hello gateway", *common, "--no-stream", "-o", "json").stdout)
    assert whole["input_tokens"] > 0
    assert float(whole["cost_usd"]) > 0
    before = system.simulators.openai.log.requests
    node = ("--node", f"127.0.0.1:{system.node.grpc}")
    told = json.loads(system.ctl("explain", "hello", "--model", "gpt-4o", *node, "-o", "json").stdout)
    assert told["route_id"] == "ask"
    assert told["targets"]
    assert "ai-proxy" in system.ctl("explain", "--route", "ask", *node).stdout
    assert system.simulators.openai.log.requests == before
    system.admin_call("DELETE", "routes/ask")


def test_doctor_finds_a_healthy_system_healthy(system: System) -> None:
    """Nothing bad on a running system."""
    flags = ["--gateway", system.node.url, "--admin", f"http://127.0.0.1:{system.admin}"]
    flags += ["--etcd", system.etcd.endpoint, "--node", f"127.0.0.1:{system.node.grpc}"]
    done = system.ctl("doctor", *flags, "-o", "json")
    findings = json.loads(done.stdout)
    assert [finding for finding in findings if finding["state"] == "bad"] == []


@pytest.mark.parametrize("arguments", [("get", "routes"), ("nodes",), ("dump",)])
def test_wrong_key_is_refused(system: System, arguments: tuple[str, ...]) -> None:
    """Exit code 1 and a remedy."""
    done = system.ctl("--admin-key", "wrong", *arguments, check=False)
    assert done.returncode == 1
    assert "TOLLHOUSE_ADMIN_KEY" in done.stderr
