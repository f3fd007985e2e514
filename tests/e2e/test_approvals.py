"""Asking for more, against a running system: the request that waits, the operator, and the answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from tests.support.system import ADMIN_KEY, Node, System, call, wait_for

BUDGET = {"unit": "requests", "amount": 1, "window": "day", "on_exceed": "escalate", "max_wait_s": 60}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two nodes; notifications carry links."""
    system = System(tmp_path_factory.mktemp("asking"), durable=True)
    system.control_plane.environment["TOLLHOUSE_PUBLIC_URL"] = f"http://127.0.0.1:{system.admin}"
    try:
        system.start(2)
        for name in ("coder", "tester", "linked"):
            system.put(
                f"consumers/{name}", {"username": name, "plugins": {"key-auth": {"key": f"key-of-{name}-0123456"}}}
            )
        plugins = {
            "key-auth": {},
            "ai-proxy": {"provider": "openai", "auth": {"header": {"authorization": "Bearer x"}}},
        }
        system.put("routes/chat", {"uri": "/v1/chat/completions", "plugins": plugins})
        yield system
    finally:
        system.close()


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A listener for notifications: its address, and what it was told."""
    bodies: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies
    server.shutdown()


def streamed(node: Node, name: str) -> str:
    """What OpenAI's SDK gets, on one connection, trying nothing twice."""
    client = openai.OpenAI(base_url=f"{node.url}/v1", api_key="-", max_retries=0, timeout=60)
    messages: Any = [{"role": "user", "content": "Say hello, please"}]
    headers = {"apikey": f"key-of-{name}-0123456"}
    with client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, stream=True, extra_headers=headers
    ) as got:
        return "".join(piece.choices[0].delta.content or "" for piece in got if piece.choices)


def pending(system: System, budget: str) -> list[dict[str, Any]]:
    listed = system.admin_call("GET", f"approvals?state=pending&budget={budget}")[1]
    return [one["value"] for one in listed["list"]]


def held(system: System, budget: str, ask: Callable[[], str]) -> tuple[Future[str], dict[str, Any]]:
    """A request that waits, and the approval it waits for."""
    running = ThreadPoolExecutor(1).submit(ask)
    wait_for(lambda: pending(system, budget) or running.done(), 10, "an approval")
    assert not running.done(), running.exception()
    return running, pending(system, budget)[0]


def test_a_held_stream_of_the_sdk_goes_on_when_an_operator_approves(asking: System) -> None:
    """On the same connection, though the control plane died meanwhile; the grant holds on the other node, to its
    amount; what was decided stands in the history."""
    asking.put("budgets/coder", {**BUDGET, "scope": {"consumer": "coder"}})
    first, second = asking.nodes
    assert streamed(first, "coder")
    running, approval = held(asking, "coder", lambda: streamed(first, "coder"))
    assert (approval["context"]["consumer"], approval["context"]["stream"]) == ("coder", True)
    assert "hello" not in json.dumps(approval)
    asking.control_plane.kill()
    asking.control_plane.start()
    asking.wait_control_plane()
    assert not running.done()
    done = asking.ctl("approvals", "approve", approval["id"], "--amount", "1", "--for", "10m", "--note", "go on")
    assert "approved: 1 requests until" in done.stdout
    began = time.monotonic()
    assert running.result(20)
    assert time.monotonic() - began < 5
    assert asking.admin_call("POST", f"approvals/{approval['id']}/approve", {})[0] == 412
    again, more = held(asking, "coder", lambda: streamed(first, "coder"))
    assert more["id"] != approval["id"]
    denied = asking.admin_call("POST", f"approvals/{more['id']}/deny", {"for": "1h", "note": "enough for today"})
    assert denied[0] == 200
    with pytest.raises(openai.RateLimitError, match="enough for today"):
        again.result(20)
    with pytest.raises(openai.RateLimitError, match="enough for today"):
        streamed(first, "coder")
    writes = asking.admin_call("GET", "history?kind=approvals")[1]["list"]
    assert [one["via"] for one in writes] == ["rest", "grpc"]
    shown = asking.ctl("approvals", "show", approval["id"], "-o", "json").stdout
    assert (json.loads(shown)["note"], json.loads(shown)["granted"]) == ("go on", "1")
    assert streamed(second, "coder")  # nodes that count for themselves: each has the amount


def test_a_link_in_a_notification_decides(asking: System, told: tuple[str, list[dict[str, Any]]]) -> None:
    """Without a key, once; the waiting request goes on."""
    url, bodies = told
    asking.put("notifiers/ops", {"type": "webhook", "url": url, "events": ["approval_requested"]})
    asking.put("budgets/linked", {**BUDGET, "scope": {"consumer": "linked"}})
    assert streamed(asking.node, "linked")
    running, approval = held(asking, "linked", lambda: streamed(asking.node, "linked"))
    wait_for(lambda: bodies, 10, "the notification")
    assert (bodies[0]["approval"], bodies[0]["consumer"]) == (approval["id"], "linked")
    page = call(bodies[0]["link"])
    assert (page.status, "linked" in page.text) == (200, True)
    from urllib.request import Request, urlopen

    with urlopen(Request(bodies[0]["link"], b"decision=approve&for=5m", method="POST")) as reply:
        assert reply.status == 200
    assert running.result(20)
    assert ADMIN_KEY not in json.dumps(bodies)


def test_operators_decide_at_the_command_line(asking: System) -> None:
    """What does not exist cannot be decided; times must be times; agents' metrics are there."""
    assert "coder" in asking.ctl("approvals", "list", "--state", "denied").stdout
    assert asking.ctl("approvals", "approve", "x", "--for", "soon", check=False).returncode == 2
    scraped = call(f"http://127.0.0.1:{asking.node.control}/metrics").text
    assert 'tollhouse_budget_waits_total{budget="coder",mode="escalate",result="passed"} 1' in scraped
